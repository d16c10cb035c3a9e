package controller

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"hidp/devices"
	"hidp/internal/input"
	"hidp/internal/strict"
	"hidp/testbed/wire"
)

const (
	unixPrefix  = "unix:"
	longestPath = 107 // of a unix socket: sockaddr_un.sun_path, unix(7)
	mostThreads = 1024
	mostCPUs    = 4096
)

// Name is the name of the controller's certificate.
const Name = "controller"

// check adds to p whatever is wrong with the file beyond its syntax.
func (r *Roster) check(p *strict.Problems) {
	r.openPlatform(p)
	if len(r.Agents) == 0 {
		p.Faultf("agent", "is empty; an agents file has one [[agent]] with node and address for each node that takes part")
	}
	for i := range r.Agents {
		r.checkAgent(p.Under(strict.Index("agent", i)), i)
	}
	r.checkNetwork(p.Under("network"))
	if r.TLS == "" {
		return
	}
	if r.Insecure {
		p.Faultf("insecure", "contradicts tls; leave one of them out")
	}
	if _, err := wire.LoadTLS(r.path(r.TLS), Name); err != nil {
		p.Faultf("tls", "%v; the folder needs ca.pem, %s.pem and %s.key", err, Name, Name)
	}
}

func (r *Roster) openPlatform(p *strict.Problems) {
	var err error
	switch name := r.Platform; {
	case name == "": // a fault already
	case strings.HasSuffix(name, ".json"):
		var data []byte
		if data, err = input.Read(r.path(name), input.Record); err == nil {
			r.platform, err = devices.ParsePlatformJSON(data)
		}
	case strings.HasSuffix(name, ".toml"):
		r.platform, err = devices.Open(r.path(name))
	default:
		r.platform, err = devices.Open(name)
	}
	if err != nil {
		p.Faultf("platform", "%v", err)
	}
}

func (r *Roster) checkAgent(p *strict.Problems, i int) {
	e := &r.Agents[i]
	for _, other := range r.Agents[:i] {
		if e.Node != "" && other.Node == e.Node {
			p.Faultf("node", "%q has an agent already, at %s; a node has one", e.Node, other.Address)
		}
		if e.Address != "" && other.Address == e.Address {
			p.Faultf("address", "%q is the agent of %s already; every node has an agent of its own", e.Address, other.Node)
		}
		if e.Data != "" && other.Data == e.Data && !strings.HasSuffix(e.Data, ":0") {
			p.Faultf("data", "%q is taken by %s; write another port, or 0 for any", e.Data, other.Node)
		}
	}
	r.checkAddress(p, e)
	if r.platform == nil {
		return
	}
	j, ok := r.platform.Node(e.Node)
	if !ok {
		if names := r.platform.NodeNames(); e.Node != "" {
			p.Faultf("node", "%q is no node of platform %s%s; there are %s", e.Node, r.platform.Name, strict.Suggest(e.Node, names), strings.Join(names, ", "))
		}
		return
	}
	for k := range e.Clusters {
		e.checkCluster(p.Under(strict.Index("cluster", k)), k, &r.platform.Nodes[j])
	}
}

func (r *Roster) checkAddress(p *strict.Problems, e *Entry) {
	if path, ok := strings.CutPrefix(e.Address, unixPrefix); ok {
		if full := r.path(path); path == "" || len(full) > longestPath {
			p.Faultf("address", "the path of a socket has 1 to %d bytes, this one %d", longestPath, len(full))
		}
	} else if e.Address != "" && !hostPort(e.Address, 1) {
		p.Faultf("address", "%q is neither unix:PATH nor host:port", e.Address)
	}
	if e.Data != "" && !hostPort(e.Data, 0) {
		p.Faultf("data", "%q is no host:port; port 0 takes any free one", e.Data)
	}
	if r.TLS == "" && !r.Insecure && !e.here() {
		p.Faultf("address", `%s is not on this machine; write tls = "FOLDER" at the top (or insecure = true if the network is to be trusted)`, e.Address)
	}
}

// hostPort reports whether s is a host and a port from least to 65535.
func hostPort(s string, least int) bool {
	host, port, err := net.SplitHostPort(s)
	n, bad := strconv.Atoi(port)
	return err == nil && bad == nil && host != "" && n >= least && n < 1<<16
}

// here reports whether the agent is on this machine for sure.
func (e *Entry) here() bool { return local(e.Address) && (e.Data == "" || local(e.Data)) }

func local(address string) bool {
	if strings.HasPrefix(address, unixPrefix) {
		return true
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return true // a fault of its own
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (e *Entry) checkCluster(p *strict.Problems, k int, n *devices.Node) {
	c := &e.Clusters[k]
	var names []string
	for i := range n.Clusters {
		names = append(names, n.Clusters[i].Name)
	}
	if c.Name != "" && !slices.Contains(names, c.Name) {
		p.Faultf("name", "%q is no cluster of %s%s; there are %s", c.Name, n.Name, strict.Suggest(c.Name, names), strings.Join(names, ", "))
	}
	if slices.ContainsFunc(e.Clusters[:k], func(o Cluster) bool { return o.Name == c.Name }) {
		p.Faultf("name", "%q is described already", c.Name)
	}
	if p.Has("slowdown") && !(c.Slowdown >= 1 && c.Slowdown <= 1e6) {
		p.Faultf("slowdown", "is %v; a cluster can be emulated as slow as this machine (1) or slower", c.Slowdown)
	}
	if c.Threads < 0 || c.Threads > mostThreads {
		p.Faultf("threads", "is %d; write 1 to %d", c.Threads, mostThreads)
	}
	for i, cpu := range c.CPUs {
		if cpu < 0 || cpu >= mostCPUs || slices.Contains(c.CPUs[:i], cpu) {
			p.Faultf(strict.Index("cpus", i), "is %d; write different logical CPUs from 0", cpu)
		}
	}
	if providers := []string{"", "cpu", "cuda", "tensorrt"}; !slices.Contains(providers, c.Provider) {
		p.Faultf("provider", "%q is unknown%s; write cpu, cuda or tensorrt", c.Provider, strict.Suggest(c.Provider, providers[1:]))
	}
	if c.Device < 0 || c.Device > 63 || c.Device > 0 && (c.Provider == "" || c.Provider == "cpu") {
		p.Faultf("device", "is %d; write the number of a GPU from 0, with provider cuda or tensorrt", c.Device)
	}
}

func (r *Roster) checkNetwork(p *strict.Problems) {
	n := &r.Network
	kinds := []string{string(Real), string(Shaped), string(Delayed)}
	if n.Kind == "" {
		n.Kind = Real
	}
	if !slices.Contains(kinds, string(n.Kind)) {
		p.Faultf("kind", "%q is unknown%s; write %s", n.Kind, strict.Suggest(string(n.Kind), kinds), strings.Join(kinds, ", "))
	}
	if n.Seed < 0 {
		p.Faultf("seed", "is %d; write a whole number from 0", n.Seed)
	}
	if n.Kind != Shaped {
		if n.Clocks != "" {
			p.Faultf("clocks", "goes with kind = %q only", Shaped)
		}
		return
	}
	if n.Clocks == "" {
		p.Faultf("clocks", "is missing; a shaped network needs a file on a local disk that the agents share")
	} else if _, err := os.Stat(filepath.Dir(r.path(n.Clocks))); err != nil {
		p.Faultf("clocks", "its folder: %v", input.Reason(err))
	}
	for i := range r.Agents {
		if e := &r.Agents[i]; !e.here() {
			p.Faultf("kind", "shaped networks are emulated on one machine, and %s is elsewhere; write %q for real boards", e, Real)
		}
	}
}
