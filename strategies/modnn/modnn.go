package modnn

import (
	"slices"

	"hidp/devices"
	"hidp/strategies"
	"hidp/strategies/plan"
	"hidp/strategies/split"
	"hidp/workloads"
	"hidp/workloads/tensor"
)

var options = []strategies.Option{
	{Name: "split", Default: "rows", Values: []string{"rows", "samples"},
		Doc: "what is split: rows of the feature maps, or the samples of a request's batch (each node runs the whole network on its share)"},
	{Name: "sync", Default: "block", Values: []string{"layer", "block", "once"},
		Doc: "gather after every convolution and pool (the paper), after every stage of the network, or only at the end of the convolutions"},
	{Name: "route", Default: "host", Values: []string{"host", "p2p"},
		Doc: "strips travel through the host (the paper), or straight from node to node, halo rows only"},
	{Name: "weights", Default: "capability", Values: []string{"capability", "equal"},
		Doc: "shares in proportion to the nodes' measured speed (the paper), or equal ones (what DISNET's code calls MoDNN)"},
	{Name: "halo", Default: "exact", Values: []string{"exact", "ignore"},
		Doc: "rows around a strip are brought in or recomputed, or ignored (inexact: not the network's answer)"},
	{Name: "fc", Default: "16", Doc: "MiB of weights above which a fully connected layer is split by output neurons"},
}

// Entries returns modnn.
//
// The default sync=block, route=host, halo=exact was chosen for plausibility before any figure was computed: it keeps the marks of
// the paper (layers in steps, scatter and gather through the host, the network's own answer) at a tenth of the bytes that a step
// per layer moves, which is over 100 MB for the usual networks. It is not the fastest setting. On a slow network sync=once is
// faster, although every node then computes almost everything that its strip's receptive field covers; ports that gather once
// may as well have ignored halos or split the samples of a batch. A comparison should show these readings apart.
func Entries() []strategies.Entry {
	return []strategies.Entry{{
		Name:    "modnn",
		Summary: "rows of every stage split over the nodes in proportion to their speed, gathered at the host",
		Source:  "Mao et al., MoDNN: Local Distributed Mobile Computing System for Deep Neural Network, DATE 2017",
		Blind:   "core clusters (a node is its default framework), bandwidth, memory, backlog, energy",
		Options: options,
		New:     newMoDNN,
	}}
}

type modnn struct {
	samples, p2p, equal bool
	sync                string
	halo                workloads.Halo
	fcBytes             int64
}

func newMoDNN(given strategies.Options) (plan.Planner, error) {
	r := strategies.Read("modnn", options, given)
	m := &modnn{samples: r.Word("split") == "samples", sync: r.Word("sync"), p2p: r.Word("route") == "p2p", equal: r.Word("weights") == "equal"}
	if r.Word("halo") == "ignore" {
		m.halo = workloads.HaloIgnore
	}
	m.fcBytes = int64(r.Float("fc", 0, 1<<20) * (1 << 20))
	if err := r.Err(); err != nil {
		return nil, err
	}
	return m, nil
}

// mapper says which slice runs where; it finds the way that tensors take.
type mapper interface {
	// compute runs s on the default cluster of node j.
	compute(j int, s workloads.Slice)
	// gather ends a map step: layer i's tensor is complete.
	gather(i int)
	finish() (*plan.Plan, error)
}

// Plan implements plan.Planner.
func (m *modnn) Plan(r plan.Problem, b *plan.Belief) (*plan.Plan, error) {
	e := execution{modnn: m, r: r, g: r.Graph}
	if m.p2p {
		e.nodes, e.at = split.Clique(b.Platform, r.Leader), &direct{plan.NewBuilder("modnn", r, b), b.Platform.Nodes}
	} else {
		e.nodes, e.at = split.Reachable(b.Platform, r.Leader), newStar(r, b)
	}
	for _, j := range e.nodes {
		e.weights = append(e.weights, m.capability(r.Graph, b, j))
	}
	e.run()
	p, err := e.at.finish()
	if err == nil {
		err = plan.Fits(p, r.Graph, b.Platform)
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// capability returns the measured FLOP/s of node j with its default framework on one sample of the network.
func (m *modnn) capability(g *workloads.Graph, b *plan.Belief, j int) float64 {
	if m.equal {
		return 1
	}
	out := g.Output()
	t := b.Costs(g).Slice(j, b.Platform.Nodes[j].DefaultCluster, workloads.Slice{From: 1, To: out + 1, Out: g.Full(out, 1)})
	return float64(g.FLOPs()) / t.Seconds()
}

// direct lets tensors go straight from who has them to who needs them.
type direct struct {
	*plan.Builder
	nodes []devices.Node
}

func (d *direct) compute(j int, s workloads.Slice) { d.Compute(j, d.nodes[j].DefaultCluster, s) }

func (d *direct) gather(int) {}

func (d *direct) finish() (*plan.Plan, error) { return d.Finish() }

// execution is the making of one plan.
type execution struct {
	*modnn
	r       plan.Problem
	g       *workloads.Graph
	nodes   []int // the workers, the host first
	weights []float64
	at      mapper
}

func (e *execution) run() {
	if e.samples || len(e.nodes) == 1 {
		e.runSamples()
		return
	}
	body := split.Body(e.g)
	from := 1
	for _, to := range e.steps(body) {
		for _, piece := range e.pieces(from, to) {
			e.runPiece(piece)
		}
		e.at.gather(to - 1)
		from = to
	}
	for i := body; i < len(e.g.Layers); i++ {
		e.runTail(i)
	}
}

// runSamples gives every node the whole network for its samples; a node alone takes them all.
func (e *execution) runSamples() {
	out := e.g.Output()
	s := workloads.Slice{From: 1, To: out + 1, Out: e.g.Full(out, e.r.Batch)}
	for w, samples := range split.Ranges(e.r.Batch, e.weights) {
		if !samples.Empty() {
			e.at.compute(e.nodes[w], e.g.Strip(s, tensor.Sample, samples))
		}
	}
}

// steps returns the layers before body at which a map step ends, ascending, body last.
func (e *execution) steps(body int) []int {
	var ends []int
	switch e.sync {
	case "layer":
		for i := 2; i < body; i++ {
			ends = append(ends, i)
		}
	case "block":
		for _, at := range split.Boundaries(e.g) {
			if at < body {
				ends = append(ends, at)
			}
		}
	}
	if body > 1 {
		ends = append(ends, body)
	}
	return ends
}

func (e *execution) pieces(from, to int) []split.Piece {
	if e.sync != "layer" {
		return split.Pieces(e.g, from, to, e.halo)
	}
	pieces := split.Layers(e.g, from, to)
	if !e.p2p {
		for i := range pieces {
			pieces[i].Whole = pieces[i].Whole || !spatial(e.g.Layers[pieces[i].From].Op)
		}
	}
	return pieces
}

// spatial reports whether MoDNN splits an operator: convolutions and pools. What the host has gathered it adds, concatenates
// and scales itself rather than send it out again.
func spatial(op workloads.Op) bool {
	return slices.Contains([]workloads.Op{workloads.OpConv, workloads.OpMaxPool, workloads.OpAvgPool}, op)
}

// runPiece maps one piece over the nodes, or runs it on the host.
func (e *execution) runPiece(p split.Piece) {
	s := workloads.Slice{From: p.From, To: p.To, Out: e.g.Full(p.To-1, e.r.Batch)}
	if p.Whole {
		e.at.compute(e.nodes[0], s)
		return
	}
	s.Halo = e.halo
	for w, rows := range split.Ranges(e.g.Rows(p.To-1), e.weights) {
		if !rows.Empty() {
			e.at.compute(e.nodes[w], e.g.Strip(s, tensor.Row, rows))
		}
	}
}

// runTail runs layer i behind the convolutions: split by output neurons if its weights are many, else on the host.
func (e *execution) runTail(i int) {
	s := workloads.Slice{From: i, To: i + 1, Out: e.g.Full(i, e.r.Batch)}
	l := &e.g.Layers[i]
	if l.Op != workloads.OpLinear || l.WeightBytes <= e.fcBytes {
		e.at.compute(e.nodes[0], s)
		return
	}
	for w, channels := range split.Ranges(l.Out.C, e.weights) {
		if !channels.Empty() {
			e.at.compute(e.nodes[w], e.g.Strip(s, tensor.Channel, channels))
		}
	}
	e.at.gather(i)
}
