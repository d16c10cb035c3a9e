package disnet

import (
	"math"

	"hidp/workloads"
	"hidp/workloads/tensor"
)

// price is what a choice is believed to cost.
type price struct{ seconds, joules float64 }

func (p *price) add(o price) { p.seconds += o.seconds; p.joules += o.joules }

// cost blends latency and energy, each as a multiple of the best single node's.
func (pl *planner) cost(p price) float64 {
	return float64(pl.eps*p.seconds/pl.base.seconds) + float64((1-pl.eps)*p.joules/pl.base.joules)
}

// reference prices the whole network on every single node and keeps the fastest as the unit of cost.
func (pl *planner) reference() {
	out := pl.g.Output()
	pl.base = price{math.Inf(1), 1}
	for _, w := range pl.workers {
		p := pl.forward(pl.leader(), w, 0)
		p.add(pl.compute(w, workloads.Slice{From: 1, To: out + 1, Out: pl.g.Full(out, pl.r.Batch)}))
		p.add(pl.forward(w, pl.leader(), out))
		if p.seconds < pl.base.seconds {
			pl.base = p
		}
	}
	pl.base.joules = math.Max(pl.base.joules, math.SmallestNonzeroFloat64)
}

func (pl *planner) compute(w worker, s workloads.Slice) price {
	t := pl.b.Costs(pl.g).Slice(w.node, w.cluster, s).Seconds()
	return price{t, t * w.power}
}

// transfer prices a message, as if it were alone.
func (pl *planner) transfer(u, v worker, bytes int64) price {
	if u.node == v.node || bytes == 0 {
		return price{}
	}
	t := pl.b.Platform.Transfer(u.node, v.node, bytes).Seconds()
	nodes := pl.b.Platform.Nodes
	return price{t, t * (nodes[u.node].NICPower + nodes[v.node].NICPower)}
}

// forward prices handing layer i's whole tensor from one anchor to the next.
func (pl *planner) forward(from, to worker, i int) price {
	return pl.transfer(from, to, pl.g.Bytes(pl.g.Tensor(i, pl.r.Batch)))
}

// tail prices the fully connected layers on the last anchor, and the way home.
func (pl *planner) tail(anchor worker) price {
	n := len(pl.g.Layers)
	p := pl.forward(anchor, pl.leader(), n-1)
	if pl.body < n {
		p.add(pl.compute(anchor, workloads.Slice{From: pl.body, To: n, Out: pl.g.Full(n-1, pl.r.Batch)}))
	}
	return p
}

// segment prices layers [from, to) under a choice: per piece the slowest helper's receiving and computing, and the slowest
// hand-over of the result to the anchor. Energy is everybody's.
func (pl *planner) segment(from, to int, c choice) price {
	var total price
	have := make(map[[2]int]tensor.Box) // {node, layer} → what lies there
	for _, piece := range pl.pieces(from, to, c) {
		slowest := 0.0
		for _, p := range pl.parts(piece, c) {
			x := pl.receive(from, p, c, have)
			x.add(pl.compute(p.worker, p.slice))
			slowest = math.Max(slowest, x.seconds)
			total.joules += x.joules
		}
		total.seconds += slowest
		for _, p := range pl.parts(piece, c) {
			for _, out := range pl.g.Outputs(p.slice) {
				have[[2]int{p.node, out.Layer}] = out.Box
			}
		}
	}
	slowest := 0.0
	full := pl.g.Full(to-1, pl.r.Batch)
	for _, w := range c.helpers {
		made := have[[2]int{w.node, to - 1}]
		x := pl.transfer(w, c.anchor, pl.g.Bytes(workloads.Part{Layer: to - 1, Box: made.Intersect(&full)}))
		slowest = math.Max(slowest, x.seconds)
		total.joules += x.joules
	}
	total.seconds += slowest
	return total
}

// receive prices what a part lacks on its node: rows of the segment's input from the anchor, halos from a neighbour.
func (pl *planner) receive(from int, p part, c choice, have map[[2]int]tensor.Box) price {
	var total price
	for _, need := range pl.g.Work(p.slice).Inputs {
		at := [2]int{p.node, need.Layer}
		if need.Layer < from && p.node == c.anchor.node {
			continue
		}
		there := have[at]
		missing := pl.g.Bytes(need) - pl.g.Bytes(workloads.Part{Layer: need.Layer, Box: need.Box.Intersect(&there)})
		total.add(pl.transfer(pl.source(p.worker, c), p.worker, missing))
		if need.Layer < from {
			have[at] = need.Box
		}
	}
	return total
}

// source returns who is taken to send something to w: the anchor, or another helper if w is the anchor itself.
func (pl *planner) source(w worker, c choice) worker {
	if w.node != c.anchor.node {
		return c.anchor
	}
	for _, h := range c.helpers {
		if h.node != w.node {
			return h
		}
	}
	return w
}
