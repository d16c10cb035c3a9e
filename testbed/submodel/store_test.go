package submodel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hidp/strategies/conformance"
	"hidp/testbed/inference"
	"hidp/workloads"
	"hidp/workloads/tensor"
)

func newRandom(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 7)) }

// numbered returns a part of an image whose elements are their positions in the whole tensor.
func numbered(g *workloads.Graph, p workloads.Part) inference.Tensor {
	t := inference.NewTensor(Shape(g, p)...)
	s := g.Layers[p.Layer].Out
	i := 0
	for n := p.Box[0].Lo; n < p.Box[0].Hi; n++ {
		for c := p.Box[1].Lo; c < p.Box[1].Hi; c++ {
			for y := p.Box[2].Lo; y < p.Box[2].Hi; y++ {
				for x := p.Box[3].Lo; x < p.Box[3].Hi; x++ {
					t.Data[i] = float32(((int(n)*s.C+int(c))*s.H+int(y))*s.W + int(x))
					i++
				}
			}
		}
	}
	return t
}

func drawSpan(rt *rapid.T, n int32, what string) tensor.Span {
	lo := rapid.Int32Range(0, n-1).Draw(rt, what)
	return tensor.Span{Lo: lo, Hi: rapid.Int32Range(lo+1, n).Draw(rt, what)}
}

// Whatever boxes are put into a store, in whatever order and overlap, any box that they cover comes out as put in; one that they do
// not cover is an error.
func TestStoreAssembles(t *testing.T) {
	g := conformance.RandomGraph(newRandom(3))
	rapid.Check(t, func(rt *rapid.T) {
		const batch = 3
		s := NewStore(g)
		box := func(what string) workloads.Part {
			p := g.Tensor(0, batch)
			for axis := range 3 {
				p.Box[axis] = drawSpan(rt, p.Box[axis].Hi, what)
			}
			return p
		}
		var put []tensor.Box
		for range rapid.IntRange(1, 12).Draw(rt, "boxes") {
			p := box("box")
			require.NoError(rt, s.Put(p, numbered(g, p)))
			put = append(put, p.Box)
		}
		want := box("want")
		got, _, err := s.Get(want)
		if covered(want.Box, put) {
			require.NoError(rt, err)
			require.Equal(rt, numbered(g, want), got)
		} else {
			require.ErrorContains(rt, err, "is not there")
		}
	})
}

// covered decides element by element, but for the columns, of which there are all.
func covered(all tensor.Box, boxes []tensor.Box) bool {
	one := func(i int32) tensor.Span { return tensor.Span{Lo: i, Hi: i + 1} }
	for n := all[0].Lo; n < all[0].Hi; n++ {
		for c := all[1].Lo; c < all[1].Hi; c++ {
			for y := all[2].Lo; y < all[2].Hi; y++ {
				x := all
				x[0], x[1], x[2] = one(n), one(c), one(y)
				if !slices.ContainsFunc(boxes, func(b tensor.Box) bool { return b.Contains(&x) }) {
					return false
				}
			}
		}
	}
	return true
}

// Sums of a global pool merge to the mean if they tile its rows, in any order, with others lying about.
func TestStoreMergesSums(t *testing.T) {
	b := workloads.NewBuilder("pool", workloads.Shape{C: 2, H: 7, W: 5})
	b.GlobalPool("pool", 0)
	g, err := b.Build()
	require.NoError(t, err)
	part := func(lo, hi int) workloads.Part {
		return g.Restrict(g.Tensor(1, 2), tensor.Row, workloads.Range{Lo: lo, Hi: hi})
	}
	sum := func(lo, hi int) inference.Tensor { // channel c of sample n has the value 10n+c everywhere
		t := inference.NewTensor(2, 2, 1, 1)
		for i := range t.Data {
			t.Data[i] = float32((hi - lo) * 5 * (10*(i/2) + i%2))
		}
		return t
	}
	s := NewStore(g)
	for _, r := range [][2]int{{4, 7}, {0, 3}, {2, 4}, {0, 2}} {
		require.NoError(t, s.Put(part(r[0], r[1]), sum(r[0], r[1])))
	}
	mean, _, err := s.Get(part(0, 7))
	require.NoError(t, err)
	require.Equal(t, []float32{0, 1, 10, 11}, mean.Data)
	some, _, err := s.Get(part(2, 7))
	require.NoError(t, err)
	require.Equal(t, sum(2, 7).Data, some.Data, "some rows give a sum")
	_, _, err = s.Get(part(3, 7))
	require.ErrorContains(t, err, "do not add up")

	require.NoError(t, s.Put(part(0, 7), mean))
	whole, _, err := s.Get(part(0, 7))
	require.NoError(t, err)
	require.Equal(t, mean.Data, whole.Data, "all rows are the mean, not a sum")
	second := workloads.Range{Lo: 1, Hi: 2}
	one := g.Restrict(g.Restrict(part(0, 7), tensor.Sample, second), tensor.Channel, second)
	last, _, err := s.Get(one)
	require.NoError(t, err)
	require.Equal(t, []float32{11}, last.Data)
	s.Drop(1)
	_, _, err = s.Get(one)
	require.Error(t, err)
}

func TestStoreRefuses(t *testing.T) {
	g := conformance.RandomGraph(newRandom(3))
	s := NewStore(g)
	full := g.Tensor(0, 1)
	require.ErrorContains(t, s.Put(full, inference.NewTensor(1, 2, 3)), "6 numbers for a part of")
	require.Error(t, s.Put(workloads.Part{Layer: -1, Box: full.Box}, inference.Tensor{}))
	require.Error(t, s.Put(workloads.Part{}, inference.Tensor{}))
	for _, p := range []workloads.Part{{Layer: len(g.Layers)}, {Layer: -1}, {}} {
		_, _, err := s.Get(p)
		require.ErrorContains(t, err, "no such part")
	}
}

func TestCompare(t *testing.T) {
	ending := func(act workloads.Activation) *Source {
		b := workloads.NewBuilder("gate", workloads.Shape{C: 3, H: 1, W: 1})
		b.Linear("fc", 0, 3, act)
		g, err := b.Build()
		require.NoError(t, err)
		return &Source{Graph: g}
	}
	plain, bounded := ending(workloads.NoAct), ending(workloads.Sigmoid)
	vector := func(v ...float32) inference.Tensor { return inference.Tensor{Shape: []int{1, 3, 1, 1}, Data: v} }
	nan, inf := math.Float32frombits(0x7fc00000), float32(math.Inf(1))
	for _, c := range []struct {
		s         *Source
		want, got inference.Tensor
		ok        bool
		says      string
	}{
		{plain, vector(1, 2, 3), vector(1, 2, 3), true, "bit-identical"},
		{plain, vector(1, 2, -4), vector(1, 2.0001, -4), true, "largest difference 0.0001 of 4"},
		{plain, vector(1, 2, 4), vector(1, 2.001, 4), false, "largest difference 0.001 of 4"},
		{plain, vector(1e-6, 0, 0), vector(2e-6, 0, 0), false, "largest difference 1e-06 of 1e-06"},
		{bounded, vector(1e-6, 0, 0), vector(2e-6, 0, 0), true, "largest difference 1e-06 of 1"},
		{plain, vector(1, 2, 3), vector(1, nan, 3), false, "largest difference +Inf of 3"},
		{plain, vector(1, nan, 3), vector(1, 2, 3), false, "largest difference +Inf of 3"},
		{plain, vector(1, inf, 3), vector(1, 2, 3), false, "largest difference +Inf of 3"},
		{plain, vector(1, inf, 3), vector(1, -inf, 3), false, "largest difference +Inf of 3"},
		{plain, vector(1, inf, 3), vector(1, nan, 3), false, "largest difference +Inf of 3"},
		{plain, vector(1, nan, 3), vector(1, nan, 3), true, "bit-identical"},
		{plain, vector(1, nan, 3), vector(1, math.Float32frombits(0xffc00001), 3), true, "largest difference 0 of 3"},
		{plain, vector(1, inf, 3), vector(1, inf, 3.001), false, "largest difference 0.001 of 3"},
		{plain, vector(1, inf, 3), vector(1, inf, 3.0001), true, "largest difference 0.0001 of 3"},
		{plain, vector(nan, nan, nan), vector(nan, nan, 0), false, "largest difference +Inf of 0"},
		{plain, vector(0, 0, 0), vector(0, 0, 0), true, "bit-identical"},
		{plain, vector(0, 0, 0), vector(0, 0, 1), false, "largest difference 1 of 0"},
	} {
		a, err := c.s.Compare(c.want, c.got)
		require.NoError(t, err)
		require.Equal(t, c.ok, a.OK(), "%v %v", c.want.Data, c.got.Data)
		require.Equal(t, c.says, a.String())
	}
	_, err := plain.Compare(vector(1, 2, 3), inference.NewTensor(1, 2))
	require.ErrorContains(t, err, "shape [1 2] instead of [1 3 1 1]")
}
