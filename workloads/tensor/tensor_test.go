package tensor_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	. "hidp/workloads/tensor"
)

// operator is one way of reading along an axis: which elements of the input the output element x reads, and the map that says so.
type operator struct {
	name      string
	size, out int // extents of input and output
	reads     func(x int) []int
	m         Map
	loose     bool // the need may be more than the hull of what is read
}

func span(from, n int) (all []int) {
	for i := range n {
		all = append(all, from+i)
	}
	return all
}

func windowOperator(t *rapid.T, size int) operator {
	k, s, d, p := rapid.IntRange(1, 5).Draw(t, "k"), rapid.IntRange(1, 4).Draw(t, "s"), rapid.IntRange(1, 3).Draw(t, "d"), rapid.IntRange(0, 6).Draw(t, "p")
	reads := func(x int) (all []int) {
		for tap := range k {
			all = append(all, x*s-p+tap*d)
		}
		return all
	}
	out := (size + 2*p - (k-1)*d - 1) / s // the trailing padding is as wide
	return operator{"window", size, out + 1, reads, Window(0, k, s, d, p, int32(size)), d > 1 || s > k}
}

func drawOperator(t *rapid.T) operator {
	n := rapid.IntRange(1, 20).Draw(t, "size")
	size := int32(n)
	f := rapid.IntRange(1, 4).Draw(t, "factor")
	switch rapid.IntRange(0, 6).Draw(t, "operator") {
	case 0:
		return operator{"same", n, n, func(x int) []int { return span(x, 1) }, Same(0, size), false}
	case 1:
		return operator{"whole", n, f, func(int) []int { return span(0, n) }, Whole(size), false}
	case 2:
		off := rapid.IntRange(0, 9).Draw(t, "off")
		return operator{"offset", n, off + n + f, func(x int) []int { return span(x-off, 1) }, Offset(0, off, size), false}
	case 3:
		return operator{"nearest", n, n * f, func(x int) []int { return span(x/f, 1) }, Nearest(0, f, size), false}
	case 4:
		reads := func(x int) []int { // the two around (x+1/2)/f - 1/2, one of which may have weight zero
			return span(int(math.Floor((float64(x)+0.5)/float64(f)-0.5)), 2)
		}
		return operator{"bilinear", n, n * f, reads, Bilinear(0, f, size), false}
	case 5:
		b := rapid.IntRange(1, 3).Draw(t, "b")
		return operator{"blocks", n * b, n * f, func(x int) []int { return span(x/f*b, b) }, Blocks(0, f, b, size*int32(b)), false}
	}
	return windowOperator(t, n)
}

// The needs of a span are the hull of what the operator reads, no less (sound) and no more (minimal).
func TestMapsAgainstReads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := drawOperator(t)
		if o.out < 1 {
			return
		}
		lo := rapid.IntRange(0, o.out-1).Draw(t, "lo")
		hi := rapid.IntRange(lo+1, o.out).Draw(t, "hi")
		var hull Span
		for x := lo; x < hi; x++ {
			for _, at := range o.reads(x) {
				if at < 0 || at >= o.size {
					continue
				}
				if s := (Span{int32(at), int32(at) + 1}); hull.Empty() {
					hull = s
				} else {
					hull = Span{min(hull.Lo, s.Lo), max(hull.Hi, s.Hi)}
				}
			}
		}
		got := o.m.Span(Span{int32(lo), int32(hi)})
		if o.loose || hull.Empty() && o.name == "window" {
			require.True(t, got.Contains(hull), "%s of [%d,%d): %v, reads %v", o.name, lo, hi, got, hull)
			return
		}
		if got.Empty() {
			got = Span{}
		}
		require.Equal(t, hull, got, "%s of [%d,%d)", o.name, lo, hi)
	})
}

func TestSharesOfAdjacentSpansAreAdjacent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, n := rapid.IntRange(1, 99).Draw(t, "h"), rapid.IntRange(1, 99).Draw(t, "n")
		next := int32(0)
		for lo := 0; lo < h; {
			hi := rapid.IntRange(lo+1, h).Draw(t, "cut")
			s := Scaled(Span{int32(lo), int32(hi)}, h, n)
			require.Equal(t, next, s.Lo)
			next, lo = s.Hi, hi
		}
		require.Equal(t, int32(n), next)
	})
	require.Equal(t, Span{1 << 29, 1 << 30}, Scaled(Span{1, 2}, 2, 1<<30))
}

func TestKeepHoldsTheFullSpan(t *testing.T) {
	m := Window(0, 1, 2, 1, 0, 56)
	require.Equal(t, Span{0, 55}, m.Span(Span{0, 28}), "a pointwise convolution of stride 2 never reads the last column")
	m.Keep, m.OfSize = true, 28
	require.Equal(t, Span{0, 56}, m.Span(Span{0, 28}))
	require.Equal(t, Span{0, 53}, m.Span(Span{0, 27}))
}

func TestExtremesDoNotOverflow(t *testing.T) {
	const big = 1 << 30
	m := Window(0, 1<<15, 1<<15, 1, 0, big)
	require.Equal(t, Span{big, big}, m.Span(Span{big - 1, big}))
	m = Window(0, 1<<15, 1, 1<<15, 1<<15, big)
	require.Equal(t, Span{0, big}, m.Span(Span{0, big}))
	m = Blocks(0, 1, big, big)
	require.Equal(t, Span{0, big}, m.Span(Span{0, big}))
}

func drawBox(t *rapid.T, name string, size int) Box {
	var b Box
	for i := range b {
		lo := rapid.Int32Range(0, int32(size)).Draw(t, name)
		b[i] = Span{lo, rapid.Int32Range(lo, int32(size)).Draw(t, name)}
	}
	return b
}

// each calls f for every element of a box.
func each(b *Box, f func(x Box)) {
	var x Box
	var walk func(axis int)
	walk = func(axis int) {
		if axis == MaxAxes {
			f(x)
			return
		}
		for i := b[axis].Lo; i < b[axis].Hi; i++ {
			x[axis] = Span{i, i + 1}
			walk(axis + 1)
		}
	}
	walk(0)
}

// What the operations on boxes say of every single element.
func TestBoxesElementByElement(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawBox(t, "a", 3), drawBox(t, "b", 3)
		rest, common, both := a.Subtract(nil, &b), a.Intersect(&b), a
		both.Cover(&b)
		all, count := Box{}, int64(0)
		for i := range all {
			all[i] = Span{0, 3}
		}
		each(&all, func(x Box) {
			inA, inB := !a.Empty() && a.Contains(&x), !b.Empty() && b.Contains(&x)
			owners := 0
			for i := range rest {
				if rest[i].Contains(&x) {
					owners++
				}
			}
			if (inA && inB) != (!common.Empty() && common.Contains(&x)) || (inA || inB) && !both.Contains(&x) ||
				owners > 1 || (owners == 1) != (inA && !inB) {
				t.Fatalf("element %v of %v and %v: common %v, cover %v, rest %v", x, a, b, common, both, rest)
			}
			if inA {
				count++
			}
		})
		require.Equal(t, count, a.Volume(MaxAxes))
		require.True(t, both.Contains(&a) && both.Contains(&b))
		require.True(t, minimal(&both, &a, &b))
	})
}

// minimal reports whether box c touches a or b on every side.
func minimal(c, a, b *Box) bool {
	if a.Empty() || b.Empty() {
		return a.Empty() && b.Empty() || *c == *a || *c == *b
	}
	for i := range c {
		if c[i] != (Span{min(a[i].Lo, b[i].Lo), max(a[i].Hi, b[i].Hi)}) {
			return false
		}
	}
	return true
}

// Pieces are cut along the third axis (an image's rows), then samples, then channels.
func TestSubtractCutsRowsFirst(t *testing.T) {
	one := Span{0, 1}
	b, cut := Box{{0, 3}, {0, 3}, {0, 3}, one, one, one}, Box{{1, 2}, {1, 2}, {1, 2}, one, one, one}
	require.Equal(t, []Box{
		{{0, 3}, {0, 3}, {0, 1}, one, one, one}, {{0, 3}, {0, 3}, {2, 3}, one, one, one},
		{{0, 1}, {0, 3}, {1, 2}, one, one, one}, {{2, 3}, {0, 3}, {1, 2}, one, one, one},
		{{1, 2}, {0, 1}, {1, 2}, one, one, one}, {{1, 2}, {2, 3}, {1, 2}, one, one, one}}, b.Subtract(nil, &cut))
	require.Empty(t, b.Subtract(nil, &b))
	require.Equal(t, []Box{b}, b.Subtract(nil, &Box{}))
	require.Empty(t, (&Box{}).Subtract(nil, &b))
}

func TestDims(t *testing.T) {
	d := NewDims().Tensor(Channel, 64).Tensor(Row, 56).Tensor(Column, 28).Sum(InChannel, 32)
	require.Equal(t, 5, d.Axes())
	require.Equal(t, []int{0, 1, 2, 3, 4, -1},
		[]int{d.Find(Sample), d.Find(Channel), d.Find(Row), d.Find(Column), d.Find(InChannel), d.Find(Token)})
	b := d.Full(3)
	require.Equal(t, Box{{0, 3}, {0, 64}, {0, 56}, {0, 28}, {0, 32}, {0, 1}}, b)
	require.False(t, d.Partial(&b))
	b[4].Hi = 31
	require.True(t, d.Partial(&b))
	require.Equal(t, int64(3*64*56*28), d.Elements(&b), "a partial result has the elements of the tensor")
	b[4].Hi = 0
	require.Zero(t, d.Elements(&b))
	require.Panics(t, func() { d.Tensor(Row, 1) })
	require.Panics(t, func() { d.Sum(InRow, 1).Sum(InColumn, 1) })
	for a := Sample; a < NumAxes; a++ {
		got, ok := ParseAxis(a.String())
		require.True(t, ok && got == a, "%v", a)
	}
	_, ok := ParseAxis("")
	require.False(t, ok)
}
