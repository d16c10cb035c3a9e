package emulate

import (
	"embed"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"hidp/devices"
	"hidp/internal/input"
	"hidp/internal/strict"
	"hidp/internal/suggest"
)

//go:embed specs/*.toml
var specFiles embed.FS

// Pin says on which CPUs of the machine emulated clusters compute.
type Pin string

// The ways of pinning.
const (
	PinAuto   Pin = "auto"   // all on the last core if they fit there, else as PinSpread
	PinOne    Pin = "one"    // all on the last core
	PinSpread Pin = "spread" // over all cores but the first, which is left to the network
	PinAll    Pin = "all"    // over all cores
	PinNone   Pin = "none"   // wherever the kernel likes
)

var pins = []string{string(PinAuto), string(PinOne), string(PinSpread), string(PinAll), string(PinNone)}

// Spec is a set of emulated boards: which platform they are, and how much slower than this machine each of their core clusters is.
type Spec struct {
	Name         string
	Title        string
	PlatformName string // of the catalogue, or an absolute path
	Platform     *devices.Platform
	Pin          Pin
	Nodes        []NodeSpec // by node of Platform
}

// NodeSpec is an emulated board.
type NodeSpec struct{ Clusters []ClusterSpec } // by cluster of the node, groups last

// ClusterSpec is how a core cluster is emulated.
type ClusterSpec struct {
	Slowdown float64 // how many times longer it takes than Threads threads of this machine
	Threads  int     // that compute together
	CPUs     []int   // logical CPUs that the file pins it to; nil: as Pin says
}

// specFile is the content of specs/NAME.toml. The field comments are its reference.
type specFile struct {
	Title    string     `toml:"title"`
	Platform string     `toml:"platform,required"` // a platform of the catalogue, or a path ending in .toml, relative to the file
	Pin      string     `toml:"pin"`               // auto, one, spread, all or none; see Pin
	Node     []nodeFile `toml:"node,required"`
}

// nodeFile is a node of the platform.
type nodeFile struct {
	Name    string                 `toml:"name,required"`
	Cluster map[string]clusterFile `toml:"cluster,required"` // by name; a group that is left out has the speed of its members together
}

type clusterFile struct {
	Slowdown float64 `toml:"slowdown,required"` // 1 to 1000
	Threads  int     `toml:"threads"`           // 1 if left out
	CPUs     []int   `toml:"cpus"`              // logical CPUs of this machine to pin it to, instead of those that pin chooses
}

// Bounds of what a spec may say.
const (
	mostSlowdown = 1000
	mostThreads  = 64
	mostCPU      = 1023 // the largest set of CPUs that threads are pinned to
)

// SpecNames returns the names of the sets of boards that come with the program, sorted.
func SpecNames() []string {
	entries, err := specFiles.ReadDir("specs")
	if err != nil {
		panic(fmt.Sprintf("emulate: embedded specs: %v", err))
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".toml"))
	}
	slices.Sort(names)
	return names
}

// OpenSpec returns the set of boards of the given name, or that of a file if nameOrPath ends in .toml. The error lists all faults
// of the file with their lines. Whether this machine can emulate the set is for Place to say.
func OpenSpec(nameOrPath string) (*Spec, error) {
	if strings.HasSuffix(nameOrPath, ".toml") {
		data, err := input.Read(nameOrPath, input.Config)
		if err != nil {
			return nil, err
		}
		return ParseSpec(nameOrPath, data)
	}
	data, err := specFiles.ReadFile("specs/" + nameOrPath + ".toml")
	if err != nil {
		return nil, fmt.Errorf("no set of emulated boards %q%s; known are %s, or write the path of a .toml file",
			nameOrPath, suggest.Phrase(nameOrPath, SpecNames()), strings.Join(SpecNames(), ", "))
	}
	return ParseSpec(nameOrPath+".toml", data)
}

// ParseSpec reads a set of boards; the path stands for it in messages, and a platform file is looked for beside it.
func ParseSpec(path string, data []byte) (*Spec, error) {
	var f specFile
	p, _ := strict.Parse(path, data, &f)
	s := &Spec{Name: strings.TrimSuffix(filepath.Base(path), ".toml"), Title: f.Title, PlatformName: f.Platform, Pin: Pin(f.Pin)}
	if s.Pin == "" {
		s.Pin = PinAuto
	}
	if !slices.Contains(pins, string(s.Pin)) {
		p.Faultf("pin", "no way of pinning %q%s; write one of %s", f.Pin, strict.Suggest(f.Pin, pins), strings.Join(pins, ", "))
	}
	if p.Has("platform") {
		s.openPlatform(p, path)
	}
	if s.Platform != nil {
		s.readNodes(p, &f)
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Spec) openPlatform(p *strict.Problems, path string) {
	if strings.HasSuffix(s.PlatformName, ".toml") {
		if !filepath.IsAbs(s.PlatformName) {
			s.PlatformName = filepath.Join(filepath.Dir(path), s.PlatformName)
		}
		absolute, err := filepath.Abs(s.PlatformName)
		if err != nil {
			p.Faultf("platform", "%v", err)
			return
		}
		s.PlatformName = absolute
	}
	var err error
	if s.Platform, err = devices.Open(s.PlatformName); err != nil {
		p.Faultf("platform", "%v", err)
	}
}

// readNodes brings the file's nodes into the order of the platform's.
func (s *Spec) readNodes(p *strict.Problems, f *specFile) {
	var names []string
	for i := range s.Platform.Nodes {
		names = append(names, s.Platform.Nodes[i].Name)
	}
	s.Nodes = make([]NodeSpec, len(names))
	given := make([]bool, len(names))
	for i := range f.Node {
		at := p.Under(strict.Index("node", i))
		n := &f.Node[i]
		j, ok := s.Platform.Node(n.Name)
		switch {
		case !ok:
			at.Faultf("name", "%q is not a node of %s%s; its nodes are %s", n.Name, s.Platform.Name, strict.Suggest(n.Name, names), strings.Join(names, ", "))
		case given[j]:
			at.Faultf("name", "%s is there already; a node is emulated once", n.Name)
		default:
			given[j] = true
			s.Nodes[j].Clusters = readClusters(at, n, &s.Platform.Nodes[j])
		}
	}
	for j, ok := range given {
		if !ok && p.Has("node") {
			p.Faultf("node", "%s of platform %s is missing; write [[node]] with name = %q, or a platform without it (base and keep)", names[j], s.Platform.Name, names[j])
		}
	}
}

// readClusters brings a node's clusters into the order of the platform's.
func readClusters(p *strict.Problems, f *nodeFile, n *devices.Node) []ClusterSpec {
	var names []string
	for k := range n.Clusters {
		names = append(names, n.Clusters[k].Name)
	}
	for name := range f.Cluster {
		if !slices.Contains(names, name) {
			p.Faultf(strict.Key("cluster", name), "no such cluster on %s%s; it has %s", n.Board, strict.Suggest(name, names), strings.Join(names, ", "))
		}
	}
	clusters := make([]ClusterSpec, len(names))
	for k := range names {
		c, ok := f.Cluster[names[k]]
		if !ok && k < n.Physical {
			p.Faultf("cluster", "%s is missing; write cluster.%s.slowdown = 8", names[k], names[k])
		}
		if !ok {
			c.Slowdown = together(n.Clusters[k].Mask, clusters)
		}
		clusters[k] = checkCluster(p.Under(strict.Key("cluster", names[k])), c, ok)
	}
	return clusters
}

// together is the slowdown of several clusters that share work evenly.
func together(mask uint32, clusters []ClusterSpec) float64 {
	speed := 0.0
	for k := range clusters {
		if mask&(1<<k) != 0 && clusters[k].Slowdown > 0 {
			speed += 1 / clusters[k].Slowdown
		}
	}
	return 1 / max(speed, 1.0/mostSlowdown)
}

func checkCluster(p *strict.Problems, c clusterFile, given bool) ClusterSpec {
	if given && !(c.Slowdown >= 1 && c.Slowdown <= mostSlowdown) {
		p.Faultf("slowdown", "is %v; this machine can be slowed down 1 to %d times", c.Slowdown, mostSlowdown)
	}
	if c.Threads < 0 || c.Threads > mostThreads {
		p.Faultf("threads", "is %d; write 1 to %d", c.Threads, mostThreads)
	}
	for i, cpu := range c.CPUs {
		if cpu < 0 || cpu > mostCPU {
			p.Faultf(strict.Index("cpus", i), "is %d; a logical CPU is 0 to %d", cpu, mostCPU)
		}
		if slices.Contains(c.CPUs[:i], cpu) {
			p.Faultf(strict.Index("cpus", i), "%d is there already", cpu)
		}
	}
	return ClusterSpec{Slowdown: c.Slowdown, Threads: max(1, c.Threads), CPUs: c.CPUs}
}
