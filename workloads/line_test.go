package workloads_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	. "hidp/workloads"
	"hidp/workloads/tensor"
)

// Backprop, extended layer by layer or in strides, names the rows that Work names, for every start on the way.
func TestBackpropAgreesWithWork(t *testing.T) {
	var b Backprop // one for all graphs and starts: nothing may linger
	rapid.Check(t, func(t *rapid.T) {
		g := drawGraph(t)
		for range 3 {
			to := rapid.IntRange(2, len(g.Layers)).Draw(t, "to")
			s := Slice{To: to, Out: g.Full(to-1, 1), Halo: rapid.SampledFrom([]Halo{HaloRecompute, HaloIgnore}).Draw(t, "halo")}
			lo := rapid.IntRange(0, g.Rows(to-1)-1).Draw(t, "lo")
			rows := Range{lo, rapid.IntRange(lo+1, g.Rows(to-1)).Draw(t, "hi")}
			s = g.Strip(s, tensor.Row, rows)
			b.Start(g.Line(tensor.Row), to, rows, s.Halo)
			for b.From() > 1 && rapid.IntRange(0, 9).Draw(t, "stop") > 0 {
				s.From = rapid.IntRange(1, b.From()-1).Draw(t, "from")
				b.Extend(s.From)
				requireSameRows(t, g, &b, s)
			}
		}
	})
}

func requireSameRows(t *rapid.T, g *Graph, b *Backprop, s Slice) {
	want := make([]Range, len(g.Layers))
	w := g.Work(s)
	for _, p := range append(w.Inputs, w.Layers...) {
		want[p.Layer] = g.Along(p, tensor.Row)
	}
	for i := range want {
		require.Equal(t, want[i], b.Span(i), "layer %d of %+v", i, s)
		if i < b.Lowest() {
			require.True(t, want[i].Empty())
		}
	}
	if s.Out != g.Full(s.To-1, 1) {
		require.Equal(t, g.Check(s, 1) != nil, b.Barrier(), "%+v", s)
	}
}

// A line knows the bytes of what it splits.
func TestBytesAlongALine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := drawGraph(t)
		for i := range g.Layers {
			n := rapid.IntRange(0, g.Rows(i)).Draw(t, "n")
			some := g.Restrict(g.Tensor(i, 3), tensor.Row, Range{0, n})
			require.Equal(t, g.Bytes(some), g.Line(tensor.Row).Bytes(i, n, 3), "layer %d", i)
		}
	})
}

func TestBackpropRefusesNonsense(t *testing.T) {
	g := residualGraph(t)
	var b Backprop
	require.Panics(t, func() { b.Start(g.Line(tensor.Row), 1, Range{0, 1}, HaloRecompute) })
	require.Panics(t, func() { b.Start(g.Line(tensor.Row), 11, Range{0, 1}, HaloRecompute) })
	b.Start(g.Line(tensor.Row), 10, Range{0, 1}, HaloRecompute)
	require.Panics(t, func() { b.Extend(0) })
	b.Extend(5)
	require.Panics(t, func() { b.Extend(6) })
}

// chainOfResiduals is a network of n bottleneck blocks: 4n layers.
func chainOfResiduals(n int) *Graph {
	b := NewBuilder("bottlenecks", Shape{64, 56, 56})
	x := 0
	for range n {
		y := b.Conv("reduce", x, Conv{Out: 16, Window: Square(1, 1, 0)})
		y = b.Conv("window", y, Conv{Out: 16, Window: Square(3, 1, 1)})
		y = b.Conv("expand", y, Conv{Out: 64, Window: Square(1, 1, 0)})
		x = b.Sum("add", ReLU, y, x)
	}
	g, err := b.Build()
	if err != nil {
		panic(err)
	}
	return g
}

// One strip walked from the end to the start, as a planner does: time per layer is the figure of interest.
func BenchmarkBackprop(b *testing.B) {
	g := chainOfResiduals(50)
	var back Backprop
	b.ReportAllocs()
	sum := 0
	for b.Loop() {
		back.Start(g.Line(tensor.Row), len(g.Layers), Range{20, 30}, HaloRecompute)
		for i := len(g.Blocks()) - 1; i >= 0; i-- {
			from := g.Blocks()[i].From
			back.Extend(from)
			sum += back.Span(from - 1).Len()
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(g.Layers)-1), "ns/layer")
}

func BenchmarkWork(b *testing.B) {
	g := chainOfResiduals(50)
	s := Slice{From: 1, To: len(g.Layers), Out: g.Full(g.Output(), 1)}
	s = g.Strip(s, tensor.Row, Range{20, 30})
	b.ReportAllocs()
	for b.Loop() {
		g.Work(s)
	}
}
