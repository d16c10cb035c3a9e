// Package tensor is the geometry of a network: one arithmetic for rows, columns, channels, tokens, heads and sums.
//
// A layer has a domain: the axes of its output tensor, then the axes that the layer sums over (the reduced axes). A Box is a range
// per axis of a domain. A box whose reduced axes are not full is a partial result. Partial results are covered, subtracted and
// sent as any other part.
//
// An Access says what a layer reads of one input: a Map for each axis of the input. A map reads one axis of the layer's domain. So
// needs are separable: the need along one axis follows from the box along one axis, and a planner that splits one axis may look at
// that axis alone.
package tensor

import "fmt"

// MaxAxes bounds the axes of a domain. A 2-D convolution has five: sample, channel, row, column, and the input channel, which is
// reduced. A fully connected layer over a C×H×W tensor has five as well, because a vector has no rows and columns.
const MaxAxes = 6

// Span is a half-open range [Lo, Hi) of an axis.
type Span struct{ Lo, Hi int32 }

// Len returns Hi-Lo, or 0 for an empty span.
func (s Span) Len() int { return max(0, int(s.Hi)-int(s.Lo)) }

// Empty reports whether the span holds nothing.
func (s Span) Empty() bool { return s.Hi <= s.Lo }

// Intersect returns the common part.
func (s Span) Intersect(o Span) Span { return Span{max(s.Lo, o.Lo), min(s.Hi, o.Hi)} }

// Contains reports whether o lies inside s; an empty o always does.
func (s Span) Contains(o Span) bool { return o.Empty() || s.Lo <= o.Lo && o.Hi <= s.Hi }

// String prints the span as [Lo,Hi).
func (s Span) String() string { return fmt.Sprintf("[%d,%d)", s.Lo, s.Hi) }

// Scaled maps a span of an axis of h elements to the same share of an axis of n. Adjacent spans map to adjacent spans and the whole
// to the whole.
func Scaled(s Span, h, n int) Span {
	if h == n {
		return s
	}
	return Span{int32(int64(s.Lo) * int64(n) / int64(h)), int32(int64(s.Hi) * int64(n) / int64(h))}
}

// Box is a span for each axis of a domain. An axis that the domain lacks is [0,1). The zero Box is empty.
type Box [MaxAxes]Span

// String prints the spans of the axes, up to the last that is not [0,1).
func (b Box) String() string {
	n := len(b)
	for n > 1 && b[n-1] == (Span{0, 1}) {
		n--
	}
	text := b[0].String()
	for _, s := range b[1:n] {
		text += "×" + s.String()
	}
	return text
}

// Empty reports whether the box holds nothing.
func (b *Box) Empty() bool {
	for i := range b {
		if b[i].Empty() {
			return true
		}
	}
	return false
}

// Intersect returns the common part, or the zero Box if there is none.
func (b *Box) Intersect(o *Box) Box {
	var x Box
	for i := range b {
		x[i] = b[i].Intersect(o[i])
		if x[i].Empty() {
			return Box{}
		}
	}
	return x
}

// Contains reports whether o lies inside b; an empty o always does.
func (b *Box) Contains(o *Box) bool {
	if o.Empty() {
		return true
	}
	for i := range b {
		if !b[i].Contains(o[i]) {
			return false
		}
	}
	return true
}

// Cover grows b to the smallest box around b and o. An empty box counts for nothing.
func (b *Box) Cover(o *Box) {
	switch {
	case o.Empty():
		return
	case b.Empty():
		*b = *o
		return
	}
	for i := range b {
		b[i] = Span{min(b[i].Lo, o[i].Lo), max(b[i].Hi, o[i].Hi)}
	}
}

// Volume returns the number of elements over the first n axes.
func (b *Box) Volume(n int) int64 {
	v := int64(1)
	for i := range n {
		v *= int64(b[i].Len())
	}
	return v
}

// cutOrder is the order of axes in which Subtract cuts. The order decides which pieces remain, so which tensors are sent: rows
// first keeps the pieces of image tensors wide.
var cutOrder = [MaxAxes]int{2, 0, 1, 3, 4, 5}

// Subtract appends to dst what remains of b without cut, as at most 2·MaxAxes disjoint boxes.
func (b *Box) Subtract(dst []Box, cut *Box) []Box {
	if b.Empty() {
		return dst
	}
	x := b.Intersect(cut)
	if x.Empty() {
		return append(dst, *b)
	}
	rest := *b
	for _, i := range cutOrder {
		for _, s := range [2]Span{{rest[i].Lo, x[i].Lo}, {x[i].Hi, rest[i].Hi}} {
			if !s.Empty() {
				piece := rest
				piece[i] = s
				dst = append(dst, piece)
			}
		}
		rest[i] = x[i]
	}
	return dst
}
