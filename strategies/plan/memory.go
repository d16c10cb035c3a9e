package plan

import (
	"fmt"

	"hidp/devices"
	"hidp/workloads"
	"hidp/workloads/tensor"
)

// NodeMemory is what a plan needs of one node's memory, in bytes.
type NodeMemory struct {
	Weights     int64 // of every layer the node computes, once per layer; split layers count their share
	Activations int64 // largest sum of tensors that live on the node at one time, in the plan's order of ops
}

// Total returns weights plus activations.
func (m NodeMemory) Total() int64 { return m.Weights + m.Activations }

// Memory returns the memory that plan p of graph g needs on each of n nodes. A tensor part lives from the op that makes or
// delivers it to the last op that reads it; an op's own intermediate tensors count while it runs, the largest two neighbours at
// a time.
func Memory(p *Plan, g *workloads.Graph, n int) []NodeMemory {
	m := make([]NodeMemory, n)
	weights(p, g, m)
	last := lastReads(p, g)
	live := make([]int64, n)
	release := make([]map[int]int64, n) // node → op → bytes that die after it
	for j := range release {
		release[j] = map[int]int64{}
	}
	hold := func(j, op int, part workloads.Part) {
		bytes := g.Bytes(part)
		live[j] += bytes
		release[j][max(op, last[key{j, part.Layer}])] += bytes
		m[j].Activations = max(m[j].Activations, live[j])
	}
	hold(p.Leader, 0, g.Tensor(0, p.Batch))
	for i := range p.Ops {
		op := &p.Ops[i]
		if op.Kind == Send {
			hold(op.To, i, op.Part)
		} else {
			for _, out := range g.Outputs(op.Slice) {
				hold(op.Node, i, out)
			}
			m[op.Node].Activations = max(m[op.Node].Activations, live[op.Node]+working(g, op.Slice))
		}
		for j := range live {
			live[j] -= release[j][i]
		}
	}
	return m
}

// Shortage says that a node has less memory than its part of a plan needs.
type Shortage struct {
	Node int
	Need NodeMemory
	Have int64
}

// Shortages returns the nodes of platform t on which plan p of graph g does not fit, ascending; none if it fits.
func Shortages(p *Plan, g *workloads.Graph, t *devices.Platform) []Shortage {
	var short []Shortage
	for j, m := range Memory(p, g, len(t.Nodes)) {
		if have := t.Nodes[j].Memory; m.Total() > have {
			short = append(short, Shortage{j, m, have})
		}
	}
	return short
}

// Fits returns an *InfeasibleError that names the first node without the memory for its part of the plan, or nil.
func Fits(p *Plan, g *workloads.Graph, t *devices.Platform) error {
	for _, s := range Shortages(p, g, t) {
		return &InfeasibleError{Reason: fmt.Sprintf("%s puts %d kB of %s on node %s, which has memory for %d kB",
			p.Strategy, s.Need.Total()>>10, g.Name, t.Nodes[s.Node].Name, s.Have>>10)}
	}
	return nil
}

type key struct{ node, layer int }

// lastReads returns, per node and layer, the last op that reads the tensor there; the output stays to the end.
func lastReads(p *Plan, g *workloads.Graph) map[key]int {
	last := map[key]int{{p.Leader, g.Output()}: len(p.Ops)}
	for i := range p.Ops {
		op := &p.Ops[i]
		if op.Kind == Send {
			last[key{op.Node, op.Part.Layer}] = max(i, last[key{op.Node, op.Part.Layer}])
			continue
		}
		for _, in := range g.Work(op.Slice).Inputs {
			last[key{op.Node, in.Layer}] = max(i, last[key{op.Node, in.Layer}])
		}
	}
	return last
}

// working returns the most that a slice's inner tensors need at one time: one layer's inputs and output.
func working(g *workloads.Graph, s workloads.Slice) int64 {
	w := g.Work(s)
	size := make([]int64, s.To-s.From)
	for _, part := range w.Layers {
		size[part.Layer-s.From] = g.Bytes(part)
	}
	var peak int64
	for _, part := range w.Layers {
		sum := size[part.Layer-s.From]
		for _, in := range g.Layers[part.Layer].Inputs {
			if in >= s.From {
				sum += size[in-s.From]
			}
		}
		peak = max(peak, sum)
	}
	return peak
}

// weights adds up the parameters each node must hold: per layer those of the smallest box around all that it computes.
func weights(p *Plan, g *workloads.Graph, m []NodeMemory) {
	held := make([][]tensor.Box, len(m))
	for i := range p.Ops {
		op := &p.Ops[i]
		if op.Kind != Compute {
			continue
		}
		if held[op.Node] == nil {
			held[op.Node] = make([]tensor.Box, len(g.Layers))
		}
		for l := op.Slice.From; l < op.Slice.To; l++ {
			box := g.Full(l, 1)
			if l == op.Slice.To-1 {
				box = op.Slice.Out
			}
			held[op.Node][l].Cover(&box)
		}
	}
	for j := range held {
		for l := range held[j] {
			m[j].Weights += g.Weights(workloads.Part{Layer: l, Box: held[j][l]})
		}
	}
}
