package tensor

// Map says which span of one input axis a span [lo, hi) of the domain's axis Of needs:
//
//	⌊(lo·Mul-Lead)/Div⌋·Post up to ⌈(hi·Mul+Tail)/Div⌉·Post, clipped to [0, Size)
//
// The constructors are the vocabulary. A new way in which an operator reads an axis is one more constructor.
type Map struct {
	Of                         uint8
	Keep                       bool // a full span needs the full span, even if a window does not reach the last element
	Mul, Lead, Tail, Div, Post int32
	Size, OfSize               int32 // of the input axis, and, with Keep, of the domain's axis
}

func affine(of int, mul, lead, tail int, size int32) Map {
	return Map{Of: uint8(of), Mul: int32(mul), Lead: int32(lead), Tail: int32(tail), Div: 1, Post: 1, Size: size}
}

// Same maps to the same elements of an axis of the given size.
func Same(of int, size int32) Map { return affine(of, 1, 0, 0, size) }

// Whole maps to all elements, whatever is wanted. An axis of size 1 that is broadcast is read in this way, and so are the reduced
// axes of a producer: a reader never gets a partial result.
func Whole(size int32) Map {
	m := affine(0, 0, 0, 0, size)
	m.Tail = size
	return m
}

// Window maps through a sliding window of k taps with stride s, dilation d and p elements of leading padding.
func Window(of, k, s, d, p int, size int32) Map { return affine(of, s, p, (k-1)*d+1-s-p, size) }

// Offset maps to an input of the given size that begins at element off of the domain's axis: a concatenation.
func Offset(of, off int, size int32) Map { return affine(of, 1, off, -off, size) }

// Nearest maps through an enlargement by f that repeats every element f times.
func Nearest(of, f int, size int32) Map {
	m := Same(of, size)
	m.Div = int32(f)
	return m
}

// Bilinear maps through an enlargement by f that interpolates between neighbours (half-pixel centres).
func Bilinear(of, f int, size int32) Map {
	m := affine(of, 2, f-1, f, size)
	m.Div = int32(2 * f)
	return m
}

// Blocks maps every a elements of the domain's axis to b elements of the input: groups of a convolution, heads that are folded
// into channels, a pixel shuffle.
func Blocks(of, a, b int, size int32) Map {
	m := Same(of, size)
	m.Div, m.Post = int32(a), int32(b)
	return m
}

// Depends reports whether the need depends on the box.
func (m *Map) Depends() bool { return m.Mul != 0 }

// Span returns what span o of the domain's axis needs of the input axis. The result may be empty: a window may see padding alone.
func (m *Map) Span(o Span) Span {
	lo, hi := int64(o.Lo)*int64(m.Mul)-int64(m.Lead), int64(o.Hi)*int64(m.Mul)+int64(m.Tail)
	if m.Div != 1 || m.Post != 1 || m.Keep {
		if m.Keep && o == (Span{0, m.OfSize}) {
			return Span{0, m.Size}
		}
		d, p := int64(m.Div), int64(m.Post)
		lo, hi = floor(lo, d)*p, -floor(-hi, d)*p
	}
	// Both ends are clipped before they are narrowed: 2³⁰·2¹⁵ does not fit 32 bits.
	size := int64(m.Size)
	return Span{int32(min(max(lo, 0), size)), int32(max(min(hi, size), 0))}
}

func floor(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// Access says what a layer reads of one input: a Map for each axis of the producer's domain.
type Access struct {
	Maps     [MaxAxes]Map
	In       int32 // the producer
	Axes     int32 // of the producer's domain; the rest are [0,1)
	Bounding bool  // a need may hold elements that are not read: a planner does well to split at whole blocks
}

// Needs returns the box of the producer's domain that box out of the layer's domain needs; empty if nothing is read. Out is not
// empty.
func (a *Access) Needs(out *Box) Box {
	var b Box
	for i := range b {
		if i < int(a.Axes) {
			m := &a.Maps[i]
			b[i] = m.Span(out[m.Of%MaxAxes])
		} else {
			b[i].Hi = 1
		}
	}
	return b
}
