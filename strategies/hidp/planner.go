package hidp

import (
	"fmt"
	"math"

	"hidp/devices"
	"hidp/strategies/optchain"
	"hidp/strategies/plan"
	"hidp/workloads"
	"hidp/workloads/tensor"
)

// planner holds what does not depend on the backlog and may be used for many requests: prices of segments and the tiers' tables.
type planner struct {
	name   string
	of     request
	r      plan.Problem
	b      *plan.Belief // of the present request
	c      *chain
	costs  *devices.Costs
	curves *curves
	goal   goal
	queue  [][]float64            // of the present request
	sets   [][]set                // per node, the cluster sets of its local tier
	usable []bool                 // nodes that the leader can reach and that can reach it, over others if need be
	locals map[localsKey][]*local // by node; nil until asked for
	tiers  map[tierKey]*tier
}

type localsKey struct {
	data dataset
	goal goal
}

type tierKey struct {
	localsKey
	local bool
	nodes string
}

func newPlanner(name string, r plan.Problem, b *plan.Belief, gates bool) *planner {
	p := &planner{name: name, r: r, b: b, costs: b.Costs(r.Graph), locals: map[localsKey][]*local{}, tiers: map[tierKey]*tier{}, goal: goal{second: 1}}
	p.c = newChain(r.Graph, r.Batch, gates)
	p.curves = newCurves(p.c, p.costs)
	p.c.stopAt(p.curves.of(r.Batch)[r.Leader][b.Platform.Nodes[r.Leader].DefaultCluster])
	p.usable = usable(b.Platform, r.Leader)
	for j := range b.Platform.Nodes {
		p.sets = append(p.sets, clusterSets(&b.Platform.Nodes[j], p.clusterRates(j)))
	}
	return p
}

// usable returns which nodes lie on a round trip from the leader.
func usable(p *devices.Platform, leader int) []bool {
	closure := func(connected func(u, v int) bool) []bool {
		in := make([]bool, len(p.Nodes))
		in[leader] = true
		for grown := true; grown; {
			grown = false
			for u := range in {
				for v := range in {
					if in[u] && !in[v] && connected(u, v) {
						in[v], grown = true, true
					}
				}
			}
		}
		return in
	}
	there := closure(p.Network.Connected)
	back := closure(func(u, v int) bool { return p.Network.Connected(v, u) })
	for j := range there {
		there[j] = there[j] && back[j]
	}
	return there
}

// local returns the local tier of node j in scope x.
func (p *planner) local(x scope, j int) *local {
	l := &x.locals[j]
	if *l == nil {
		*l = p.newLocal(j, x.data)
	}
	return *l
}

// scope is a restriction of the search: the nodes that may take part, how data may be shared at either tier, and whether there is
// a local tier at all or every node runs what it is given as the default framework does.
type scope struct {
	nodes []bool
	data  dataset
	local bool

	locals []*local // during a search
}

// global returns the global tier in scope x: its workers are the platform's nodes.
func (p *planner) global(x scope) *tier {
	t := &tier{c: p.c, costs: p.costs, halo: x.data.halo, curves: p.curves, link: newNetwork(p.b.Platform), queue: p.queue,
		arrival: make([]float64, len(p.b.Platform.Nodes))}
	for j := range p.b.Platform.Nodes {
		n := &p.b.Platform.Nodes[j]
		w := worker{node: j, alone: []int{n.DefaultCluster}}
		if x.local {
			w.alone = w.alone[:0]
			for k := range n.Clusters {
				w.alone = append(w.alone, k)
			}
			w.sets = p.sets[j]
		}
		t.ws = append(t.ws, w)
	}
	t.alone = func(j, s, e int, start float64) cost {
		if !x.nodes[j] || !p.usable[j] {
			return impossible
		}
		_, c := p.node(x, j, s, e, start)
		return c
	}
	t.adds = func(int, int, int) (cost, bool) { return cost{}, false }
	rate := make([]float64, len(t.ws))
	end := p.divisible()
	for j := range rate {
		if c := t.alone(j, 0, end, 0); c.possible() {
			rate[j] = 1 / math.Max(c.time, 1e-9)
		}
	}
	if x.data.rows {
		for _, s := range p.sharings(t, rate) {
			t.shareRows(s, x.data.longest)
		}
	}
	if x.data.samples && p.c.batch > 1 {
		for _, s := range p.batches(t, rate) {
			t.shareSamples(s)
		}
	}
	return t
}

// composite is the choice of a node that follows its local tier's plan rather than running a stretch on one cluster.
const composite = -1

// node returns how node j runs stretch [s, e) given to it at time start, a cluster or composite, and what that costs.
func (p *planner) node(x scope, j, s, e int, start float64) (int, cost) {
	n := &p.b.Platform.Nodes[j]
	if p.c.kind[s] != boundary || p.c.kind[e] != boundary || p.c.held[e]-p.c.held[s] > n.Memory {
		return composite, impossible
	}
	if !x.local {
		return n.DefaultCluster, p.single(j, n.DefaultCluster, s, e, start)
	}
	l := p.local(x, j)
	choice, c := composite, l.table[s][e-s-1]
	if p.queue == nil {
		return choice, c
	}
	c.time += p.wait(j, l.masks[s][e-s-1], start)
	for k := range n.Clusters {
		if d := p.single(j, k, s, e, start); p.goal.score(d) < p.goal.score(c) {
			choice, c = k, d
		}
	}
	return choice, c
}

// single returns the cost of stretch [s, e) on cluster k of node j, the backlog there included.
func (p *planner) single(j, k, s, e int, start float64) cost {
	t := p.curves.run(j, k, s, e, p.c.batch)
	cl := &p.b.Platform.Nodes[j].Clusters[k]
	return cost{t + p.wait(j, cl.Mask, start), float64(t * cl.ActivePower)}
}

func (p *planner) wait(j int, mask uint32, now float64) float64 {
	return held(p.queue, j, mask, now)
}

// stretches returns the stages of a model partition; nil for none.
func (p *planner) stretches(xs []optchain.Stretch) []stage {
	var out []stage
	for _, x := range xs {
		out = append(out, stage{from: x.From, to: x.To, leaves: []leaf{{node: x.Node, cluster: x.Cluster}}})
	}
	return out
}

// stage is a stretch of layers as it will be placed: leaves that share its data, in order.
type stage struct {
	from, to int
	samples  bool // the leaves' parts are samples, not rows
	leaves   []leaf
}

// leaf is one cluster's part of a stage; an empty part stands for the whole of it.
type leaf struct {
	node, cluster int
	part          workloads.Range
}

// search returns the stages of the best plan in scope x, or nil if there is none.
func (p *planner) search(x scope) []stage {
	key := localsKey{x.data, p.goal}
	if p.locals[key] == nil {
		p.locals[key] = make([]*local, len(p.b.Platform.Nodes))
	}
	x.locals = p.locals[key]
	t := p.tier(x, key)
	sol := newSolver(t, p.c, p.goal, p.r.Leader)
	sol.solve(0, p.c.end())
	mode, c := sol.best(p.c.end())
	if !c.possible() {
		return nil
	}
	var out []stage
	for _, r := range sol.path(p.c.end(), mode) {
		if r.mode >= t.workers() {
			out = append(out, t.shared(r, r.mode-t.workers()))
			continue
		}
		out = append(out, p.onNode(x, r)...)
	}
	return out
}

// tier returns the global tier in scope x, made once per goal.
func (p *planner) tier(x scope, key localsKey) *tier {
	nodes := fmt.Sprint(x.nodes)
	t, ok := p.tiers[tierKey{key, x.local, nodes}]
	if !ok {
		queue := p.queue
		p.queue = nil // rates are those of idle clusters
		t = p.global(x)
		p.queue = queue
		p.tiers[tierKey{key, x.local, nodes}] = t
	}
	t.queue = p.queue
	return t
}

// onNode returns the stages of a run given to one node whole.
func (p *planner) onNode(x scope, r run) []stage {
	k, _ := p.node(x, r.mode, r.from, r.to, r.start)
	if k != composite {
		return []stage{{from: p.c.at[r.from], to: p.c.at[r.to], leaves: []leaf{{node: r.mode, cluster: k}}}}
	}
	l := p.local(x, r.mode)
	var out []stage
	for _, s := range l.runs(r.from, r.to) {
		if s.mode >= l.t.workers() {
			out = append(out, l.t.shared(s, s.mode-l.t.workers()))
			continue
		}
		out = append(out, stage{from: p.c.at[s.from], to: p.c.at[s.to], leaves: []leaf{{node: r.mode, cluster: s.mode}}})
	}
	return out
}

// shared returns the stage of run r in shareout v.
func (t *tier) shared(r run, v int) stage {
	x := t.vs[v]
	seg := &x.segs[r.from][r.to-r.from-1]
	st := stage{from: t.c.at[r.from], to: t.c.at[r.to], samples: x.samples}
	for m, part := range x.own[r.to] {
		w := &t.ws[x.members[m]]
		switch {
		case t.c.kind[r.from] == pooled:
			if seg.gate == m || seg.gate == everyone && !x.own[r.from][m].Empty() {
				st.leaves = append(st.leaves, leaf{node: w.node, cluster: t.gateCluster(x.members[m], r.from)})
			}
		case part.Empty():
		case seg.strips[m].option < len(w.alone):
			st.leaves = append(st.leaves, leaf{w.node, w.alone[seg.strips[m].option], part})
		default:
			s := &w.sets[seg.strips[m].option-len(w.alone)]
			for i, sub := range subranges(part, s.weights) {
				if !sub.Empty() {
					st.leaves = append(st.leaves, leaf{w.node, s.clusters[i], sub})
				}
			}
		}
	}
	return st
}

// emit writes the stages down as a plan.
func (p *planner) emit(stages []stage, halo workloads.Halo) (*plan.Plan, error) {
	b := plan.NewBuilder(p.name, p.r, p.b)
	for _, st := range stages {
		for _, l := range st.leaves {
			s := workloads.Slice{From: st.from, To: st.to, Out: p.r.Graph.Full(st.to-1, p.r.Batch)}
			switch {
			case l.part.Empty():
			case st.samples:
				s = p.r.Graph.Strip(s, tensor.Sample, l.part)
			default:
				s, s.Halo = p.r.Graph.Strip(s, tensor.Row, l.part), halo
			}
			b.Compute(l.node, l.cluster, s)
		}
	}
	return b.Finish()
}
