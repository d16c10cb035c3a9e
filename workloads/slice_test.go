package workloads_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	. "hidp/workloads"
	"hidp/workloads/tensor"
)

// The foundation: a network executed phase by phase, every phase shared out among devices that get exactly the parts Work
// names, computes what the unsplit network computes; no row is missing and none has two owners.
func TestSharedExecutionIsExact(t *testing.T) { rapid.Check(t, sharedExecutionIsExact) }

// FuzzSlice searches for counterexamples guided by coverage.
func FuzzSlice(f *testing.F) { f.Fuzz(rapid.MakeFuzz(sharedExecutionIsExact)) }

func sharedExecutionIsExact(t *rapid.T) {
	g := drawGraph(t)
	batch := rapid.IntRange(1, 2).Draw(t, "batch")
	want := runWhole(g, batch)
	owner := newDevice(g, batch)
	owner.loadInput()
	for _, phase := range drawCuts(t, Range{1, len(g.Layers)}) {
		for _, s := range drawSlices(t, g, phase.Lo, phase.Hi, batch) {
			if err := takeSlice(owner, s); err != nil {
				t.Fatalf("slice %+v: %v", s, err)
			}
		}
	}
	out := g.Output()
	requireSame(t, want.tensor(out), owner.tensor(out))
}

func requireSame(t require.TestingT, want, got *values) {
	for i := range want.v {
		if diff := math.Abs(want.v[i] - got.v[i]); !(diff <= 1e-9*(1+math.Abs(want.v[i]))) {
			require.Failf(t, "wrong value", "element %d is %v, not %v", i, got.v[i], want.v[i])
		}
	}
}

// The oracle itself must be able to fail: with one row less, a value is missing.
func TestReferenceNoticesAMissingRow(t *testing.T) {
	b := NewBuilder("two convs", Shape{2, 9, 3})
	x := b.Conv("a", 0, Conv{Out: 2, Window: Square(3, 1, 1)})
	b.Conv("b", x, Conv{Out: 1, Window: Square(3, 2, 1)})
	g, err := b.Build()
	require.NoError(t, err)
	row := func(from, to, y int) float64 { // of b, with some rows of a
		d := newDevice(g, 1)
		d.loadInput()
		d.compute(g.Restrict(g.Tensor(1, 1), tensor.Row, Range{from, to}))
		d.compute(g.Restrict(g.Tensor(2, 1), tensor.Row, Range{y, y + 1}))
		return *d.tensor(2).at(element(0, 0, y, 1))
	}
	for y := range 5 {
		require.True(t, math.IsNaN(row(3, 5, y)), "output row %d needs more than rows 3 and 4 of a", y)
	}
	require.Equal(t, *runWhole(g, 1).tensor(2).at(element(0, 0, 2, 1)), row(3, 6, 2))
}

// residualGraph is a block with a skip: a conv that also leaves the slice, and the attention of EfficientNet.
func residualGraph(t *testing.T) *Graph {
	b := NewBuilder("residual with attention", Shape{3, 11, 4})
	x := b.Conv("stem", 0, Conv{Out: 4, Window: Square(3, 1, 1), Act: ReLU})
	e := b.Conv("expand", x, Conv{Out: 8, Window: Square(1, 1, 0), Act: SiLU})
	d := b.Conv("depthwise", e, Conv{Out: 8, Window: Square(5, 1, 2), Groups: 8, Act: SiLU})
	p := b.GlobalPool("squeeze", d)
	f := b.Conv("fc1", p, Conv{Out: 2, Window: Square(1, 1, 0), Bias: true, Act: SiLU})
	f = b.Conv("fc2", f, Conv{Out: 8, Window: Square(1, 1, 0), Bias: true, Act: Sigmoid})
	m := b.Mul("mul", d, f)
	m = b.Conv("project", m, Conv{Out: 4, Window: Square(1, 1, 0)})
	b.Sum("add", NoAct, m, x)
	g, err := b.Build()
	require.NoError(t, err)
	return g
}

// strips splits the last layer of [from, to) at the given rows.
func strips(g *Graph, from, to int, cuts ...int) []Slice {
	var all []Slice
	lo := 0
	for _, hi := range append(cuts, g.Rows(to-1)) {
		all = append(all, g.Strip(Slice{From: from, To: to, Out: g.Full(to-1, 1)}, tensor.Row, Range{lo, hi}))
		lo = hi
	}
	return all
}

// Squeeze-excite in three phases: strips up to partial sums, the tiny layers once, strips again.
func TestAttentionInPhases(t *testing.T) {
	g := residualGraph(t)
	want, owner := runWhole(g, 1), newDevice(g, 1)
	owner.loadInput()
	phases := append(strips(g, 1, 5, 4, 5), strips(g, 5, 7)...)
	phases = append(phases, strips(g, 7, 10, 3, 10)...)
	for _, s := range phases {
		require.NoError(t, g.Check(s, 1))
		require.NoError(t, takeSlice(owner, s), "%+v", s)
	}
	requireSame(t, want.tensor(9), owner.tensor(9))
}

func TestAttentionParts(t *testing.T) {
	g := residualGraph(t)
	rows := func(layer, lo, hi int) Part { return g.Restrict(g.Tensor(layer, 1), tensor.Row, Range{lo, hi}) }
	w := g.Work(strips(g, 1, 5, 4, 5)[1]) // row 4 of stem, expand, depthwise and its partial sum
	require.Equal(t, []Part{rows(0, 1, 8)}, w.Inputs, "5×5 and 3×3: three rows to either side")
	require.Equal(t, []Part{rows(1, 2, 7), rows(2, 2, 7), rows(3, 4, 5),
		rows(4, 4, 5)}, w.Layers)
	require.Equal(t, []Part{rows(1, 4, 5), rows(3, 4, 5), rows(4, 4, 5)}, w.Outputs,
		"the skip, the depthwise output and the partial sum leave")
	require.Equal(t, int64(8*4), g.Bytes(w.Outputs[2]), "a partial sum is a vector")

	w = g.Work(strips(g, 5, 7)[0])
	require.Equal(t, []Part{rows(4, 0, 11)}, w.Inputs, "all partial sums")
	require.Equal(t, int64(8*4), g.Bytes(w.Inputs[0]))

	w = g.Work(strips(g, 7, 10, 3, 10)[2])
	require.Equal(t, []Part{rows(1, 10, 11), rows(3, 10, 11), rows(6, 0, 1)}, w.Inputs)
}

func TestOutputsAreThoseOfWork(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := drawGraph(t)
		from := rapid.IntRange(1, g.Output()).Draw(t, "from")
		to := rapid.IntRange(from+1, len(g.Layers)).Draw(t, "to")
		for _, s := range drawSlices(t, g, from, to, 2) {
			require.Equal(t, g.Work(s).Outputs, g.Outputs(s))
		}
	})
}

// PyTorch's documented rule: with ceil_mode, windows may go off-bounds if they start within the left padding or the input.
func TestOutExtent(t *testing.T) {
	for _, c := range []struct {
		in   int
		w    Window
		want int
	}{
		{112, Window{KH: 3, SH: 2, DH: 1}, 55},
		{112, Window{KH: 3, SH: 2, DH: 1, Ceil: true}, 56},
		{111, Window{KH: 3, SH: 2, DH: 1, Ceil: true}, 55},
		{14, Window{KH: 2, SH: 2, DH: 1, Ceil: true}, 7},
		{5, Window{KH: 1, SH: 3, DH: 1, PadBottom: 2, Ceil: true}, 2}, // a third window would start in the trailing padding
		{2, Window{KH: 3, SH: 2, DH: 1, Ceil: true}, 1},
		{4, Window{KH: 1, SH: 2, DH: 1, PadBottom: 1, Ceil: true}, 2}, // nor right behind the input
		{2, Window{KH: 3, SH: 2, DH: 1}, 0},
		{224, Window{KH: 7, SH: 2, DH: 1, PadTop: 3, PadBottom: 3}, 112},
		{9, Window{KH: 3, SH: 1, DH: 3}, 3},
	} {
		require.Equal(t, c.want, c.w.OutHeight(c.in), "%d rows, %+v", c.in, c.w)
	}
}

func TestChannelsThroughALayer(t *testing.T) {
	b := NewBuilder("channels", Shape{4, 6, 6})
	x := b.Conv("grouped", 0, Conv{Out: 6, Window: Square(3, 1, 1), Groups: 2})
	p := b.Pool("pool", OpMaxPool, x, Square(3, 1, 1))
	c := b.Concat("concat", 0, x, p)
	b.Linear("fc", c, 7, NoAct)
	g, err := b.Build()
	require.NoError(t, err)
	channels := func(layer, k, lo, hi int) Range {
		return g.Along(g.Needs(g.Restrict(g.Tensor(layer, 1), tensor.Channel, Range{lo, hi}), k), tensor.Channel)
	}
	require.Equal(t, Range{0, 2}, channels(1, 0, 0, 3), "the first group")
	require.Equal(t, Range{0, 4}, channels(1, 0, 2, 4), "both groups")
	require.Equal(t, Range{2, 4}, channels(1, 0, 4, 5))
	require.Equal(t, Range{4, 5}, channels(2, 0, 4, 5))
	require.Equal(t, Range{3, 4}, channels(3, 0, 3, 7), "4 channels of the input,")
	require.Equal(t, Range{0, 3}, channels(3, 1, 3, 7), "6 of the convolution,")
	require.Equal(t, Range{}, channels(3, 2, 3, 7), "6 of the pool")
	require.Equal(t, Range{0, 16}, channels(4, 0, 3, 7))
}

func TestCheckNamesTheFault(t *testing.T) {
	g := residualGraph(t)
	full := g.Full(9, 2)
	whole, end := Slice{From: 1, To: 10, Out: full}, Slice{From: 7, To: 10, Out: full}
	require.NoError(t, g.Check(whole, 2))
	require.ErrorContains(t, g.Check(g.Strip(whole, tensor.Row, Range{0, 5}), 2), "pools over all rows")
	require.ErrorContains(t, g.Check(end, 1), "samples [0,2) is empty or outside the output of layer 9 (add): samples [0,1)")
	require.ErrorContains(t, g.Check(Slice{From: 3, To: 3, Out: full}, 1), "not in the graph's")
	require.ErrorContains(t, g.Check(g.Strip(end, tensor.Channel, Range{0, 2}), 2), "split by channels")
	require.ErrorContains(t, g.Check(g.Strip(end, tensor.Column, Range{0, 2}), 2), "layer 9 (add) cannot be split along its axis column")
	project := Slice{From: 8, To: 9, Out: g.Full(8, 2)}
	require.NoError(t, g.Check(project, 2))
	require.ErrorContains(t, g.Check(g.Strip(project, tensor.InChannel, Range{0, 2}), 2),
		"layer 8 (project) cannot be split along its axis in_channel")
	require.ErrorContains(t, g.Check(g.Strip(project, tensor.Token, Range{0, 2}), 2), "is empty", "there are no tokens")
	require.Panics(t, func() { g.Work(Slice{From: 0, To: 2}) })
}

// Where halos are ignored, strips of a chain of same-size layers repeat no work.
func TestIgnoredHalosRepeatNothing(t *testing.T) {
	g := residualGraph(t)
	rows := make([]int, len(g.Layers))
	for _, s := range strips(g, 1, 10, 3, 7) {
		s.Halo = HaloIgnore
		require.NoError(t, g.Check(s, 1))
		for _, p := range g.Work(s).Layers {
			rows[p.Layer] += g.Along(p, tensor.Row).Len()
		}
	}
	require.Equal(t, []int{0, 11, 11, 11, 11, 3, 3, 11, 11, 11}, rows, "each of the three pools over its own rows")
}
