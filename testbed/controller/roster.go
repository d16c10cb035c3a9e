package controller

import (
	"bytes"
	"fmt"
	"net"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"

	"hidp/devices"
	"hidp/internal/input"
	"hidp/internal/strict"
	"hidp/testbed/control"
)

// Kind is what lies between the agents of a roster.
type Kind string

// The kinds of networks.
const (
	Real    Kind = "real"    // whatever is there
	Shaped  Kind = "shaped"  // agents of this machine, whose messages take the time of the platform's network
	Delayed Kind = "delayed" // real rates, with the platform's latency added
)

// Roster is an agents file: which agent is which node of a platform. Its fields are as in the file; relative paths are relative
// to Dir.
type Roster struct {
	Platform string  `toml:"platform,required"`  // of the catalogue, or a path ending in .toml or in .json (json.Marshal of a devices.Platform)
	TLS      string  `toml:"tls,omitempty"`      // folder with ca.pem, controller.pem and controller.key; none: no TLS
	Insecure bool    `toml:"insecure,omitempty"` // go without TLS also off this machine
	Alone    bool    `toml:"alone,omitempty"`    // clusters of a node slow each other in reality; do not add what the platform says of it
	Network  Network `toml:"network"`
	Agents   []Entry `toml:"agent"`

	Dir      string `toml:"-"` // folder of the file
	platform *devices.Platform
}

// Network says what lies between the agents.
type Network struct {
	Kind     Kind   `toml:"kind,omitempty"`     // real if empty
	Clocks   string `toml:"clocks,omitempty"`   // shaped: the file through which agents share the links (wire.OpenPaced)
	Seed     int64  `toml:"seed,omitempty"`     // of jitter
	Checksum bool   `toml:"checksum,omitempty"` // tensors carry checksums
}

// Entry is one agent.
type Entry struct {
	Node     string    `toml:"node,required"`
	Address  string    `toml:"address,required"` // unix:PATH or host:port
	Data     string    `toml:"data,omitempty"`   // host:port where it receives tensors; if empty, any port of the address' host
	Clusters []Cluster `toml:"cluster,omitempty"`
}

// Cluster says how a core cluster of a node is computed by its agent.
type Cluster struct {
	Name     string  `toml:"name,required"`
	Slowdown float64 `toml:"slowdown,omitempty"` // hold results until a cluster so many times slower would have them; 0 or 1: do not
	Threads  int     `toml:"threads,omitempty"`  // 0: one
	CPUs     []int   `toml:"cpus,omitempty"`     // logical CPUs it is pinned to
	Provider string  `toml:"provider,omitempty"` // cpu if empty, cuda, tensorrt
	Device   int     `toml:"device,omitempty"`   // which GPU
}

// OpenRoster reads an agents file. The error lists all its faults with their lines.
func OpenRoster(path string) (*Roster, error) {
	data, err := input.Read(path, input.Config)
	if err != nil {
		p := strict.NewProblems(path)
		p.Faultf("", "cannot be read: %v", input.Reason(err))
		return nil, p.Err()
	}
	return ParseRoster(path, data, filepath.Dir(path))
}

// ParseRoster reads the content of an agents file whose relative paths are relative to dir. The name stands for the file in messages.
func ParseRoster(name string, data []byte, dir string) (*Roster, error) {
	whole, err := filepath.Abs(dir) // agents have working directories of their own
	if err != nil {
		return nil, err
	}
	r := &Roster{Dir: whole}
	p, _ := strict.Parse(name, data, r)
	r.check(p)
	if err := p.Err(); err != nil {
		return nil, err
	}
	return r, nil
}

// Encode writes the roster as a file that OpenRoster reads.
func (r *Roster) Encode() []byte {
	var b bytes.Buffer
	e := toml.NewEncoder(&b)
	e.Indent = ""
	if err := e.Encode(r); err != nil {
		panic("controller: " + err.Error())
	}
	return b.Bytes()
}

// World returns the platform that the agents stand for.
func (r *Roster) World() *devices.Platform { return r.platform }

// Entry returns the agent of a node.
func (r *Roster) Entry(node string) (*Entry, bool) {
	for i := range r.Agents {
		if r.Agents[i].Node == node {
			return &r.Agents[i], true
		}
	}
	return nil, false
}

func (r *Roster) path(p string) string {
	if p == "" || filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(r.Dir, p)
}

// target returns how an agent is dialled: the kind of network, and the address on it.
func (r *Roster) target(e *Entry) (network, address string) {
	if p, ok := strings.CutPrefix(e.Address, unixPrefix); ok {
		return "unix", r.path(p)
	}
	return "tcp", e.Address
}

// data returns where an agent is to receive tensors.
func (e *Entry) data() string {
	if e.Data != "" {
		return e.Data
	}
	return net.JoinHostPort(e.host(), "0")
}

// host returns the host that an agent is reached at.
func (e *Entry) host() string {
	host, _, err := net.SplitHostPort(e.Address)
	if err != nil || strings.HasPrefix(e.Address, unixPrefix) {
		return "127.0.0.1"
	}
	return host
}

// clusters returns what an agent is told of a node's clusters, all of them.
func (e *Entry) clusters(n *devices.Node) []*control.ClusterSpec {
	var out []*control.ClusterSpec
	for k := range n.Clusters {
		spec := &control.ClusterSpec{Name: n.Clusters[k].Name}
		for _, c := range e.Clusters {
			if c.Name == spec.Name {
				spec.Slowdown, spec.Threads, spec.Provider, spec.Device = c.Slowdown, int32(c.Threads), c.Provider, int32(c.Device)
				for _, cpu := range c.CPUs {
					spec.Cpus = append(spec.Cpus, int32(cpu))
				}
			}
		}
		out = append(out, spec)
	}
	return out
}

// spec returns what agents are told of the network.
func (r *Roster) spec() *control.NetworkSpec {
	kinds := map[Kind]control.NetworkSpec_Kind{Shaped: control.NetworkSpec_SHAPED, Delayed: control.NetworkSpec_DELAYED}
	return &control.NetworkSpec{Kind: kinds[r.Network.Kind], Clocks: r.path(r.Network.Clocks), Seed: uint64(r.Network.Seed), Checksum: r.Network.Checksum}
}

// String names an agent in messages.
func (e *Entry) String() string { return fmt.Sprintf("%s at %s", e.Node, e.Address) }
