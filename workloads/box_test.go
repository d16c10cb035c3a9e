package workloads_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	. "hidp/workloads"
	"hidp/workloads/tensor"
)

func drawSpan(t *rapid.T, of tensor.Span) tensor.Span {
	if rapid.IntRange(0, 2).Draw(t, "all") == 0 {
		return of
	}
	lo := rapid.Int32Range(of.Lo, of.Hi-1).Draw(t, "lo")
	return tensor.Span{Lo: lo, Hi: rapid.Int32Range(lo+1, of.Hi).Draw(t, "hi")}
}

// Any box of any slice, over all axes of the last layer's tensor and split at random along what the layer sums over, computed from
// exactly the parts that Work names, is what the unsplit network computes.
func TestBoxesOfSlicesAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := drawGraph(t)
		batch := rapid.IntRange(1, 2).Draw(t, "batch")
		whole := runWhole(g, batch)
		for range 3 {
			from := rapid.IntRange(1, g.Output()).Draw(t, "from")
			to := rapid.IntRange(from+1, len(g.Layers)).Draw(t, "to")
			out := g.Tensor(to-1, batch)
			d := &g.Geometry(to - 1).Dims
			for a := range d.Rank {
				out.Box[a] = drawSpan(t, out.Box[a])
			}
			merged := newDevice(g, batch)
			for _, piece := range drawSums(t, d, out.Box) {
				made, _, err := runSlice(whole, Slice{From: from, To: to, Out: piece})
				require.NoError(t, err)
				require.NoError(t, made.copyTo(merged, Part{Layer: to - 1, Box: piece}))
			}
			want, got := whole.tensor(to-1), merged.part(out)
			each(d, &out.Box, func(x index) {
				w, v := *want.at(x), merged.finish(to-1, *got.at(x), x)
				if !(math.Abs(w-v) <= 1e-9*(1+math.Abs(w))) {
					t.Fatalf("layers [%d,%d), box %v, element %v: %v instead of %v", from, to, out.Box, x, v, w)
				}
			})
		}
	})
}

// drawSums splits a box at random along the axes that are summed over.
func drawSums(t *rapid.T, d *tensor.Dims, box tensor.Box) []tensor.Box {
	pieces := []tensor.Box{box}
	for a := d.Rank; a < d.Axes(); a++ {
		var next []tensor.Box
		for _, p := range pieces {
			if at := rapid.Int32Range(0, p[a].Hi).Draw(t, "sums"); at > 0 && at < p[a].Hi {
				q := p
				p[a].Hi, q[a].Lo = at, at
				next = append(next, q)
			}
			next = append(next, p)
		}
		pieces = next
	}
	return pieces
}

// What a box of a layer needs of an input is the hull of what the operator reads: no less, and no more, unless a window has gaps
// (dilation, a stride beyond the kernel), sees nothing but padding, or leaves the last columns unread while all of them are kept.
func TestNeedsAreTheHullOfReads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := drawGraph(t)
		whole := runWhole(g, 2)
		for range 4 {
			out := g.Tensor(rapid.IntRange(1, g.Output()).Draw(t, "layer"), 2)
			l, x := &g.Layers[out.Layer], g.Geometry(out.Layer)
			for a := range x.Dims.Axes() {
				out.Box[a] = drawSpan(t, out.Box[a])
			}
			hulls := make([]tensor.Box, len(l.Inputs))
			reader := &device{g: g, batch: 2, held: whole.held[:out.Layer:out.Layer], read: func(k int, at index) {
				one := g.Full(l.Inputs[k], 2) // the sums of what is read are complete
				for a := range g.Geometry(l.Inputs[k]).Dims.Rank {
					one[a] = tensor.Span{Lo: int32(at[a]), Hi: int32(at[a]) + 1}
				}
				hulls[k].Cover(&one)
			}}
			reader.held = append(reader.held, nil)
			reader.compute(out)
			for k := range l.Inputs {
				need, hull := g.Needs(out, k).Box, hulls[k]
				require.True(t, need.Contains(&hull), "%v %+v: box %v needs %v, reads %v", l.Op, l.Window, out.Box, need, hull)
				w := l.Window
				gaps := w.DH > 1 || w.DW > 1 || w.SH > w.KH || w.SW > w.KW
				if hull.Empty() || gaps {
					continue
				}
				for a := range g.Geometry(l.Inputs[k]).Dims.Axes() {
					m := &x.Inputs[k].Maps[a]
					if kept := m.Keep && out.Box[m.Of] == (tensor.Span{Hi: m.OfSize}); !kept {
						require.Equal(t, hull[a], need[a], "%v %+v: axis %d of box %v", l.Op, l.Window, a, out.Box)
					}
				}
			}
		}
	})
}
