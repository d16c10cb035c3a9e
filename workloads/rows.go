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
