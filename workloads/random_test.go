package workloads_test

import (
	"fmt"

	"pgregory.net/rapid"

	. "hidp/workloads"
	"hidp/workloads/tensor"
)

// graphMaker draws small random networks with every operator, branch, skip and irregular window.
type graphMaker struct {
	t *rapid.T
	b *Builder
	n int // layers named so far
}

func (m *graphMaker) int(label string, lo, hi int) int {
	return rapid.IntRange(lo, hi).Draw(m.t, label)
}

func (m *graphMaker) bool(label string) bool { return rapid.Bool().Draw(m.t, label) }

func (m *graphMaker) name() string {
	m.n++
	return fmt.Sprintf("l%d", m.n)
}

// drawGraph draws a network of at most about a dozen layers.
func drawGraph(t *rapid.T) *Graph {
	m := &graphMaker{t: t}
	m.b = NewBuilder("random", Shape{m.int("C", 1, 4), m.int("H", 1, 18), m.int("W", 1, 8)})
	for range m.int("steps", 1, 7) {
		x := m.b.Last()
		if m.int("elsewhere", 0, 3) == 0 {
			x = m.int("input", 0, m.b.Last())
		}
		m.step(x)
	}
	m.join()
	g, err := m.b.Build()
	if err != nil {
		t.Fatalf("random graph: %v", err)
	}
	return g
}

// step appends a layer or two that read tensor x.
func (m *graphMaker) step(x int) {
	s := m.b.Shape(x)
	switch m.int("op", 0, 11) {
	case 0, 1, 2:
		m.conv(x)
	case 3:
		m.pool(x)
	case 4, 5:
		m.combine(x)
	case 6:
		m.attention(x)
	case 7:
		m.b.GlobalPool(m.name(), x)
	case 8:
		if f := m.int("factor", 1, 3); s.H*f <= 24 && s.W*f <= 8 {
			m.b.Add(Layer{Name: m.name(), Op: OpUpsample, Inputs: []int{x}, Out: Shape{s.C, s.H * f, s.W * f}, Scale: f,
				Bilinear: m.bool("bilinear"), Class: ClassElementwise})
		}
	case 9:
		m.b.Norm(m.name(), x, SiLU)
	case 10:
		m.b.Linear(m.name(), x, m.int("units", 1, 6), ReLU)
	case 11:
		m.b.Add(Layer{Name: m.name(), Op: OpSoftmax, Inputs: []int{x}, Out: s, Class: ClassElementwise})
	}
}

func (m *graphMaker) window() Window {
	return Window{KH: m.int("KH", 1, 4), KW: m.int("KW", 1, 4), SH: m.int("SH", 1, 3), SW: m.int("SW", 1, 3), DH: m.int("DH", 1, 2), DW: m.int("DW", 1, 2),
		PadTop: m.int("top", 0, 3), PadLeft: m.int("left", 0, 3), PadBottom: m.int("bottom", 0, 3), PadRight: m.int("right", 0, 3)}
}

func (m *graphMaker) conv(x int) {
	w, s := m.window(), m.b.Shape(x)
	if w.OutHeight(s.H) < 1 || w.OutWidth(s.W) < 1 {
		w = Square(1, 1, 0)
	}
	groups := rapid.SampledFrom(divisors(s.C)).Draw(m.t, "groups")
	m.b.Conv(m.name(), x, Conv{Out: groups * m.int("outPerGroup", 1, 3), Window: w, Groups: groups, Act: ReLU})
}

func divisors(n int) []int {
	var all []int
	for d := 1; d <= n; d++ {
		if n%d == 0 {
			all = append(all, d)
		}
	}
	return all
}

func (m *graphMaker) pool(x int) {
	w, s := m.window(), m.b.Shape(x)
	w.Ceil, w.CountPad = m.bool("ceil"), m.bool("countPad")
	if w.OutHeight(s.H) < 1 || w.OutWidth(s.W) < 1 {
		w = Square(1, 1, 0)
	}
	m.b.Pool(m.name(), rapid.SampledFrom([]Op{OpMaxPool, OpAvgPool}).Draw(m.t, "pool"), x, w)
}

// combine adds, multiplies or concatenates x and a tensor of the same extent, made for the purpose if there is none.
func (m *graphMaker) combine(x int) {
	s := m.b.Shape(x)
	op := m.int("combination", 0, 2)
	other := -1
	for i := m.b.Last(); i >= 0; i-- {
		if t := m.b.Shape(i); i != x && t.H == s.H && t.W == s.W && (t.C == s.C || op == 2) {
			other = i
			break
		}
	}
	if other < 0 || m.bool("fresh") {
		other = m.b.Conv(m.name(), x, Conv{Out: s.C, Window: Rect(2*m.int("halfH", 0, 2)+1, 1, 0, 0)})
		l := m.b.Layer(other) // keep the extent, with uneven padding
		l.Window.PadTop = m.int("evenTop", 0, l.Window.KH-1)
		l.Window.PadBottom = l.Window.KH - 1 - l.Window.PadTop
		l.Out.H = s.H
	}
	switch op {
	case 0:
		m.b.Sum(m.name(), ReLU, x, other)
	case 1:
		m.b.Mul(m.name(), x, other)
	default:
		if s.C+m.b.Shape(other).C <= 10 {
			m.b.Concat(m.name(), other, x)
		}
	}
}

// attention appends a squeeze-excite.
func (m *graphMaker) attention(x int) {
	p := m.b.GlobalPool(m.name(), x)
	f := m.b.Conv(m.name(), p, Conv{Out: m.b.Shape(x).C, Window: Square(1, 1, 0), Act: Sigmoid})
	m.b.Mul(m.name(), x, f)
}

// join makes every tensor but the last read by something.
func (m *graphMaker) join() {
	if m.b.Last() == 0 {
		m.b.Norm(m.name(), 0, ReLU)
	}
	read := map[int]bool{}
	for i := 0; i <= m.b.Last(); i++ {
		for _, in := range m.b.Layer(i).Inputs {
			read[in] = true
		}
	}
	var loose []int
	for i := 0; i <= m.b.Last(); i++ {
		if !read[i] {
			loose = append(loose, i)
		}
	}
	if len(loose) > 1 {
		m.b.Add(Layer{Name: "join", Op: OpOpaque, Inputs: loose, Out: Shape{2, 3, 1}, Class: ClassElementwise})
	}
}

// drawSlices draws how layers [from, to) are shared out: the slices of one phase, which together hand on the whole tensors.
func drawSlices(t *rapid.T, g *Graph, from, to, batch int) []Slice {
	whole := []Slice{{From: from, To: to, Out: g.Full(to-1, batch)}}
	axis := tensor.Row
	switch rapid.IntRange(0, 4).Draw(t, "split") {
	case 3:
		axis = tensor.Channel
	case 4:
		axis = tensor.Sample
	}
	var slices []Slice
	for _, r := range drawCuts(t, g.Along(whole[0].Last(), axis)) {
		slices = append(slices, g.Strip(whole[0], axis, r))
	}
	for _, s := range slices {
		if g.Check(s, batch) != nil {
			return whole
		}
	}
	return slices
}

// drawCuts cuts a range into pieces.
func drawCuts(t *rapid.T, r Range) []Range {
	var pieces []Range
	for lo := r.Lo; lo < r.Hi; {
		hi := rapid.IntRange(lo+1, r.Hi).Draw(t, "cut")
		pieces = append(pieces, Range{lo, hi})
		lo = hi
	}
	return pieces
}
