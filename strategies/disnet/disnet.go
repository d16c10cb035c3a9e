package disnet

import (
	"cmp"
	"math"
	"slices"

	"hidp/strategies"
	"hidp/strategies/plan"
	"hidp/strategies/split"
	"hidp/workloads"
	"hidp/workloads/tensor"
)

var options = []strategies.Option{
	{Name: "split", Default: "rows", Values: []string{"rows", "samples"},
		Doc: "what is split within a segment: rows of the feature maps, or the samples of a request's batch"},
	{Name: "sync", Default: "recompute", Values: []string{"recompute", "halo"},
		Doc: "rows around a strip are recomputed through the segment's layers, or exchanged after each layer"},
	{Name: "halo", Default: "exact", Values: []string{"exact", "ignore"},
		Doc: "ignore: every strip computes its own rows only (inexact: not the network's answer); goes with sync=recompute"},
	{Name: "search", Default: "optimal", Values: []string{"optimal", "greedy"},
		Doc: "anchors and helpers: the best sequence over all segments, or segment by segment without looking ahead"},
	{Name: "eps", Default: "0.5", Doc: "weight of latency against energy, 1 for latency alone; the authors' program uses 0.5"},
	{Name: "V", Default: "4", Doc: "vertical segments, from 1 to 64; the authors cut VGG16 into 4"},
	{Name: "maxPar", Default: "0", Doc: "most helpers of a segment, from 1 to 64; 0 for the authors' table by cluster size"},
}

// Entries returns disnet. The defaults are those of the authors' program, but for the search: theirs walks a path through a random
// mesh, which has no counterpart where all nodes are neighbours, and the best sequence is the reading most in its favour.
func Entries() []strategies.Entry {
	return []strategies.Entry{{
		Name:    "disnet",
		Summary: "vertical segments of the network, the rows of each split over an anchor's best helpers",
		Source:  "Samikwa, Di Maio and Braun, DISNET: Distributed Micro-Split Deep Learning in Heterogeneous Dynamic IoT, IEEE IoT-J 11(4), 2024",
		Blind:   "core clusters (a node is its default framework), that transfers share the medium, idle power, memory, backlog",
		Options: options,
		New:     newDisNet,
	}}
}

type disnet struct {
	samples, exchange, greedy bool
	halo                      workloads.Halo
	eps                       float64
	segments, maxPar          int
}

func newDisNet(given strategies.Options) (plan.Planner, error) {
	r := strategies.Read("disnet", options, given)
	d := &disnet{samples: r.Word("split") == "samples", exchange: r.Word("sync") == "halo",
		greedy: r.Word("search") == "greedy", eps: r.Float("eps", 0, 1),
		segments: r.Int("V", 1, 64), maxPar: r.Int("maxPar", 0, 64)}
	if r.Word("halo") == "ignore" {
		d.halo = workloads.HaloIgnore
	}
	if err := r.Err(); err != nil {
		return nil, err
	}
	return d, nil
}

// authorsPar is the program's table of the most helpers per vertical segment, by number of devices from 2.
var authorsPar = [...][4]int{{2, 2, 2, 2}, {3, 3, 2, 2}, {3, 3, 3, 3}, {4, 3, 3, 3}, {4, 4, 3, 3}, {5, 4, 3, 3}, {5, 4, 4, 3},
	{5, 5, 4, 3}, {6, 5, 4, 3}, {6, 6, 4, 3}, {7, 7, 4, 3}}

// most returns the most helpers of segment v among n nodes.
func (d *disnet) most(v, n int) int {
	if d.maxPar > 0 || n < 2 {
		return min(max(1, d.maxPar), n)
	}
	row := authorsPar[min(n-2, len(authorsPar)-1)]
	return min(row[min(v, 3)], n)
}

// worker is a node as the method sees it.
type worker struct {
	node    int
	cluster int
	speed   float64 // FLOP/s of its default framework on this network
	power   float64 // W while computing
	score   float64 // speed discounted by power
}

// choice is what is decided for one segment: the anchor and the helpers, best first.
type choice struct {
	anchor  worker
	helpers []worker
}

// lone reports whether the anchor does it all.
func (c choice) lone() bool { return len(c.helpers) == 1 }

// stage is layers [from, to) under a choice.
type stage struct {
	choice
	from, to int
}

// join appends a stage; neighbours that one and the same worker runs alone become one.
func join(stages []stage, s stage) []stage {
	if n := len(stages); n > 0 {
		last := &stages[n-1]
		if last.lone() && s.lone() && last.anchor == s.anchor {
			last.to = s.to
			return stages
		}
	}
	return append(stages, s)
}

// Plan implements plan.Planner.
func (d *disnet) Plan(r plan.Problem, b *plan.Belief) (*plan.Plan, error) {
	pl := &planner{disnet: d, r: r, g: r.Graph, b: b, workers: d.workers(r, b)}
	pl.body = split.Body(r.Graph)
	if d.samples {
		pl.body = len(r.Graph.Layers)
	}
	cuts := vertical(r.Graph, pl.body, d.segments)
	pl.reference()
	choices, last := pl.search(cuts)
	var stages []stage
	for v, c := range choices {
		stages = join(stages, stage{c, cuts[v], cuts[v+1]})
	}
	if n := len(r.Graph.Layers); pl.body < n {
		stages = join(stages, stage{choice{last, []worker{last}}, pl.body, n})
	}
	p, err := pl.emit(stages)
	if err == nil {
		err = plan.Fits(p, r.Graph, b.Platform)
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// workers returns the nodes in the order in which they become helpers: by speed discounted by (normalised) power.
func (d *disnet) workers(r plan.Problem, b *plan.Belief) []worker {
	var all []worker
	norm := 0.0
	out := r.Graph.Output()
	for _, j := range split.Clique(b.Platform, r.Leader) {
		n := &b.Platform.Nodes[j]
		w := worker{node: j, cluster: n.DefaultCluster, power: n.Clusters[n.DefaultCluster].ActivePower}
		t := b.Costs(r.Graph).Slice(j, w.cluster, workloads.Slice{From: 1, To: out + 1, Out: r.Graph.Full(out, 1)})
		w.speed = float64(r.Graph.FLOPs()) / t.Seconds()
		norm += float64(w.power * w.power)
		all = append(all, w)
	}
	norm = math.Max(math.Sqrt(norm), math.SmallestNonzeroFloat64)
	for i := range all {
		all[i].score = all[i].speed * (1 - float64((1-d.eps)*(all[i].power/norm)))
	}
	slices.SortStableFunc(all, func(a, b worker) int { return cmp.Compare(b.score, a.score) })
	return all
}

// planner is the making of one plan.
type planner struct {
	*disnet
	r       plan.Problem
	g       *workloads.Graph
	b       *plan.Belief
	workers []worker
	body    int
	base    price // of the best single node: the unit of latency and energy
}

func (pl *planner) leader() worker {
	i := slices.IndexFunc(pl.workers, func(w worker) bool { return w.node == pl.r.Leader })
	return pl.workers[i]
}

// part is what one worker does of a piece.
type part struct {
	worker
	slice workloads.Slice
}

// parts returns the work of a piece: a strip or some samples per helper, or everything on the anchor.
func (pl *planner) parts(p split.Piece, c choice) []part {
	s := workloads.Slice{From: p.From, To: p.To, Out: pl.g.Full(p.To-1, pl.r.Batch)}
	if p.Whole {
		return []part{{c.anchor, s}}
	}
	speeds := make([]float64, len(c.helpers))
	for i, w := range c.helpers {
		speeds[i] = w.speed
	}
	total := pl.r.Batch
	if !pl.samples {
		total, s.Halo = pl.g.Rows(p.To-1), pl.halo
	}
	var out []part
	for i, share := range split.Ranges(total, speeds) {
		if share.Empty() {
			continue
		}
		if pl.samples {
			s = pl.g.Strip(s, tensor.Sample, share)
		} else {
			s = pl.g.Strip(s, tensor.Row, share)
		}
		out = append(out, part{c.helpers[i], s})
	}
	return out
}

// pieces returns the runs of layers between which the helpers of a segment synchronise; a lone anchor need not.
func (pl *planner) pieces(from, to int, c choice) []split.Piece {
	switch {
	case c.lone():
		return []split.Piece{{From: from, To: to, Whole: true}}
	case pl.samples:
		return []split.Piece{{From: from, To: to}}
	case pl.exchange:
		return split.Layers(pl.g, from, to)
	}
	return split.Pieces(pl.g, from, to, pl.halo)
}

// emit writes the stages down as a plan; tensors go straight from who made them to who needs them.
func (pl *planner) emit(stages []stage) (*plan.Plan, error) {
	out := plan.NewBuilder("disnet", pl.r, pl.b)
	for _, s := range stages {
		for _, piece := range pl.pieces(s.from, s.to, s.choice) {
			for _, p := range pl.parts(piece, s.choice) {
				out.Compute(p.node, p.cluster, p.slice)
			}
		}
	}
	return out.Finish()
}
