package plan

import (
	"fmt"
	"time"

	"hidp/devices"
	"hidp/workloads"
)

// Kind is the kind of an op.
type Kind uint8

// The kinds of ops.
const (
	Compute Kind = iota // run a slice on a cluster of a node
	Send                // move a part of a tensor from one node to another
)

// String returns "compute" or "send".
func (k Kind) String() string { return [...]string{"compute", "send"}[k] }

// Op is one step of a plan. Its id is its index in Plan.Ops.
type Op struct {
	Kind    Kind
	Node    int             // where it computes, or the sender
	Cluster int             // Compute: which cluster of the node
	To      int             // Send: the receiver
	Slice   workloads.Slice // Compute: what is computed
	Part    workloads.Part  // Send: what is moved
	After   []int           // ids of the ops it waits for, ascending, each smaller than its own
}

// End returns the node on which the op ends: where it computes, or the receiver.
func (o *Op) End() int {
	if o.Kind == Send {
		return o.To
	}
	return o.Node
}

// Bytes returns the payload of a send under graph g.
func (o *Op) Bytes(g *workloads.Graph) int64 { return g.Bytes(o.Part) }

// Plan is one request's partitioned execution: ops in topological order. At the start the leader holds the request's input; at
// the end it must hold the whole output. A plan holds no durations: the belief forecasts them, an executor measures them.
type Plan struct {
	Strategy string
	Model    string
	Platform string
	Graph    uint64 // fingerprint of the graph the ops refer to
	Leader   int
	Batch    int
	Ops      []Op

	Warnings []string // what its maker left out to be done in time (see SearchBlocks, Narrowed)
}

// MostOps is how many ops a plan may have: far above what planners write for networks and platforms that exist. What plans are
// checked by takes memory in proportion to its square.
const MostOps = 1 << 14

// TooLong is the error of a planner that would need more than MostOps ops.
func TooLong(strategy string, g *workloads.Graph, nodes int) error {
	return &InfeasibleError{Reason: fmt.Sprintf("%s would split the %d layers of %s over %d nodes into more than %d steps, which is the most that a plan holds; choose fewer nodes, or another strategy",
		strategy, len(g.Layers), g.Name, nodes, MostOps)}
}

// Exact reports whether the plan computes the network's own answer (no slice ignores its halo).
func (p *Plan) Exact() bool {
	for i := range p.Ops {
		if p.Ops[i].Kind == Compute && p.Ops[i].Slice.Halo == workloads.HaloIgnore {
			return false
		}
	}
	return true
}

// Nodes reports which of n nodes take part: the leader and whoever computes or communicates.
func (p *Plan) Nodes(n int) []bool {
	in := make([]bool, n)
	in[p.Leader] = true
	for i := range p.Ops {
		in[p.Ops[i].Node] = true
		if p.Ops[i].Kind == Send {
			in[p.Ops[i].To] = true
		}
	}
	return in
}

// SentBytes returns the payload of all sends.
func (p *Plan) SentBytes(g *workloads.Graph) int64 {
	var total int64
	for i := range p.Ops {
		if p.Ops[i].Kind == Send {
			total += p.Ops[i].Bytes(g)
		}
	}
	return total
}

// Crossing is one tensor hand-over between clusters of a node that a compute op pays before it runs.
type Crossing struct {
	From  int // the cluster that produced it
	Bytes int64
}

// Crossings returns the hand-overs that compute op i needs: one per other cluster of its node that directly precedes it and
// produced something it reads. Groups that share a physical cluster count as other clusters.
func (p *Plan) Crossings(g *workloads.Graph, i int, inputs []workloads.Part) []Crossing {
	op := &p.Ops[i]
	var out []Crossing
	for _, a := range op.After {
		from := &p.Ops[a]
		if from.Kind != Compute || from.Node != op.Node || from.Cluster == op.Cluster {
			continue
		}
		bytes := sharedBytes(g, from.Slice, inputs)
		if bytes == 0 {
			continue
		}
		merged := false
		for k := range out {
			if out[k].From == from.Cluster {
				out[k].Bytes += bytes
				merged = true
			}
		}
		if !merged {
			out = append(out, Crossing{from.Cluster, bytes})
		}
	}
	return out
}

// sharedBytes returns the bytes of what slice s hands on that inputs ask for.
func sharedBytes(g *workloads.Graph, s workloads.Slice, inputs []workloads.Part) int64 {
	var total int64
	for _, have := range g.Outputs(s) {
		for _, need := range inputs {
			if need.Layer == have.Layer {
				total += g.Bytes(workloads.Part{Layer: need.Layer, Box: need.Box.Intersect(&have.Box)})
			}
		}
	}
	return total
}

// ComputeTime returns what compute op i takes under costs c while its node is otherwise idle: its crossings and its work. It is
// what executors and forecasts start from; contention comes on top.
func (p *Plan) ComputeTime(c *devices.Costs, i int) time.Duration {
	op := &p.Ops[i]
	w := c.Graph.Work(op.Slice)
	t := c.Work(op.Node, op.Cluster, w)
	for _, x := range p.Crossings(c.Graph, i, w.Inputs) {
		t += c.Cross(op.Node, x.From, op.Cluster, x.Bytes)
	}
	return t
}
