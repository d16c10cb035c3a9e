package workloads

// rowEdge is the row arithmetic of one input of one layer, reduced to a few integers so that a planner can afford to evaluate
// it millions of times. It is the only place where output rows become input rows.
type rowEdge struct {
	in   int32 // the producer
	kind edgeKind
	mul  int32 // windows: stride; upsampling: factor
	lead int32 // windows: leading padding
	tail int32 // windows: (k-1)·dilation + 1 - stride - leading padding
	h    int32 // rows of the producer (Graph.Rows)
}

type edgeKind uint8

const (
	edgeWindow   edgeKind = iota // a sliding window; the identity is a window of one row
	edgeWhole                    // every output row needs every row
	edgeNearest                  // enlargement, each row repeated mul times
	edgeBilinear                 // enlargement, rows interpolated (half-pixel centres)
)

// newRowEdge derives the arithmetic of the k-th input of layer i. A pooled vector is needed whole (all its partial sums), and
// so is a vector that scales a map.
func (g *Graph) newRowEdge(i, k int) rowEdge {
	l := &g.Layers[i]
	in := l.Inputs[k]
	e := rowEdge{in: int32(in), mul: 1, h: int32(g.Rows(in))}
	broadcast := l.Op == OpMul && g.Layers[in].Out.H == 1
	if g.Whole(i) || broadcast || g.Layers[in].Op == OpGlobalPool {
		e.kind = edgeWhole
		return e
	}
	switch l.Op {
	case OpConv, OpMaxPool, OpAvgPool:
		e = windowEdge(l.Window, int(e.h))
		e.in = int32(in)
	case OpUpsample:
		e.kind, e.mul = edgeNearest, int32(l.Scale)
		if l.Bilinear {
			e.kind = edgeBilinear
		}
	}
	return e
}

// windowEdge is the arithmetic of a window over h rows.
func windowEdge(w Window, h int) rowEdge {
	return rowEdge{mul: int32(w.SH), lead: int32(w.PadTop), tail: int32((w.KH-1)*w.DH + 1 - w.SH - w.PadTop), h: int32(h)}
}

// rows returns the rows of the producer that output rows out, which are not empty, need, clipped to those that exist (padding
// is not data); the result may be empty.
func (e *rowEdge) rows(out Range) Range {
	if e.kind != edgeWindow {
		return e.otherRows(out)
	}
	return Range{max(out.Lo*int(e.mul)-int(e.lead), 0), min(out.Hi*int(e.mul)+int(e.tail), int(e.h))}
}

func (e *rowEdge) otherRows(out Range) Range {
	f, h := int(e.mul), int(e.h)
	switch e.kind {
	case edgeWhole:
		return Range{0, h}
	case edgeNearest:
		return Range{out.Lo / f, min((out.Hi+f-1)/f, h)}
	}
	// Bilinear: row y blends rows floor(c) and floor(c)+1 around c = (y+1/2)/f - 1/2; 2f is added to floor a negative c.
	return Range{max((2*out.Lo+1+f)/(2*f)-1, 0), min((2*out.Hi-1+f)/(2*f)+1, h)}
}

// rowLayer is what the row arithmetic knows of a layer: the first of its edges, the last layer that reads it (the number of
// layers for the output, which the user reads), and whether a row split may cross it.
type rowLayer struct {
	first, lastUse int32
	whole, pool    bool
}

// deriveRows fills the tables of the row arithmetic.
func (g *Graph) deriveRows() {
	n := len(g.Layers)
	g.rows, g.edges = make([]rowLayer, n+1), nil
	for i := range g.Layers {
		r := &g.rows[i]
		*r = rowLayer{int32(len(g.edges)), int32(n), g.Whole(i), g.Layers[i].Op == OpGlobalPool}
		if c := g.consumers[i]; len(c) > 0 {
			r.lastUse = int32(c[len(c)-1])
		}
		for k := range g.Layers[i].Inputs {
			g.edges = append(g.edges, g.newRowEdge(i, k))
		}
	}
	g.rows[n].first = int32(len(g.edges))
}

// Backprop is the row arithmetic of slices for planners: it walks from the end of a slice towards its start and yields, for
// one strip and one end, every slice [from, to) on the way in a single pass without allocating. The rows of a layer are final
// once the walk has passed it, so the cost of [from, to) is the cost of [from+1, to) plus that of layer from.
//
//	var b workloads.Backprop
//	b.Start(g, to, rows, workloads.HaloRecompute)
//	for _, block := range slices.Backward(g.Blocks()[:n]) { // n blocks end at layer to
//		b.Extend(block.From)
//		... b.Rows(i) for i in [block.From, block.To): rows computed; b.Rows(block.From-1): rows to bring in
//	}
//
// The regions are those of Graph.Work for the same slice: whole channels, any samples. The zero value is ready for Start; a
// Backprop may be started again and again, also for other graphs.
type Backprop struct {
	g        *Graph
	need     []Range // rows needed of every tensor
	from, to int
	low      int // lowest tensor with a need
	rows     Range
	halo     Halo
	barrier  bool
}

// Start begins with the empty slice [to, to) that is to hand on rows of layer to-1. It panics if there is no such layer.
func (b *Backprop) Start(g *Graph, to int, rows Range, halo Halo) {
	if to < 2 || to > len(g.Layers) {
		panic("workloads: a slice cannot end there")
	}
	if b.g != nil {
		clear(b.need[b.low:b.to])
	}
	if len(b.need) < len(g.Layers) {
		b.need = make([]Range, len(g.Layers))
	}
	b.g, b.from, b.to, b.low, b.rows, b.halo, b.barrier = g, to, to, to-1, rows, halo, false
	b.need[to-1] = rows
}

// Extend grows the slice downwards to start at layer from; it panics if from is not between 1 and the present start.
func (b *Backprop) Extend(from int) {
	if from < 1 || from > b.from {
		panic("workloads: a slice grows towards the input only")
	}
	g, need := b.g, b.need
	for i := b.from - 1; i >= from; i-- {
		l := &g.rows[i]
		if l.whole || l.pool || int(l.lastUse) >= b.to {
			b.special(i, l)
		}
		r := need[i]
		if r.Empty() {
			continue
		}
		edges := g.edges[l.first:g.rows[i+1].first]
		for k := range edges {
			e := &edges[k]
			if b.halo == HaloIgnore {
				b.require(int(e.in), g.share(b.rows, b.to-1, int(e.in)))
			} else {
				b.require(int(e.in), e.rows(r))
			}
		}
	}
	b.from = from
}

// special treats what most layers are not: barriers, and tensors that leave the slice.
func (b *Backprop) special(i int, l *rowLayer) {
	inner := i != b.to-1
	b.barrier = b.barrier || l.whole || l.pool && inner && b.halo != HaloIgnore
	if inner && int(l.lastUse) >= b.to {
		b.require(i, Scaled(b.rows, b.g.Rows(b.to-1), b.g.Rows(i)))
	}
}

// require adds rows r of tensor i to the needs.
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

// Rows returns, for a layer of the slice, the rows it computes (halo included), and for a tensor before the slice, the rows to
// bring in; empty if none.
func (b *Backprop) Rows(layer int) Range { return b.need[layer] }

// Lowest returns the lowest tensor of which any row is needed: the inputs of the slice are the tensors in [Lowest, From) with
// rows, which is the one tensor From-1 where the slice starts at a cut point.
func (b *Backprop) Lowest() int { return b.low }

// Barrier reports whether the slice holds a layer that forbids a proper row split (see Graph.Check): one that is executed
// whole, or a global pool before the end.
func (b *Backprop) Barrier() bool { return b.barrier }
