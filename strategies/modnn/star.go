package modnn

import (
	"slices"

	"hidp/devices"
	"hidp/strategies"
	"hidp/workloads"
)

// star routes every tensor through the host: a strip is scattered with its halo even where the node computed part of it a moment
// before, and every result is gathered. Only tensors inside a map step (what a squeeze-excite scales) stay where they are.
type star struct {
	g      *workloads.Graph
	plat   *devices.Platform
	plan   *strategies.Plan
	atHost [][]int   // by layer: the ops after which the host holds the whole tensor; nil before a gather
	strips [][]strip // by layer: what nodes computed, in order
	sent   [][]strip // by layer: what the host has sent out
}

// strip is a part of a tensor that lies on a node after an op.
type strip struct {
	node, op int
	region   workloads.Region
}

func newStar(r strategies.Request, b *strategies.Belief) *star {
	n := len(r.Graph.Layers)
	s := &star{g: r.Graph, plat: b.Platform, atHost: make([][]int, n), strips: make([][]strip, n), sent: make([][]strip, n),
		plan: &strategies.Plan{Strategy: "modnn", Model: r.Graph.Name, Platform: b.Platform.Name, Graph: r.Graph.Fingerprint(),
			Leader: r.Leader, Batch: r.Batch}}
	s.atHost[0] = []int{}
	return s
}

func (s *star) append(op strategies.Op) int {
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
	id := s.append(strategies.Op{Kind: strategies.Compute, Node: j, Cluster: s.plat.Nodes[j].DefaultCluster, Slice: slice, After: ascending(after)})
	for _, out := range s.g.Outputs(slice) {
		s.strips[out.Layer] = append(s.strips[out.Layer], strip{j, id, out.Region})
	}
}

// bring makes node j hold the part and returns the ops after which it does.
func (s *star) bring(j int, need workloads.Part) []int {
	local := s.atHost[need.Layer] == nil
	if op, ok := lies(s.strips[need.Layer], j, need.Region); ok && (local || j == s.plan.Leader) {
		return []int{op}
	}
	s.gather(need.Layer)
	if j == s.plan.Leader {
		return s.atHost[need.Layer]
	}
	if op, ok := lies(s.sent[need.Layer], j, need.Region); ok {
		return []int{op}
	}
	id := s.append(strategies.Op{Kind: strategies.Send, Node: s.plan.Leader, To: j, Part: need, After: s.atHost[need.Layer]})
	s.sent[need.Layer] = append(s.sent[need.Layer], strip{j, id, need.Region})
	return []int{id}
}

// lies finds a strip on node j that holds the region.
func lies(strips []strip, j int, r workloads.Region) (op int, ok bool) {
	for _, x := range strips {
		if x.node == j && x.region.Contains(r) {
			return x.op, true
		}
	}
	return 0, false
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
			op = s.append(strategies.Op{Kind: strategies.Send, Node: x.node, To: s.plan.Leader,
				Part: workloads.Part{Layer: i, Region: x.region}, After: []int{x.op}})
		}
		after[op] = true
	}
	s.atHost[i] = ascending(after)
}

func (s *star) finish() (*strategies.Plan, error) {
	s.gather(s.g.Output())
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
