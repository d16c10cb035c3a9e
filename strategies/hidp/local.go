package hidp

import (
	"math"

	"hidp/devices"
	"hidp/workloads"
)

// local is the local tier of one node: its core clusters, and what the best of their plans costs for every stretch of the chain.
// That table is all the global tier sees of a node.
type local struct {
	t     *tier
	sol   *solver
	table [][]cost   // [from][to-from-1], between boundaries
	masks [][]uint32 // likewise: the physical clusters that the best plan of the stretch uses
}

// newLocal plans node j's part of every stretch.
func (p *planner) newLocal(j int, data dataset) *local {
	n := &p.costs.Platform.Nodes[j]
	t := &tier{c: p.c, costs: p.costs, halo: data.halo, curves: p.curves, onChip: true,
		link: &chip{n: n, busy: make([]float64, len(n.Clusters))}, arrival: make([]float64, len(n.Clusters))}
	for k := range n.Clusters {
		t.ws = append(t.ws, worker{node: j, alone: []int{k}})
	}
	curve := p.curves.of(p.c.batch)[j]
	t.adds = func(k, s, e int) (cost, bool) {
		x := curve[k][e] - curve[k][s]
		return cost{x, float64(x * n.Clusters[k].ActivePower)}, true
	}
	t.alone = func(k, s, e int, _ float64) cost {
		x := p.costs.Invoke(j, k) + (curve[k][e] - curve[k][s])
		return cost{x, float64(x * n.Clusters[k].ActivePower)}
	}
	for _, s := range p.sets[j] {
		x := sharing{s.clusters, s.weights, p.fastest(j, s.clusters)}
		if data.rows {
			t.shareRows(x, data.longest)
		}
		if data.samples && p.c.batch > 1 {
			t.shareSamples(x)
		}
	}
	l := &local{t: t, sol: newSolver(t, p.c, p.goal, origin)}
	l.fill(p.c, n)
	return l
}

// shareRows adds a shareout of rows if it gains anything.
func (t *tier) shareRows(s sharing, longest int) {
	if v := newShareout(t.c, s, false); t.fillRows(v, longest) {
		t.vs = append(t.vs, v)
	}
}

// shareSamples adds a shareout of samples.
func (t *tier) shareSamples(s sharing) {
	v := newShareout(t.c, s, true)
	t.fillSamples(v)
	t.vs = append(t.vs, v)
}

// fill makes the table: the solver once from every boundary. Stretches whose weights exceed the node's memory are impossible.
func (l *local) fill(c *chain, n *devices.Node) {
	l.table, l.masks = make([][]cost, c.end()+1), make([][]uint32, c.end()+1)
	for s := 0; s < c.end(); s++ {
		l.table[s], l.masks[s] = make([]cost, c.end()-s), make([]uint32, c.end()-s)
		for i := range l.table[s] {
			l.table[s][i] = impossible
		}
		if c.kind[s] != boundary {
			continue
		}
		l.sol.solve(s, c.end())
		for e := s + 1; e <= c.end(); e++ {
			if c.kind[e] == boundary && c.held[e]-c.held[s] <= n.Memory {
				var mode int
				mode, l.table[s][e-s-1] = l.sol.best(e)
				l.masks[s][e-s-1] = l.mask(n, e, mode)
			}
		}
	}
}

// runs returns the best local plan of stretch [s, e).
func (l *local) runs(s, e int) []run {
	l.sol.solve(s, e)
	mode, _ := l.sol.best(e)
	return l.sol.path(e, mode)
}

// mask returns the physical clusters on the solver's way to position e in the given mode.
func (l *local) mask(n *devices.Node, e, mode int) uint32 {
	var mask uint32
	for mode != origin {
		if mode < l.t.workers() {
			mask |= n.Clusters[mode].Mask
		} else {
			for _, k := range l.t.vs[mode-l.t.workers()].members {
				mask |= n.Clusters[k].Mask
			}
		}
		at := &l.sol.labels[e][mode]
		e, mode = int(at.from), int(at.mode)
	}
	return mask
}

// clusterRates returns the rates at which node j's clusters run the part of the chain that rows can split, in chains per second.
func (p *planner) clusterRates(j int) []float64 {
	end := p.divisible()
	var rates []float64
	for k := range p.costs.Platform.Nodes[j].Clusters {
		rates = append(rates, 1/math.Max(p.curves.run(j, k, 0, end, p.c.batch), 1e-9))
	}
	return rates
}

// fastest returns the cluster of node j that is the fastest of some.
func (p *planner) fastest(j int, clusters []int) int {
	rates := p.clusterRates(j)
	best := clusters[0]
	for _, k := range clusters[1:] {
		if rates[k] > rates[best] {
			best = k
		}
	}
	return best
}

// dataset says how data may be shared.
type dataset struct {
	rows    bool
	samples bool
	halo    workloads.Halo
	longest int // blocks per row segment
}
