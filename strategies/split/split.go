// Package split holds what methods that partition the data of a network share: proportional shares, the pieces of a network
// that a row split can run at one go, and the boundaries between which layers are worth fusing.
package split

import (
	"cmp"
	"slices"

	"hidp/workloads"
)

// Shares apportions total units to the weights by the method of largest remainders: everyone gets the whole part of its quota
// and the units left go to the largest fractions, the first in order among equals. The shares add up to total. Weights must not
// be negative; if all are zero they count as equal. It panics without weights.
func Shares(total int, weights []float64) []int {
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	n := len(weights)
	shares := make([]int, n)
	fractions := make([]float64, n)
	order := make([]int, n)
	left := total
	for i, w := range weights {
		quota := float64(total) / float64(n)
		if sum > 0 {
			quota = float64(total) * (w / sum)
		}
		shares[i] = int(quota)
		fractions[i] = quota - float64(shares[i])
		order[i] = i
		left -= shares[i]
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(fractions[b], fractions[a]) })
	for i := 0; left > 0; i++ {
		shares[order[i%n]]++
		left--
	}
	return shares
}

// Ranges lays Shares out as neighbouring intervals that tile [0, total); those without a share are empty.
func Ranges(total int, weights []float64) []workloads.Range {
	out := make([]workloads.Range, len(weights))
	at := 0
	for i, n := range Shares(total, weights) {
		out[i] = workloads.Range{Lo: at, Hi: at + n}
		at += n
	}
	return out
}

// Piece is a run of layers [From, To) within which strips need nothing from each other.
type Piece struct {
	From, To int
	Whole    bool // to be executed whole, by one device: no rows to split
}

// Pieces cuts layers [from, to) into pieces, in order. A proper row split must stop behind every global pool, so that its
// partial sums can be merged (squeeze-excite). Behind such a barrier strips have to exchange rows once more, before the next
// window; a piece ends at the narrowest cut point on the way there. A split that ignores halos lets every strip pool over itself
// and goes on.
func Pieces(g *workloads.Graph, from, to int, halo workloads.Halo) []Piece {
	if halo == workloads.HaloIgnore {
		return runs(from, to, func(int) bool { return false }, g.Whole)
	}
	whole := func(i int) bool { return g.Whole(i) || g.Rows(i) == 1 }
	meet := exchanges(g, from, to)
	ends := map[int]bool{}
	for i := from; i < to; i++ {
		pool := g.Layers[i].Op == workloads.OpGlobalPool
		ends[i] = ends[i] || pool
		if pool || whole(i) {
			ends[meet[i+1-from]] = true
		}
	}
	return runs(from, to, func(i int) bool { return ends[i] }, whole)
}

// exchanges returns, for every layer from from to to, the layer with the narrowest tensor among the cut points between there and
// the next window, the first of equals; -1 if there is none.
func exchanges(g *workloads.Graph, from, to int) []int {
	cut := make([]bool, len(g.Layers))
	for _, b := range g.Blocks() {
		cut[b.To-1] = true
	}
	width := func(i int) int64 { return g.Bytes(g.Tensor(i, 1)) }
	best := make([]int, to-from+1)
	best[to-from] = -1
	for i := to - 1; i >= from; i-- {
		next := best[i+1-from]
		switch {
		case !pointwise(&g.Layers[i]):
			best[i-from] = -1
		case cut[i] && (next < 0 || width(i) <= width(next)):
			best[i-from] = i
		default:
			best[i-from] = next
		}
	}
	return best
}

// pointwise reports whether output rows of the layer need the same rows of its inputs and no others.
func pointwise(l *workloads.Layer) bool {
	switch l.Op {
	case workloads.OpConv:
		return l.Window.KH == 1 && l.Window.SH == 1
	case workloads.OpAdd, workloads.OpMul, workloads.OpConcat, workloads.OpElementwise:
		return true
	}
	return false
}

// runs cuts layers [from, to) behind every layer that is an end and between those to be executed whole and the others.
func runs(from, to int, end, whole func(int) bool) []Piece {
	var out []Piece
	open := false // the last piece may still grow
	for i := from; i < to; i++ {
		w := whole(i)
		if !open || out[len(out)-1].Whole != w {
			out = append(out, Piece{i, i, w})
		}
		out[len(out)-1].To = i + 1
		open = w || !end(i)
	}
	return out
}

// Layers returns every layer of [from, to) as a piece of its own: for methods that synchronise or exchange halos after each.
func Layers(g *workloads.Graph, from, to int) []Piece {
	var out []Piece
	for i := from; i < to; i++ {
		out = append(out, Piece{i, i + 1, g.Whole(i) || g.Rows(i) == 1})
	}
	return out
}

// Boundaries returns the down-sampling boundaries of the chain of blocks: layers that open a new stage, ascending. A stage
// ends with the pool that shrinks the map (VGG), or before the block whose convolutions do (ResNet), or, where the tensor there
// was widened just before (inverted bottlenecks), ahead of that. Shrinking is losing a third of the rows or more: unpadded
// convolutions take a few rows at the border, strides half.
func Boundaries(g *workloads.Graph) []int {
	var out []int
	blocks := g.Blocks()
	entering := func(k int) int64 { return g.Bytes(g.Tensor(blocks[k].From-1, 1)) }
	for k, b := range blocks {
		if b.From == 1 || 3*g.Rows(b.To-1) > 2*g.Rows(b.From-1) {
			continue
		}
		at := b.To
		if op := g.Layers[b.From].Op; b.To != b.From+1 || (op != workloads.OpMaxPool && op != workloads.OpAvgPool) {
			for k > 1 && entering(k-1) < entering(k) && g.Rows(blocks[k-1].From-1) == g.Rows(b.From-1) {
				k--
			}
			at = blocks[k].From
		}
		if at < len(g.Layers) && (len(out) == 0 || out[len(out)-1] < at) {
			out = append(out, at)
		}
	}
	return out
}

// Body returns the first layer of the network's tail: behind it nothing can be split by rows (fully connected layers, vectors).
// It is len(g.Layers) for a network whose output is a map.
func Body(g *workloads.Graph) int {
	to := len(g.Layers)
	for to > 1 && (g.Whole(to-1) || g.Rows(to-1) == 1) {
		to--
	}
	return to
}
