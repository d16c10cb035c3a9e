package workloads

import "hidp/workloads/tensor"

// Line is a graph along one axis, for planners that can afford to look at that axis only, but millions of times. An axis of an
// input depends on one axis of a layer, so what a split along the axis needs follows from one map per input.
type Line struct {
	layers []lineLayer // one more than the graph's
	edges  []lineEdge  // of all layers' inputs, in order
	bytes  []int64     // of one element along the axis of one sample
}

// lineLayer is what a line knows of a layer.
type lineLayer struct {
	first, last int32 // the first of its edges; the last layer that reads it
	size        int32 // of the axis; 1 if the layer has no such axis
	whole       bool  // needs an input whole along the axis: a split may not cross the layer
	sums        bool  // sums over the axis: a split ends at the layer, or begins with merged results
}

type lineEdge struct {
	in                               int32
	mul, lead, tail, div, post, size int32 // as in tensor.Map
}

// newLine makes the line of an axis.
func (g *Graph) newLine(name tensor.Axis) *Line {
	l := &Line{layers: make([]lineLayer, len(g.Layers)+1), bytes: make([]int64, len(g.Layers))}
	for i := range g.Layers {
		x := &g.geometry[i]
		a := x.Dims.Find(name)
		at := &l.layers[i]
		*at = lineLayer{first: int32(len(l.edges)), last: x.lastUse, size: 1, sums: a >= x.Dims.Rank}
		if a >= 0 {
			at.size = x.Dims.Size[a]
		}
		l.bytes[i] = g.Bytes(g.Restrict(g.Tensor(i, 1), name, Range{0, 1}))
		for k := range x.Inputs {
			e, whole := g.newLineEdge(i, k, name, a)
			l.edges, at.whole = append(l.edges, e), at.whole || whole
		}
		// An input of extent 1 is always needed whole and bars nothing. What such a layer makes of the input still comes as a whole.
		at.whole = at.whole || g.Layers[i].whole() && a >= 0 && a < x.Dims.Rank && at.size > 1
	}
	l.layers[len(g.Layers)].first = int32(len(l.edges))
	return l
}

// newLineEdge takes the map of the axis called name out of the access of layer i to its k-th input, and says whether the input is
// needed whole along an axis of its tensor. The layer's axis of that name is at position of.
func (g *Graph) newLineEdge(i, k int, name tensor.Axis, of int) (lineEdge, bool) {
	a := &g.geometry[i].Inputs[k]
	e := lineEdge{in: a.In, tail: 1, div: 1, post: 1, size: 1}
	d := &g.geometry[a.In].Dims
	p := d.Find(name)
	if p < 0 { // a tensor without the axis is needed whole
		return e, false
	}
	m := &a.Maps[p]
	if m.Depends() && int(m.Of) == of {
		return lineEdge{a.In, m.Mul, m.Lead, m.Tail, m.Div, m.Post, m.Size}, false
	}
	e.tail, e.size = m.Size, m.Size
	return e, m.Size > 1 && p < d.Rank
}

// span is tensor.Map.Span.
func (e *lineEdge) span(o Range) Range {
	lo, hi := int64(o.Lo)*int64(e.mul)-int64(e.lead), int64(o.Hi)*int64(e.mul)+int64(e.tail)
	if e.div != 1 || e.post != 1 {
		m := tensor.Map{Mul: e.mul, Lead: e.lead, Tail: e.tail, Div: e.div, Post: e.post, Size: e.size}
		s := m.Span(tensor.Span{Lo: int32(o.Lo), Hi: int32(o.Hi)})
		return Range{int(s.Lo), int(s.Hi)}
	}
	return Range{int(max(lo, 0)), int(min(hi, int64(e.size)))}
}

// Size returns the extent of the axis at layer i.
func (l *Line) Size(i int) int { return int(l.layers[i].size) }

// Bytes returns the size of n elements along the axis of layer i's tensor, for a number of samples: Graph.Bytes of that part. The
// axis is not that of samples.
func (l *Line) Bytes(i, n, samples int) int64 {
	if l.layers[i].sums {
		n = min(n, 1) // a partial sum has the bytes of the whole
	}
	return l.bytes[i] * int64(n) * int64(samples)
}

// share returns the part of layer i's axis that corresponds to the share that r is of layer last's.
func (l *Line) share(r Range, last, i int) Range {
	h, n := l.Size(last), l.Size(i)
	if h == n {
		return r
	}
	return Range{r.Lo * n / h, r.Hi * n / h}
}

// Backprop is the arithmetic of slices along one axis, for planners: it walks from the end of a slice towards its start and yields,
// for one part and one end, every slice [from, to) on the way in a single pass without allocating. The range of a layer is final
// once the walk has passed it, so the cost of [from, to) is the cost of [from+1, to) plus that of layer from.
//
//	var b workloads.Backprop
//	b.Start(g.Line(tensor.Row), to, rows, workloads.HaloRecompute)
//	for _, block := range slices.Backward(g.Blocks()[:n]) { // n blocks end at layer to
//		b.Extend(block.From)
//		... b.Span(i) for i in [block.From, block.To): rows computed; b.Span(block.From-1): rows to bring in
//	}
//
// The ranges are those of Graph.Work for the same slice, whole along all other axes. The zero value is ready for Start; a Backprop
// may be started again and again, also for other graphs and axes.
type Backprop struct {
	l        *Line
	need     []Range // what is needed of every tensor
	from, to int
	low      int // lowest tensor with a need
	out      Range
	ignore   bool
	barrier  bool
}

// Start begins with the empty slice [to, to) that is to hand on the range out of layer to-1. It panics if there is no such layer.
func (b *Backprop) Start(l *Line, to int, out Range, halo Halo) {
	n := len(l.layers) - 1
	if to < 2 || to > n {
		panic("workloads: a slice cannot end there")
	}
	if b.l != nil {
		clear(b.need[b.low:b.to])
	}
	if len(b.need) < n {
		b.need = make([]Range, n)
	}
	b.l, b.from, b.to, b.low, b.out, b.ignore, b.barrier = l, to, to, to-1, out, halo == HaloIgnore, false
	b.need[to-1] = out
}

// Extend grows the slice downwards to start at layer from; it panics if from is not between 1 and the present start.
func (b *Backprop) Extend(from int) {
	if from < 1 || from > b.from {
		panic("workloads: a slice grows towards the input only")
	}
	l, need := b.l, b.need
	for i := b.from - 1; i >= from; i-- {
		at := &l.layers[i]
		if at.whole || at.sums || int(at.last) >= b.to {
			b.special(i, at)
		}
		out := need[i]
		if out.Empty() {
			continue
		}
		edges := l.edges[at.first:l.layers[i+1].first]
		for k := range edges {
			e := &edges[k]
			if b.ignore {
				b.require(int(e.in), b.least(int(e.in)))
			} else {
				b.require(int(e.in), e.span(out))
			}
		}
	}
	b.from = from
}

// special treats what most layers are not: barriers, and tensors that leave the slice.
func (b *Backprop) special(i int, at *lineLayer) {
	inner := i != b.to-1
	b.barrier = b.barrier || at.whole || at.sums && inner && !b.ignore
	if inner && int(at.last) >= b.to {
		b.require(i, b.l.share(b.out, b.to-1, i))
	}
}

// least returns the share of a tensor of which a slice that ignores its halo makes do: at least one element.
func (b *Backprop) least(i int) Range {
	r := b.l.share(b.out, b.to-1, i)
	if r.Empty() && !b.out.Empty() {
		r.Hi = r.Lo + 1
	}
	return r
}

// require adds range r of tensor i to the needs.
func (b *Backprop) require(i int, r Range) {
	if r.Empty() {
		return
	}
	b.low = min(b.low, i)
	n := &b.need[i]
	if !n.Empty() {
		r.Lo, r.Hi = min(n.Lo, r.Lo), max(n.Hi, r.Hi)
	}
	*n = r
}

// From returns the present start of the slice.
func (b *Backprop) From() int { return b.from }

// Span returns, for a layer of the slice, the range it computes (halo included), and for a tensor before the slice, the range to
// bring in; empty if none.
func (b *Backprop) Span(layer int) Range { return b.need[layer] }

// Lowest returns the lowest tensor of which anything is needed: the inputs of the slice are the tensors in [Lowest, From) with a
// range, which is the one tensor From-1 where the slice starts at a cut point.
func (b *Backprop) Lowest() int { return b.low }

// Barrier reports whether the slice holds a layer that forbids a proper split along the axis (see Graph.Check): one that needs an
// input whole, or one that sums over the axis before the end of the slice.
func (b *Backprop) Barrier() bool { return b.barrier }
