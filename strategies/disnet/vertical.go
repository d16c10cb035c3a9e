package disnet

import (
	"math"

	"hidp/strategies/split"
	"hidp/workloads"
)

// vertical returns the borders of at most n segments that tile layers [1, body): 1, the cuts, body. Segments begin at blocks and
// are of nearly equal work; a down-sampling boundary is taken where one lies within half a segment of the ideal cut.
func vertical(g *workloads.Graph, body, n int) []int {
	work := make([]float64, body+1) // of the layers before i
	for i := 1; i < body; i++ {
		work[i+1] = work[i] + float64(g.Layers[i].FLOPs)
	}
	var blocks []int
	for _, b := range g.Blocks() {
		if b.From > 1 && b.From < body {
			blocks = append(blocks, b.From)
		}
	}
	cuts := []int{1}
	for v := 1; v < n; v++ {
		ideal := work[body] * float64(v) / float64(n)
		at, off := nearest(split.Boundaries(g), work, ideal, cuts[len(cuts)-1], body)
		if at == 0 || off > work[body]/float64(2*n) {
			at, _ = nearest(blocks, work, ideal, cuts[len(cuts)-1], body)
		}
		if at > 0 {
			cuts = append(cuts, at)
		}
	}
	if body > 1 {
		cuts = append(cuts, body)
	}
	return cuts
}

// nearest returns the candidate strictly between lo and hi whose work before it is closest to ideal, and the distance; 0 if
// there is none.
func nearest(candidates []int, work []float64, ideal float64, lo, hi int) (at int, off float64) {
	off = math.Inf(1)
	for _, c := range candidates {
		if c > lo && c < hi && math.Abs(work[c]-ideal) < off {
			at, off = c, math.Abs(work[c]-ideal)
		}
	}
	return at, off
}
