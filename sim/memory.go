package sim

import (
	"hidp/strategies/plan"
	"hidp/workloads"
	"hidp/workloads/tensor"
)

// weights are the parameters of one model that lie in a node's memory: per layer those of a box of its domain. They stay once
// they were needed.
type weights struct {
	model *workloads.Graph
	boxes []tensor.Box
}

// occupy books what a request that is admitted needs of its nodes' memories.
func (s *simulation) occupy(r *request) {
	t := &s.sites[r.site]
	if t.brings(r.prog) {
		s.load(t, r.prog, s.cfg.Models[r.model])
	}
	for i := range r.prog.Parts {
		n := &s.nodes[t.node(r.prog.Parts[i].Node)]
		n.took = true
		n.memory += r.prog.memory[i].Activations
		n.peak = max(n.peak, n.memory)
	}
}

// vacate gives back the activations of a request that has ended.
func (s *simulation) vacate(r *request) {
	for i := range r.prog.Parts {
		s.nodes[s.sites[r.site].node(r.prog.Parts[i].Node)].memory -= r.prog.memory[i].Activations
	}
}

// load brings the parameters that a program needs into the memories of a site's nodes, unless they are there already.
func (s *simulation) load(t *site, p *program, g *workloads.Graph) {
	for i := range p.plan.Ops {
		op := &p.plan.Ops[i]
		if op.Kind != plan.Compute {
			continue
		}
		n := &s.nodes[t.node(op.Node)]
		w := n.holds(g)
		if w == nil {
			w = n.hold(g)
		}
		for l := op.Slice.From; l < op.Slice.To; l++ {
			part := g.Tensor(l, 1)
			if l == op.Slice.To-1 {
				part = op.Slice.Last()
			}
			held := workloads.Part{Layer: l, Box: w.boxes[l]}
			part.Box.Cover(&held.Box)
			n.memory += g.Weights(part) - g.Weights(held)
			w.boxes[l] = part.Box
		}
	}
}
