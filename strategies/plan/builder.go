package plan

import (
	"fmt"
	"slices"
	"sort"

	"hidp/devices"
	"hidp/workloads"
	"hidp/workloads/tensor"
)

// Builder makes a plan from placements: a strategy says, in topological order, which slice runs on which cluster; the builder
// finds out which tensors must move from where, inserts the sends and wires the dependencies. The first fault is kept and
// returned by Finish.
type Builder struct {
	graph *workloads.Graph
	plat  *devices.Platform
	plan  *Plan
	held  holdings
	err   error
}

// NewBuilder starts a plan of the strategy called name for request r.
func NewBuilder(name string, r Problem, b *Belief) *Builder {
	return &Builder{graph: r.Graph, plat: b.Platform, held: newHoldings(r.Graph, r.Leader, r.Batch), plan: &Plan{
		Strategy: name, Model: r.Graph.Name, Platform: b.Platform.Name, Graph: r.Graph.Fingerprint(), Leader: r.Leader, Batch: r.Batch}}
}

// Compute places slice s on cluster k of node j and returns the op's id. What the slice needs and the node does not hold is sent
// there straight from whoever holds it.
func (b *Builder) Compute(j, k int, s workloads.Slice) int {
	if b.err != nil {
		return -1
	}
	if err := b.graph.Check(s, b.plan.Batch); err != nil {
		b.err = fmt.Errorf("plan: %s places an impossible slice: %w", b.plan.Strategy, err)
		return -1
	}
	var after []int
	for _, need := range b.graph.Work(s).Inputs {
		after = append(after, b.fetch(need, j)...)
	}
	id := b.append(Op{Kind: Compute, Node: j, Cluster: k, Slice: s, After: after})
	for _, out := range b.graph.Outputs(s) {
		b.held.add(out.Layer, holding{node: j, box: out.Box, op: id})
	}
	return id
}

// Bring makes sure that node j holds the given part of a tensor, sending what it lacks. Methods that gather at a host say so
// with it; all others leave the sends to Compute.
func (b *Builder) Bring(part workloads.Part, j int) {
	if b.err == nil {
		b.fetch(part, j)
	}
}

// Finish gathers the whole output at the leader and returns the plan.
func (b *Builder) Finish() (*Plan, error) {
	out := b.graph.Output()
	b.Bring(b.graph.Tensor(out, b.plan.Batch), b.plan.Leader)
	if b.err != nil {
		return nil, b.err
	}
	return b.plan, nil
}

func (b *Builder) append(op Op) int {
	sort.Ints(op.After)
	op.After = compact(op.After)
	if len(b.plan.Ops) == MostOps {
		b.err = TooLong(b.plan.Strategy, b.graph, len(b.plat.Nodes))
		return -1
	}
	b.plan.Ops = append(b.plan.Ops, op)
	return len(b.plan.Ops) - 1
}

// compact removes repeated ids and the request's input (-1) from a sorted list.
func compact(ids []int) []int {
	out := ids[:0]
	for i, id := range ids {
		if id >= 0 && (i == 0 || id != ids[i-1]) {
			out = append(out, id)
		}
	}
	return out
}

// fetch makes node j hold the part and returns the ops after which it does. Sources are the node itself, then the makers of the
// missing boxes in the order they made them, then whoever received a copy.
func (b *Builder) fetch(need workloads.Part, j int) []int {
	var after []int
	missing := []tensor.Box{need.Box}
	for _, h := range b.held[need.Layer] {
		if h.node == j {
			left := subtract(missing, &h.box)
			if !slices.Equal(left, missing) {
				after = append(after, h.op)
			}
			missing = left
		}
	}
	for _, copies := range []bool{false, true} {
		for i := 0; i < len(b.held[need.Layer]) && len(missing) > 0; i++ {
			if h := b.held[need.Layer][i]; h.node != j && h.sent == copies {
				missing, after = b.sendFrom(need.Layer, h.node, j, missing, after)
			}
		}
	}
	if len(missing) > 0 && b.err == nil {
		b.err = fmt.Errorf("plan: %s needs layer %d (%s) %s on node %d, but nobody has computed them",
			b.plan.Strategy, need.Layer, b.graph.Layers[need.Layer].Name, b.graph.Describe(workloads.Part{Layer: need.Layer, Box: missing[0]}), j)
	}
	return after
}

// sendFrom sends from node u to node v what u holds of the missing boxes: as one message where they form one box.
func (b *Builder) sendFrom(layer, u, v int, missing []tensor.Box, after []int) ([]tensor.Box, []int) {
	if !b.plat.Network.Connected(u, v) {
		return missing, after
	}
	var boxes []tensor.Box
	left := missing
	for _, h := range b.held[layer] {
		if h.node != u {
			continue
		}
		for i := range left {
			if x := left[i].Intersect(&h.box); !x.Empty() {
				boxes = append(boxes, x)
			}
		}
		left = subtract(left, &h.box)
	}
	if len(boxes) == 0 {
		return missing, after
	}
	for _, box := range joined(boxes) {
		id := b.append(Op{Kind: Send, Node: u, To: v, Part: workloads.Part{Layer: layer, Box: box}, After: b.sources(layer, u, box)})
		b.held.add(layer, holding{node: v, box: box, op: id, sent: true})
		after = append(after, id)
	}
	return left, after
}

// sources returns the ops that put the box on node u.
func (b *Builder) sources(layer, u int, box tensor.Box) []int {
	var after []int
	missing := []tensor.Box{box}
	for _, h := range b.held[layer] {
		if h.node == u && len(missing) > 0 {
			left := subtract(missing, &h.box)
			if !slices.Equal(left, missing) {
				after = append(after, h.op)
			}
			missing = left
		}
	}
	return after
}
