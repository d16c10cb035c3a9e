package devices

import (
	"fmt"
	"slices"
	"time"

	"hidp/workloads"
)

// Kind says what a core cluster is made of.
type Kind uint8

// The kinds of core clusters.
const (
	CPU Kind = iota
	GPU
)

// String returns "cpu" or "gpu".
func (k Kind) String() string { return [...]string{"cpu", "gpu"}[k] }

// Params are the cost parameters of one core cluster under one inference runtime, precision and power mode (docs: cost model).
type Params struct {
	Rate            [workloads.NumClasses]float64 // FLOP/s by cost class
	ActBandwidth    float64                       // bytes/s at which activations are read and written
	WeightBandwidth float64                       // bytes/s at which weights are read
	ConvOverhead    float64                       // seconds per layer of a convolution class
	OtherOverhead   float64                       // seconds per layer of the other classes
	InvokeOverhead  float64                       // seconds per invocation (one slice handed to the runtime)
	Fill            float64                       // output elements at which the cluster runs at half its rate (see Costs)
}

// Cluster is a core cluster of a node, or a group of them that a runtime uses as one (all CPU cores under one thread pool).
type Cluster struct {
	Name        string
	Kind        Kind
	Cores       int
	Mask        uint32 // physical clusters kept busy: one bit, or several for a group
	Params      Params
	ActivePower float64            // W above the node's idle power while busy
	Rescale     map[string]float64 // model name → measured/modelled latency, where the model was measured on this cluster and runtime
}

// Group reports whether the cluster stands for several physical ones.
func (c *Cluster) Group() bool { return c.Mask&(c.Mask-1) != 0 }

// Crossing is the cost of handing a tensor from one cluster of a node to another.
type Crossing struct {
	Sync      float64 // seconds per hand-over
	Bandwidth float64 // bytes/s of the copy; 0 where memory is unified and nothing is copied
}

// Node is one instance of a board in a platform, with the parameters of the runtime in use. It is immutable once made.
type Node struct {
	Name     string
	Board    string
	Runtime  string // "tensorflow/fp32"
	Clusters []Cluster
	Physical int // the first Physical clusters are physical: cluster k has Mask 1<<k

	DefaultCluster int // what the default framework uses: the GPU if there is one, else all CPU cores
	CPUCluster     int // all CPU cores (a group where there are several CPU clusters)

	Memory    int64         // bytes that weights and activations may use
	IdlePower float64       // W
	NICPower  float64       // W while a transfer is under way
	Message   time.Duration // CPU cost of a message at this end
	Crossings [][]Crossing  // [from][to], by cluster index
	Keep      [][]float64   // [k][j]: share of its speed that cluster k keeps while physical cluster j is busy too (0 < keep ≤ 1)
}

// Speed returns the speed of cluster k, as a share of its speed alone, while the physical clusters in busy are at work.
func (n *Node) Speed(k int, busy uint32) float64 {
	speed := 1.0
	others := busy &^ n.Clusters[k].Mask
	for j := 0; others != 0; j, others = j+1, others>>1 {
		if others&1 != 0 {
			speed *= n.Keep[k][j]
		}
	}
	return speed
}

// Cluster returns the index of the cluster called name.
func (n *Node) Cluster(name string) (int, bool) {
	for k := range n.Clusters {
		if n.Clusters[k].Name == name {
			return k, true
		}
	}
	return 0, false
}

// Platform is the nodes and the network between them. It is immutable once made.
type Platform struct {
	Name        string
	Nodes       []Node
	Network     Network
	Leader      int      // the node that receives requests unless a scenario says otherwise
	Assumptions []string // what in the nodes' numbers nobody measured, for reports
	Warnings    []string `json:"-"` // about the files that it was made from, for the outputs of plans and runs

	origins        []origin // what the nodes were made from, if it was a file
	ownAssumptions []string // the assumptions that are not about boards
}

// Part returns the platform with some of its nodes only, numbered in the given order. Paths between them stay as they are, also
// over links of nodes that are left out. Its leader is p's leader or, without that one, its first node.
func (p *Platform) Part(nodes []int) *Platform {
	part := &Platform{Name: p.Name, Network: Network{Resources: p.Network.Resources, Paths: make([][]Path, len(nodes))},
		Leader: max(0, slices.Index(nodes, p.Leader)), Assumptions: p.Assumptions, ownAssumptions: p.ownAssumptions}
	for x, u := range nodes {
		part.Nodes = append(part.Nodes, p.Nodes[u])
		for _, v := range nodes {
			part.Network.Paths[x] = append(part.Network.Paths[x], p.Network.Paths[u][v])
		}
		if p.origins != nil {
			part.origins = append(part.origins, p.origins[u])
		}
	}
	return part
}

// Node returns the index of the node called name.
func (p *Platform) Node(name string) (int, bool) {
	for i := range p.Nodes {
		if p.Nodes[i].Name == name {
			return i, true
		}
	}
	return 0, false
}

// Hop is one resource on a path and the bytes of it that a byte of payload uses (2 where a frame crosses the air twice).
type Hop struct {
	Resource int
	Weight   float64
}

// Path is how messages travel from one node to another.
type Path struct {
	Hops    []Hop
	Latency time.Duration // propagation and protocol latency of every message
	Jitter  time.Duration // mean of the exponential extra latency per message; 0 for none
}

// Resource is something that transfers share: one direction of a link, or a medium.
type Resource struct {
	Name     string
	Capacity float64 // bytes/s
	Medium   bool    // a shared half-duplex medium
}

// Network is resources and the paths over them. Paths[u][v] is meaningful for u ≠ v; a path without hops means no connection.
type Network struct {
	Resources []Resource
	Paths     [][]Path
}

// Connected reports whether messages can go from u to v.
func (n *Network) Connected(u, v int) bool { return u == v || len(n.Paths[u][v].Hops) > 0 }

// Goodput returns the bytes/s of a lone transfer from u to v.
func (n *Network) Goodput(u, v int) float64 {
	best := 0.0
	for i, h := range n.Paths[u][v].Hops {
		if r := n.Resources[h.Resource].Capacity / h.Weight; i == 0 || r < best {
			best = r
		}
	}
	return best
}

// Transfer returns the time of a lone message of the given size from u to v: the CPU cost at both ends, the latency and the
// transmission. It panics if u and v are not connected.
func (p *Platform) Transfer(u, v int, bytes int64) time.Duration {
	if u == v {
		return 0
	}
	rate := p.Network.Goodput(u, v)
	if rate <= 0 {
		panic(fmt.Sprintf("devices: no path from node %d to %d", u, v))
	}
	return p.Nodes[u].Message + p.Nodes[v].Message + p.Network.Paths[u][v].Latency + CeilDuration(float64(bytes)/rate)
}
