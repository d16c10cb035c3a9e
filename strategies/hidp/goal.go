package hidp

import (
	"cmp"
	"slices"

	"hidp/strategies/plan"
)

// aimed is a goal for a restricted set of nodes.
type aimed struct {
	goal  goal
	nodes []bool
}

// goals returns what the search in scope x is to minimise so that its answers contain a good one for the objective. The energy of a
// plan is the idle power of its nodes over its latency plus what activity adds, a weighted sum once the nodes are fixed; so energy
// is searched per set of nodes. The product with latency is approached by the sum that has its slope at the fastest plan.
func (p *planner) goals(objective string, x scope) []aimed {
	latency := goal{second: 1}
	out := []aimed{{latency, x.nodes}}
	if objective == "latency" {
		return out
	}
	for _, nodes := range p.nodeSubsets(x) {
		idle := 0.0
		for j, in := range nodes {
			if in {
				idle += p.b.Platform.Nodes[j].IdlePower
			}
		}
		g := goal{idle, 1}
		if objective == "edp" {
			y := x
			y.nodes = nodes
			p.goal = latency
			g.second += p.power(y)
		}
		out = append(out, aimed{g, nodes})
	}
	return out
}

// power returns the mean power of the fastest plan in scope x, 0 if there is none.
func (p *planner) power(x scope) float64 {
	stages := p.search(x)
	if stages == nil {
		return 0
	}
	made, err := p.emit(stages, x.data.halo)
	if err != nil {
		return 0
	}
	f := plan.Forecast(made, p.r.Graph, p.b)
	return f.Energy / max(f.Latency.Seconds(), 1e-9)
}

// nodeSubsets returns the sets of nodes to search for a low energy: the leader alone, with each other node, and with the k that
// need the least energy for the whole network alone.
func (p *planner) nodeSubsets(x scope) [][]bool {
	type ranked struct {
		node   int
		energy float64
	}
	var others []ranked
	for j := range p.b.Platform.Nodes {
		if n := &p.b.Platform.Nodes[j]; x.nodes[j] && j != p.r.Leader {
			c := p.single(j, n.DefaultCluster, 0, p.c.end(), 0)
			others = append(others, ranked{j, c.energy + float64(n.IdlePower*c.time)})
		}
	}
	slices.SortStableFunc(others, func(a, b ranked) int { return cmp.Compare(a.energy, b.energy) })
	set := func(nodes ...ranked) []bool {
		in := make([]bool, len(p.b.Platform.Nodes))
		in[p.r.Leader] = true
		for _, n := range nodes {
			in[n.node] = true
		}
		return in
	}
	out := [][]bool{set()}
	for i := range others {
		out = append(out, set(others[i]))
	}
	for k := 2; k <= len(others); k++ {
		out = append(out, set(others[:k]...))
	}
	return out
}
