package sim

import (
	"hidp/strategies"
	"hidp/workloads"
)

// weights are the parameters of one model that lie in a node's memory: per layer the range of output channels. They stay once
// they were needed.
type weights struct {
	model    *workloads.Graph
	channels []workloads.Range
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
		if op.Kind != strategies.Compute {
			continue
		}
		n := &s.nodes[t.node(op.Node)]
		w := n.holds(g)
		if w == nil {
			w = n.hold(g)
		}
		for l := op.Slice.From; l < op.Slice.To; l++ {
			r := workloads.Range{Lo: 0, Hi: g.Layers[l].Out.C}
			if l == op.Slice.To-1 {
				r = op.Slice.Region.Channels
			}
			before := share(&g.Layers[l], w.channels[l])
			w.channels[l] = w.channels[l].Union(r)
			n.memory += share(&g.Layers[l], w.channels[l]) - before
		}
	}
}

// share returns the bytes of a layer's parameters that belong to a range of its output channels, as strategies.Memory counts.
func share(l *workloads.Layer, r workloads.Range) int64 {
	return l.WeightBytes * int64(r.Len()) / int64(max(1, l.Out.C))
}
