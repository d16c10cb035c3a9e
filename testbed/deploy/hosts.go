package deploy

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"hidp/devices"
	"hidp/internal/input"
	"hidp/internal/strict"
	"hidp/testbed/controller"
)

// Defaults of a host.
const (
	DefaultDir  = "hidp" // below the home folder
	DefaultPort = 7400   // for the controller
	DefaultData = 7401   // for tensors of other agents
)

// Service is who keeps an agent running on its board.
type Service string

// The services.
const (
	Auto    Service = "auto"    // User where there is systemd with a user manager, else Process
	System  Service = "system"  // a system unit, which takes sudo without a password
	User    Service = "user"    // a unit of the user's systemd, with lingering, so that it lives on without a login
	Process Service = "process" // a process with a pid file: nobody starts it again
)

// chosen reports whether s is a service, not to be found out.
func (s Service) chosen() bool { return s == System || s == User || s == Process }

// What Host.ORT may say besides a path.
const (
	CopyORT = "copy" // bring the library along
	NoORT   = "none" // none: modelled compute only
)

// Host is a board that is to run an agent.
type Host struct {
	Node    string // the node of the platform that it is
	SSH     Destination
	Address string  // host or IP at which the controller and other agents reach it; empty: where its SSH server was reached, as it sees it
	Port    int     // on which the agent listens for the controller
	Data    int     // on which it listens for tensors
	ORT     string  // CopyORT, NoORT, or a path on the board
	Dir     string  // below the home folder unless absolute
	Service Service // who keeps it running

	Clusters []controller.Cluster // how its core clusters compute, for the agents file
}

// Hosts is the boards of a platform.
type Hosts struct {
	Platform string // a name of the catalogue, or the path of a file
	TLS      string // local folder of the authority and of all certificates
	Hosts    []Host
}

type hostsFile struct {
	Platform string      `toml:"platform,required"`
	TLS      string      `toml:"tls"`
	Hosts    []hostTable `toml:"host,required"`
}

type hostTable struct {
	Node    string `toml:"node,required"`
	SSH     string `toml:"ssh,required"`
	Address string `toml:"address"`
	Port    int    `toml:"port"`
	Data    int    `toml:"data"`
	ORT     string `toml:"ort"`
	Dir     string `toml:"dir"`
	Service string `toml:"service"`

	Clusters []controller.Cluster `toml:"cluster"`
}

// OpenHosts reads a hosts file. The error lists every fault with its line.
func OpenHosts(path string) (*Hosts, error) {
	data, err := input.Read(path, input.Config)
	if err != nil {
		return nil, fmt.Errorf("hosts: %w", err)
	}
	return ParseHosts(path, data)
}

// ParseHosts reads a hosts file whose path is file; paths in it are relative to its folder.
func ParseHosts(file string, data []byte) (*Hosts, error) {
	f := hostsFile{TLS: "tls"}
	problems, _ := strict.Parse(file, data, &f)
	beside := func(p string) string {
		if filepath.IsAbs(p) {
			return p
		}
		return filepath.Join(filepath.Dir(file), p)
	}
	h := &Hosts{Platform: f.Platform, TLS: beside(f.TLS)}
	if strings.HasSuffix(f.Platform, ".toml") {
		h.Platform = beside(f.Platform)
	}
	for i, t := range f.Hosts {
		host := Host{Node: t.Node, Address: t.Address, Port: t.Port, Data: t.Data, ORT: t.ORT, Dir: t.Dir, Service: Service(t.Service), Clusters: t.Clusters}
		at := problems.Under(strict.Index("host", i))
		for key, n := range map[string]*int{"port": &host.Port, "data": &host.Data} {
			if at.Has(key) && *n == 0 {
				*n = -1 // written, and not a port
			}
		}
		var err error
		if host.SSH, err = ParseDestination(t.SSH); err != nil {
			at.Faultf("ssh", "%s", err)
		}
		h.Hosts = append(h.Hosts, host.withDefaults())
	}
	h.check(problems)
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return h, nil
}

// HostsOf returns hosts that are given as arguments NODE=[USER@]HOST[:PORT], everything else as by default; certificates are kept in
// the folder tls.
func HostsOf(platform, tls string, args []string) (*Hosts, error) {
	h := &Hosts{Platform: platform, TLS: tls}
	var faults []error
	for _, a := range args {
		node, at, ok := strings.Cut(a, "=")
		if !ok {
			faults = append(faults, fmt.Errorf("%q: want NODE=USER@HOST, or the one path of a hosts file", a))
			continue
		}
		d, err := ParseDestination(at)
		if err != nil {
			faults = append(faults, fmt.Errorf("%q: %w", a, err))
		}
		h.Hosts = append(h.Hosts, Host{Node: node, SSH: d}.withDefaults())
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	problems := strict.NewProblems("arguments")
	h.check(problems)
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return h, nil
}

func (h Host) withDefaults() Host {
	for _, d := range []struct {
		s   *string
		def string
	}{{&h.ORT, CopyORT}, {&h.Dir, DefaultDir}, {(*string)(&h.Service), string(Auto)}} {
		if *d.s == "" {
			*d.s = d.def
		}
	}
	if h.Port == 0 {
		h.Port = DefaultPort
	}
	if h.Data == 0 {
		h.Data = DefaultData
	}
	return h
}

// check adds what is wrong with the hosts, each alone and beside the others.
func (h *Hosts) check(problems *strict.Problems) {
	platform, err := devices.Open(h.Platform)
	if err != nil && h.Platform != "" {
		problems.Faultf("platform", "%s", err)
	}
	if len(h.Hosts) == 0 {
		problems.Faultf("host", "no board is given; want at least one")
	}
	nodes, folders, addresses := map[string]int{}, map[string]int{}, map[string]int{}
	for i, host := range h.Hosts {
		at := problems.Under(strict.Index("host", i))
		host.check(at)
		if platform != nil {
			if n, ok := platform.Node(host.Node); ok {
				checkClusters(at, host.Clusters, &platform.Nodes[n])
			} else {
				at.Faultf("node", "platform %s has no node %q%s; it has %s", platform.Name, host.Node,
					strict.Suggest(host.Node, platform.NodeNames()), strings.Join(platform.NodeNames(), ", "))
			}
		}
		once(at, "node", nodes, host.Node, i)
		once(at, "dir", folders, host.SSH.String()+" "+host.Dir, i)
		if host.Address != "" {
			once(at, "port", addresses, host.Address+" "+strconv.Itoa(host.Port), i)
			once(at, "data", addresses, host.Address+" "+strconv.Itoa(host.Data), i)
		}
	}
}

// checkClusters adds which clusters the node does not have. Whoever opens the agents file checks the rest.
func checkClusters(at *strict.Problems, list []controller.Cluster, n *devices.Node) {
	var known []string
	for i := range n.Clusters {
		known = append(known, n.Clusters[i].Name)
	}
	for i, c := range list {
		if !slices.Contains(known, c.Name) {
			at.Faultf(strict.Index("cluster", i)+".name", "node %s has no cluster %q%s; it has %s", n.Name, c.Name, strict.Suggest(c.Name, known), strings.Join(known, ", "))
		}
	}
}

// once adds a fault if something that must differ between hosts was seen before.
func once(at *strict.Problems, key string, seen map[string]int, what string, i int) {
	if first, ok := seen[what]; ok {
		at.Faultf(key, "the same as that of host[%d]; boards need %s of their own", first, map[string]string{"node": "nodes", "dir": "folders"}[key]+
			map[string]string{"port": "ports", "data": "ports"}[key])
		return
	}
	seen[what] = i
}

func (h Host) check(at *strict.Problems) {
	if err := checkNode(h.Node); err != nil && h.Node != "" {
		at.Faultf("node", "%s", err)
	}
	if h.Address != "" && !validHost(h.Address) {
		at.Faultf("address", "got %q; want a host name or IP address without a port (that is the key port)", h.Address)
	}
	for key, n := range map[string]int{"port": h.Port, "data": h.Data} {
		if n < 1 || n > 65535 {
			at.Faultf(key, "want a port from 1 to 65535")
		}
	}
	if h.ORT != CopyORT && h.ORT != NoORT {
		if err := checkPath(h.ORT); err != nil {
			at.Faultf("ort", "%s", err)
		} else if !strings.HasPrefix(h.ORT, "/") {
			at.Faultf("ort", "got %q; want %q, %q or the absolute path of the library on the board", h.ORT, CopyORT, NoORT)
		}
	}
	if err := checkPath(h.Dir); err != nil {
		at.Faultf("dir", "%s", err)
	}
	if h.Service != Auto && !h.Service.chosen() {
		known := []string{string(Auto), string(System), string(User), string(Process)}
		at.Faultf("service", "got %q%s; want one of %s", h.Service, strict.Suggest(string(h.Service), known), strings.Join(known, ", "))
	}
}

// join returns host:port, the host in brackets where it needs them.
func join(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }
