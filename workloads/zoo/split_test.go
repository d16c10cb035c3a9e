package zoo

import (
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/workloads"
	"hidp/workloads/tensor"
)

// evenStrips splits rows in n strips at the rounded multiples of rows/n: 7 rows in 5 are 1, 2, 1, 2 and 1.
func evenStrips(rows, n int) []workloads.Range {
	at := func(j int) int { return (2*j*rows + n) / (2 * n) }
	var all []workloads.Range
	for j := range n {
		if r := (workloads.Range{Lo: at(j), Hi: at(j + 1)}); !r.Empty() {
			all = append(all, r)
		}
	}
	return all
}

// recompute returns what splitting each segment of layers [1,cuts[0]), [cuts[0],cuts[1])… into n strips costs: all
// multiply-accumulates over those of the unsplit segments, and the speed-up of n equal devices.
func recompute(g *workloads.Graph, cuts []int, n int) (work, speedup float64) {
	var whole, all, critical float64
	from := 1
	for _, to := range cuts {
		longest := 0.0
		for _, rows := range evenStrips(g.Rows(to-1), n) {
			s := workloads.Slice{From: from, To: to, Out: g.Full(to-1, 1)}
			s = g.Strip(s, tensor.Row, rows)
			sum := 0.0
			for _, p := range g.Work(s).Layers {
				l := &g.Layers[p.Layer]
				sum += float64(l.MACs) * float64(g.Along(p, tensor.Row).Len()) / float64(g.Rows(p.Layer))
			}
			all += sum
			longest = max(longest, sum)
		}
		critical += longest
		for i := from; i < to; i++ {
			whole += float64(g.Layers[i].MACs)
		}
		from = to
	}
	return all / whole, whole / critical
}

// cutsAfter returns the ends of segments that close at layers of the given operator (or at every layer), up to the last layer
// before the head.
func cutsAfter(g *workloads.Graph, op workloads.Op) []int {
	var cuts []int
	for i := range g.Layers {
		if g.Layers[i].Op == op {
			cuts = append(cuts, i+1)
		}
	}
	return cuts
}

// The costs of recomputed halos, from an independent implementation of the row arithmetic (a Python prototype over the same
// definitions, two digits): multiply-accumulates relative to the unsplit network and speed-up of equal devices, for 2 and 5 strips of
// the convolutional part.
func TestRecomputedWork(t *testing.T) {
	type figures struct{ work2, speed2, work5, speed5 float64 }
	check := func(name string, cuts []int, want figures) {
		t.Helper()
		g, err := Get(name)
		require.NoError(t, err)
		var got figures
		got.work2, got.speed2 = recompute(g, cuts, 2)
		got.work5, got.speed5 = recompute(g, cuts, 5)
		require.InDeltaSlice(t, []float64{want.work2, want.speed2, want.work5, want.speed5},
			[]float64{got.work2, got.speed2, got.work5, got.speed5}, 0.011, "%s: %+v", name, got)
	}
	pools := func(name string) []int {
		g, err := Get(name)
		require.NoError(t, err)
		return cutsAfter(g, workloads.OpMaxPool)
	}
	every := func(n int) []int {
		var all []int
		for i := 2; i <= n; i++ {
			all = append(all, i)
		}
		return all
	}
	vgg16, vgg19 := pools("vgg16"), pools("vgg19")
	check("vgg16", every(vgg16[4]), figures{1.00, 2.00, 1.00, 4.74})
	check("vgg16", vgg16, figures{1.04, 1.90, 1.16, 3.86})
	check("vgg16", vgg16[4:], figures{1.60, 1.15, 3.07, 1.35})
	check("vgg19", every(vgg19[4]), figures{1.00, 2.00, 1.00, 4.73})
	check("vgg19", vgg19, figures{1.07, 1.85, 1.26, 3.50})
	check("vgg19", vgg19[4:], figures{1.76, 1.07, 3.58, 1.14})

	g, err := Get("resnet152")
	require.NoError(t, err)
	adds := cutsAfter(g, workloads.OpAdd)
	head := adds[len(adds)-1]
	check("resnet152", every(head), figures{1.00, 1.98, 1.00, 4.58})
	check("resnet152", adds, figures{1.03, 1.93, 1.12, 4.03})
	check("resnet152", []int{adds[2], adds[10], adds[46], head}, figures{1.70, 1.17, 3.75, 1.27})
	check("resnet152", []int{head}, figures{1.95, 1.02, 4.71, 1.04})
}

// A row in the middle of the last feature map needs as many input rows as the receptive field, given an input that is large
// enough. Closed form: r = 1 + Σ (k-1)·(product of the strides before).
func TestReceptiveFields(t *testing.T) {
	for _, c := range []struct {
		want  int
		build func() (*workloads.Graph, error)
		last  workloads.Op // the convolutional part ends with the last layer of this kind
	}{
		{212, func() (*workloads.Graph, error) { return vgg("vgg16", 1024, 2, 2, 3, 3, 3) }, workloads.OpMaxPool},
		{268, func() (*workloads.Graph, error) { return vgg("vgg19", 1024, 2, 2, 4, 4, 4) }, workloads.OpMaxPool},
		{1451, func() (*workloads.Graph, error) { return resnet("resnet152", 4096, bottleneck, 3, 8, 36, 3) }, workloads.OpAdd},
	} {
		g, err := c.build()
		require.NoError(t, err)
		cuts := cutsAfter(g, c.last)
		to := cuts[len(cuts)-1]
		s := workloads.Slice{From: 1, To: to, Out: g.Full(to-1, 1)}
		middle := g.Rows(to-1) / 2
		s = g.Strip(s, tensor.Row, workloads.Range{Lo: middle, Hi: middle + 1})
		w := g.Work(s)
		require.Len(t, w.Inputs, 1)
		require.Equal(t, c.want, g.Along(w.Inputs[0], tensor.Row).Len(), g.Name)
	}
}

// Halos ignored, strips repeat no work wherever maps have at least as many rows as there are strips.
func TestIgnoredHalosCostNothing(t *testing.T) {
	for _, name := range Names() {
		g, err := Get(name)
		require.NoError(t, err)
		blocks := g.Blocks()
		to := blocks[len(blocks)-1].To
		for g.Rows(to-1) < 5 || g.Layers[to-1].Op == workloads.OpGlobalPool {
			to--
		}
		var strips, whole float64
		for _, rows := range evenStrips(g.Rows(to-1), 5) {
			s := workloads.Slice{From: 1, To: to, Out: g.Full(to-1, 1), Halo: workloads.HaloIgnore}
			s = g.Strip(s, tensor.Row, rows)
			require.NoError(t, g.Check(s, 1))
			for _, p := range g.Work(s).Layers {
				if g.Rows(p.Layer) > 1 {
					strips += float64(g.Layers[p.Layer].FLOPs) * float64(g.Along(p, tensor.Row).Len()) / float64(g.Rows(p.Layer))
				}
			}
		}
		for i := 1; i < to; i++ {
			if g.Rows(i) > 1 {
				whole += float64(g.Layers[i].FLOPs)
			}
		}
		require.InDelta(t, 1, strips/whole, 1e-9, name)
	}
}
