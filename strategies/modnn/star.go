package modnn

import (
	"slices"

	"hidp/devices"
	"hidp/strategies/plan"
	"hidp/workloads"
	"hidp/workloads/tensor"
)

// star routes every tensor through the host: a strip is scattered with its halo even where the node computed part of it a moment
// before, and every result is gathered. Only tensors inside a map step (what a squeeze-excite scales) stay where they are; rows of
// them that others lack are relayed.
type star struct {
	g      *workloads.Graph
	plat   *devices.Platform
	plan   *plan.Plan
	atHost [][]int   // by layer: the ops after which the host holds the whole tensor; nil before it is gathered
	err    error     // the first fault
	strips [][]strip // by layer: what nodes computed, in order
	sent   [][]strip // by layer: what the host has sent out
}

// strip is a part of a tensor that lies on a node after an op.
type strip struct {
	node, op int
	box      tensor.Box
}

func newStar(r plan.Problem, b *plan.Belief) *star {
	n := len(r.Graph.Layers)
	s := &star{g: r.Graph, plat: b.Platform, atHost: make([][]int, n), strips: make([][]strip, n), sent: make([][]strip, n),
		plan: &plan.Plan{Strategy: "modnn", Model: r.Graph.Name, Platform: b.Platform.Name, Graph: r.Graph.Fingerprint(),
			Leader: r.Leader, Batch: r.Batch}}
	s.atHost[0] = []int{}
	return s
}

func (s *star) append(op plan.Op) int {
	if len(s.plan.Ops) == plan.MostOps {
		s.err = plan.TooLong("modnn", s.g, len(s.plat.Nodes))
		return -1
	}
	s.plan.Ops = append(s.plan.Ops, op)
	return len(s.plan.Ops) - 1
}

func (s *star) compute(j int, slice workloads.Slice) {
	after := map[int]bool{}
	for _, need := range s.g.Work(slice).Inputs {
		for _, op := range s.bring(j, need) {
			after[op] = true
		}
	}
	id := s.append(plan.Op{Kind: plan.Compute, Node: j, Cluster: s.plat.Nodes[j].DefaultCluster, Slice: slice, After: ascending(after)})
	for _, out := range s.g.Outputs(slice) {
		s.strips[out.Layer] = append(s.strips[out.Layer], strip{j, id, out.Box})
	}
}

// bring makes node j hold the part and returns the ops after which it does.
func (s *star) bring(j int, need workloads.Part) []int {
	host := s.plan.Leader
	switch {
	case s.atHost[need.Layer] == nil:
		return s.relay(j, need)
	case j == host:
		return s.atHost[need.Layer]
	}
	for _, x := range s.sent[need.Layer] {
		if x.node == j && x.box.Contains(&need.Box) {
			return []int{x.op}
		}
	}
	id := s.send(host, j, need, s.atHost[need.Layer])
	s.sent[need.Layer] = append(s.sent[need.Layer], strip{j, id, need.Box})
	return []int{id}
}

// relay completes on node j a tensor of which it computed a strip within this map step: the other strips' rows come from those
// who have them, by way of the host.
func (s *star) relay(j int, need workloads.Part) []int {
	var after []int
	for _, x := range s.strips[need.Layer] {
		rows := workloads.Part{Layer: need.Layer, Box: x.box.Intersect(&need.Box)}
		if rows.Box.Empty() {
			continue
		}
		op := x.op
		if x.node != j {
			for _, to := range [2]int{s.plan.Leader, j} {
				if x.node != to {
					op = s.send(x.node, to, rows, []int{op})
					x.node = to
				}
			}
		}
		after = append(after, op)
	}
	return after
}

func (s *star) send(u, v int, part workloads.Part, after []int) int {
	return s.append(plan.Op{Kind: plan.Send, Node: u, To: v, Part: part, After: after})
}

// gather makes the host hold the whole of layer i's tensor.
func (s *star) gather(i int) {
	if s.atHost[i] != nil {
		return
	}
	after := map[int]bool{}
	for _, x := range s.strips[i] {
		op := x.op
		if x.node != s.plan.Leader {
			op = s.send(x.node, s.plan.Leader, workloads.Part{Layer: i, Box: x.box}, []int{x.op})
		}
		after[op] = true
	}
	s.atHost[i] = ascending(after)
}

func (s *star) finish() (*plan.Plan, error) {
	s.gather(s.g.Output())
	if s.err != nil {
		return nil, s.err
	}
	return s.plan, nil
}

func ascending(set map[int]bool) []int {
	ids := make([]int, 0, len(set))
	for id := range set {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}
