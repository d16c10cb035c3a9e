package submodel

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hidp/strategies/conformance"
	"hidp/testbed/inference"
	"hidp/workloads"
)

func newRandom(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 7)) }

// numbered returns a part whose elements are their positions in the whole tensor.
func numbered(g *workloads.Graph, p workloads.Part) inference.Tensor {
	t := inference.NewTensor(Shape(g, p)...)
	s := g.Layers[p.Layer].Out
	i := 0
	for n := p.Region.Samples.Lo; n < p.Region.Samples.Hi; n++ {
		for c := p.Region.Channels.Lo; c < p.Region.Channels.Hi; c++ {
			for y := p.Region.Rows.Lo; y < p.Region.Rows.Hi; y++ {
				for x := range s.W {
					t.Data[i] = float32(((n*s.C+c)*s.H+y)*s.W + x)
					i++
				}
			}
		}
	}
	return t
}

func drawRange(rt *rapid.T, n int, what string) workloads.Range {
	lo := rapid.IntRange(0, n-1).Draw(rt, what)
	return workloads.Range{Lo: lo, Hi: rapid.IntRange(lo+1, n).Draw(rt, what)}
}

// Whatever boxes are put into a store, in whatever order and overlap, any box that they cover comes out as put in; one that they do
// not cover is an error.
func TestStoreAssembles(t *testing.T) {
	g := conformance.RandomGraph(newRandom(3))
	rapid.Check(t, func(rt *rapid.T) {
		const batch = 3
		s := NewStore(g)
		box := func(what string) workloads.Part {
			full := g.Full(0, batch)
			return workloads.Part{Region: workloads.Region{Samples: drawRange(rt, batch, what), Rows: drawRange(rt, full.Rows.Hi, what),
				Channels: drawRange(rt, full.Channels.Hi, what)}}
		}
		var put []workloads.Region
		for range rapid.IntRange(1, 12).Draw(rt, "boxes") {
			p := box("box")
			require.NoError(rt, s.Put(p, numbered(g, p)))
			put = append(put, p.Region)
		}
		want := box("want")
		got, _, err := s.Get(want)
		if covered(want.Region, put) {
			require.NoError(rt, err)
			require.Equal(rt, numbered(g, want), got)
		} else {
			require.ErrorContains(rt, err, "are not there")
		}
	})
}

// covered decides element by element.
func covered(r workloads.Region, boxes []workloads.Region) bool {
	for n := r.Samples.Lo; n < r.Samples.Hi; n++ {
		for c := r.Channels.Lo; c < r.Channels.Hi; c++ {
		next:
			for y := r.Rows.Lo; y < r.Rows.Hi; y++ {
				one := func(i int) workloads.Range { return workloads.Range{Lo: i, Hi: i + 1} }
				for _, b := range boxes {
					if b.Contains(workloads.Region{Samples: one(n), Channels: one(c), Rows: one(y)}) {
						continue next
					}
				}
				return false
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
		r := g.Full(1, 2)
		r.Rows = workloads.Range{Lo: lo, Hi: hi}
		return workloads.Part{Layer: 1, Region: r}
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
	one := part(0, 7)
	one.Region.Samples.Lo, one.Region.Channels.Lo = 1, 1
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
	full := workloads.Part{Region: g.Full(0, 1)}
	require.ErrorContains(t, s.Put(full, inference.NewTensor(1, 2, 3)), "6 numbers for a part of")
	require.Error(t, s.Put(workloads.Part{Layer: -1, Region: full.Region}, inference.Tensor{}))
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
