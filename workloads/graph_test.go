package workloads_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	. "hidp/workloads"
	"hidp/workloads/tensor"
)

func TestBlocksOfABranchedGraph(t *testing.T) {
	g := residualGraph(t)
	require.Equal(t, []Block{{1, 2}, {2, 10}}, g.Blocks(), "the skip keeps two tensors alive from the stem to the sum")
	require.Equal(t, []int{2, 9}, g.Consumers(1))
	require.Equal(t, []int{4, 7}, g.Consumers(3))
	require.Equal(t, 11, g.Rows(4), "a global pool is split by its input's rows")
	require.Equal(t, 1, g.Rows(5))
}

// Against the definition: after layer v there is a cut if no later layer reads an earlier tensor.
func TestBlocksAreTheCutPoints(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := drawGraph(t)
		var ends []int
		for v := 1; v < len(g.Layers); v++ {
			cut := true
			for i := v + 1; i < len(g.Layers); i++ {
				for _, in := range g.Layers[i].Inputs {
					cut = cut && in >= v
				}
			}
			if cut {
				ends = append(ends, v+1)
			}
		}
		from := 1
		for i, b := range g.Blocks() {
			require.Equal(t, Block{from, ends[i]}, b)
			from = b.To
		}
		require.Len(t, g.Blocks(), len(ends))
	})
}

func TestCountsByHand(t *testing.T) {
	b := NewBuilder("counts", Shape{4, 10, 6})
	x := b.Conv("conv", 0, Conv{Out: 8, Window: Square(3, 2, 1), Groups: 2, Bias: true, Norm: true})
	x = b.Pool("pool", OpAvgPool, x, Square(2, 1, 0))
	b.Linear("fc", x, 5, NoAct)
	g, err := b.Build()
	require.NoError(t, err)
	conv, fc := g.Layers[1], g.Layers[3]
	require.Equal(t, Shape{8, 5, 3}, conv.Out)
	require.Equal(t, int64(8*5*3*2*9), conv.MACs)
	require.Equal(t, 2*conv.MACs+8*5*3, conv.FLOPs)
	require.Equal(t, int64(8*2*9+8+2*8), conv.Params)
	require.Equal(t, Shape{8, 4, 2}, g.Layers[2].Out)
	require.Equal(t, int64(64*5+5), fc.Params)
	require.Equal(t, conv.MACs+64*5, g.MACs())
	require.Equal(t, conv.FLOPs+64*4+2*64*5+5, g.FLOPs())
	require.Equal(t, 4*g.Params(), g.WeightBytes())
	some := g.Restrict(g.Restrict(g.Tensor(1, 2), tensor.Row, Range{1, 4}), tensor.Channel, Range{4, 8})
	require.Equal(t, int64(2*3*4*3*4), g.Bytes(some))
}

func TestClasses(t *testing.T) {
	b := NewBuilder("classes", Shape{8, 8, 8})
	for _, c := range []struct {
		want Class
		conv Conv
	}{
		{ClassConv3x3, Conv{Out: 8, Window: Square(3, 1, 1)}},
		{ClassConvKxK, Conv{Out: 8, Window: Square(3, 2, 1)}},
		{ClassConvKxK, Conv{Out: 8, Window: Rect(1, 7, 0, 3)}},
		{ClassConv1x1, Conv{Out: 8, Window: Square(1, 1, 0)}},
		{ClassDepthwise, Conv{Out: 8, Window: Square(3, 1, 1), Groups: 8}},
		{ClassGrouped, Conv{Out: 8, Window: Square(3, 1, 1), Groups: 2}},
	} {
		require.Equal(t, c.want, b.Layer(b.Conv("x", 0, c.conv)).Class)
	}
	for _, c := range Classes() {
		back, ok := ParseClass(c.String())
		require.True(t, ok)
		require.Equal(t, c, back)
	}
	_, ok := ParseClass("conv 3x3")
	require.False(t, ok)
	require.Equal(t, "upsample", OpUpsample.String())
	require.Equal(t, "op(99)", Op(99).String())
}

func TestInputBytesLeaveTheOriginal(t *testing.T) {
	g := residualGraph(t)
	image := g.WithInputBytes(1)
	require.Equal(t, int64(3*11*4), image.Bytes(image.Tensor(0, 1)))
	require.Equal(t, int64(3*11*4*4), g.Bytes(g.Tensor(0, 1)))
	require.NotEqual(t, g.Fingerprint(), image.Fingerprint())
	require.Equal(t, g.Fingerprint(), residualGraph(t).Fingerprint())
}

func TestRanges(t *testing.T) {
	require.Equal(t, Range{2, 9}, Range{2, 4}.Union(Range{6, 9}))
	require.Equal(t, Range{6, 9}, Range{4, 4}.Union(Range{6, 9}))
	require.Equal(t, Range{3, 4}, Range{1, 4}.Intersect(Range{3, 9}))
	require.Equal(t, Range{}, Range{1, 4}.Intersect(Range{4, 9}))
	require.True(t, Range{1, 4}.Contains(Range{9, 9}))
	require.Zero(t, Range{5, 2}.Len())
}

func TestBuilderReportsTheFirstFault(t *testing.T) {
	in := Shape{4, 8, 8}
	conv := func(b *Builder, w Window) int { return b.Conv("c", 0, Conv{Out: 4, Window: w}) }
	for want, make := range map[string]func(b *Builder){
		"needs an input layer and at least one more": func(b *Builder) {},
		"3 groups do not divide":                     func(b *Builder) { b.Conv("c", 0, Conv{Out: 4, Window: Square(1, 1, 0), Groups: 3}) },
		"impossible window":                          func(b *Builder) { conv(b, Window{KH: 3, KW: 3}) },
		"empty output 4x0x0":                         func(b *Builder) { conv(b, Square(9, 1, 0)) },
		"adds 4x8x8 and 4x4x4":                       func(b *Builder) { b.Sum("s", NoAct, 0, conv(b, Square(2, 2, 0))) },
		"concatenates 4x8x8 and 4x4x4":               func(b *Builder) { b.Concat("s", 0, conv(b, Square(2, 2, 0))) },
		"cannot scale 4x8x8 by 4x4x4":                func(b *Builder) { b.Mul("s", 0, conv(b, Square(2, 2, 0))) },
		"nothing reads layer 1 (c)":                  func(b *Builder) { conv(b, Square(1, 1, 0)); conv(b, Square(1, 1, 0)) },
		"does not come before it":                    func(b *Builder) { b.Add(Layer{Op: OpOpaque, Inputs: []int{1}, Out: in}) },
		"has none itself":                            func(b *Builder) { b.Add(Layer{Op: OpOpaque, Out: in}) },
		"has 2 inputs, but linear takes one":         func(b *Builder) { b.Add(Layer{Op: OpLinear, Inputs: []int{0, 0}, Out: in}) },
		"is upsample of 4x8x8":                       func(b *Builder) { b.Add(Layer{Op: OpUpsample, Inputs: []int{0}, Scale: 2, Out: in}) },
		"is elementwise of 4x8x8, which gives 4x8x1": func(b *Builder) { b.Add(Layer{Op: OpElementwise, Inputs: []int{0}, Out: Shape{256, 1, 1}}) },
		"concatenates 4 channels to 5":               func(b *Builder) { b.Add(Layer{Op: OpConcat, Inputs: []int{0}, Out: Shape{5, 8, 8}}) },
		"more than supported":                        func(b *Builder) { b.Linear("fc", 0, 1<<50, NoAct) },
		"elements supported":                         func(b *Builder) { b.Add(Layer{Op: OpOpaque, Inputs: []int{0}, Out: Shape{1 << 20, 1 << 20, 1}}) },
		"operations, parameters or bytes":            func(b *Builder) { b.Add(Layer{Op: OpOpaque, Inputs: []int{0}, Out: in, FLOPs: -1}) },
		"bytes per element":                          func(b *Builder) { b.Add(Layer{Op: OpOpaque, Inputs: []int{0}, Out: in, ElemBytes: 99}) },
	} {
		b := NewBuilder("net", in)
		make(b)
		_, err := b.Build()
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "graph net: ")
	}
}
