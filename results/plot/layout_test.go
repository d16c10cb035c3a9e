package plot

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"pgregory.net/rapid"
)

// spy is a canvas that remembers where texts and paths come to stand.
type spy struct {
	stack []affine
	texts []spied
	paths []vg.Rectangle
}

type spied struct {
	text  string
	box   vg.Rectangle
	slant bool // neither level nor upright: its box is larger than it looks
}

func newSpy() *spy { return &spy{stack: []affine{{a: 1, d: 1}}} }

func (s *spy) top() *affine { return &s.stack[len(s.stack)-1] }

func (s *spy) SetLineWidth(vg.Length)                     {}
func (s *spy) SetLineDash([]vg.Length, vg.Length)         {}
func (s *spy) SetColor(color.Color)                       {}
func (s *spy) Scale(x, y float64)                         { *s.top() = s.top().after(affine{a: x, d: y}) }
func (s *spy) Push()                                      { s.stack = append(s.stack, *s.top()) }
func (s *spy) Pop()                                       { s.stack = s.stack[:len(s.stack)-1] }
func (s *spy) DrawImage(rect vg.Rectangle, _ image.Image) { s.paths = append(s.paths, rect) }
func (s *spy) Fill(p vg.Path)                             { s.Stroke(p) }

func (s *spy) Rotate(rad float64) {
	sin, cos := math.Sincos(rad)
	*s.top() = s.top().after(affine{a: cos, b: sin, c: -sin, d: cos})
}

func (s *spy) Translate(pt vg.Point) {
	*s.top() = s.top().after(affine{a: 1, d: 1, e: float64(pt.X), f: float64(pt.Y)})
}

func (s *spy) Stroke(p vg.Path) {
	var points []vg.Point
	for _, comp := range p {
		if comp.Type != vg.CloseComp {
			points = append(points, comp.Pos)
		}
	}
	s.paths = append(s.paths, s.bounds(points...))
}

func (s *spy) FillString(f font.Face, pt vg.Point, text string) {
	w, up := f.Width(text), f.Font.Size*capHeight
	s.texts = append(s.texts, spied{
		text:  text,
		box:   s.bounds(pt, pt.Add(vg.Point{X: w}), pt.Add(vg.Point{Y: up}), pt.Add(vg.Point{X: w, Y: up})),
		slant: math.Abs(s.top().a*s.top().b) > 1e-9,
	})
}

func (s *spy) bounds(points ...vg.Point) vg.Rectangle {
	r := rectangle(vg.Inch*1000, vg.Inch*1000, -vg.Inch*1000, -vg.Inch*1000)
	for _, pt := range points {
		x, y := s.top().apply(pt)
		r.Min = vg.Point{X: min(r.Min.X, vg.Length(x)), Y: min(r.Min.Y, vg.Length(y))}
		r.Max = vg.Point{X: max(r.Max.X, vg.Length(x)), Y: max(r.Max.Y, vg.Length(y))}
	}
	return r
}

// requireTidy fails if anything sticks out of the figure or if two texts overlap.
func requireTidy(t require.TestingT, f *Figure) {
	p, s := newPen(), newSpy()
	p.Canvas = s
	l := f.lay(p)
	l.draw(p)
	inside := func(what string, r vg.Rectangle) {
		const slack = 0.5
		require.True(t, r.Min.X >= -slack && r.Min.Y >= -slack && r.Max.X <= l.width+slack && r.Max.Y <= l.height+slack,
			"%s at %v sticks out of %v × %v", what, r, l.width, l.height)
	}
	for _, path := range s.paths {
		inside("a path", path)
	}
	for i, a := range s.texts {
		inside(fmt.Sprintf("%q", a.text), a.box)
		for _, b := range s.texts[:i] {
			apart := a.box.Max.X <= b.box.Min.X || b.box.Max.X <= a.box.Min.X || a.box.Max.Y <= b.box.Min.Y || b.box.Max.Y <= a.box.Min.Y
			require.True(t, apart || a.slant || b.slant, "%q at %v and %q at %v overlap", a.text, a.box, b.text, b.box)
		}
	}
}

func TestSamplesAreTidy(t *testing.T) {
	for _, f := range samples() {
		requireTidy(t, f)
	}
}

func TestRandomFiguresAreTidy(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := &Figure{
			Columns: rapid.IntRange(1, 2).Draw(t, "columns"),
			Width:   DoubleColumn,
			Note:    rapid.StringMatching(`([a-z]{1,12} ){0,40}`).Draw(t, "note"),
		}
		for range rapid.IntRange(1, 4).Draw(t, "panels") {
			f.Panels = append(f.Panels, randomPanel(t))
		}
		requireTidy(t, f)
	})
}

func randomPanel(t *rapid.T) Panel {
	name := rapid.StringMatching(`[A-Za-z]{2,12}[-_ ][a-z0-9]{1,8}`)
	values := func(n int) []float64 {
		scale := math.Pow(10, rapid.Float64Range(-6, 6).Draw(t, "scale"))
		v := rapid.SliceOfN(rapid.Float64Range(0.01, 1), n, n).Draw(t, "values")
		for i := range v {
			v[i] *= scale
		}
		return v
	}
	n := rapid.IntRange(1, 6).Draw(t, "n")
	log := rapid.Bool().Draw(t, "log")
	switch rapid.IntRange(0, 4).Draw(t, "kind") {
	case 0:
		b := GroupedBars{Title: "bars", YLabel: "y (unit)", Groups: rapid.SliceOfN(name, n, n).Draw(t, "groups"), Log: log}
		for _, s := range rapid.SliceOfNDistinct(name, 1, 8, rapid.ID).Draw(t, "series") {
			v := values(n)
			b.Series = append(b.Series, Series{Name: s, Values: v, Low: v, High: v, Published: v})
		}
		return b
	case 1:
		return Lines{
			Title: "lines", XLabel: "x", YLabel: "y", LogX: log, LogY: log,
			Curves: []Curve{{Name: name.Draw(t, "curve"), X: values(n), Y: values(n)}},
		}
	case 2:
		return Scatter{
			Title: "scatter", XLabel: "x", YLabel: "y", Log: log, Identity: rapid.Bool().Draw(t, "identity"), Bands: []float64{0.05, 0.1},
			Clouds: []Cloud{
				{Name: name.Draw(t, "cloud"), X: values(n), Y: values(n)},
				{Name: "other", Marker: name.Draw(t, "marker"), X: values(n), Y: values(n), Labels: rapid.SliceOfN(name, n, n).Draw(t, "labels")},
			},
		}
	case 3:
		return randomTimeline(t, name)
	}
	if rapid.Bool().Draw(t, "boxes") {
		b := Boxes{Title: "boxes", YLabel: "y", Groups: rapid.SliceOfN(name, n, n).Draw(t, "groups"), Log: log}
		s := Samples{Name: name.Draw(t, "series")}
		for range n {
			s.Values = append(s.Values, values(5))
		}
		b.Series = []Samples{s}
		return b
	}
	h := HeatMap{Title: "map", XLabel: "x", YLabel: "y", ValueLabel: "z", Columns: rapid.SliceOfN(name, n, n).Draw(t, "columns")}
	for range rapid.IntRange(1, 6).Draw(t, "rows") {
		h.Rows = append(h.Rows, name.Draw(t, "row"))
		h.Values = append(h.Values, values(n))
	}
	return h
}

func randomTimeline(t *rapid.T, name *rapid.Generator[string]) Timeline {
	l := Timeline{Title: "timeline", XLabel: "time (s)", ShadeLabel: "z"}
	for range rapid.IntRange(1, 3).Draw(t, "groups") {
		g := LaneGroup{Name: name.Draw(t, "group"), Lanes: []Lane{{Name: "one"}, {Name: "two"}}}
		at := 0.0
		for range rapid.IntRange(0, 4).Draw(t, "bars") {
			b := Bar{Start: at, End: at + rapid.Float64Range(0, 9).Draw(t, "length"), Shade: rapid.Float64Range(-1, 1).Draw(t, "shade"), Label: name.Draw(t, "label")}
			if b.Shade < 0 {
				b.Shade = math.NaN()
			}
			g.Lanes[0].Bars, at = append(g.Lanes[0].Bars, b), b.End
		}
		l.Groups = append(l.Groups, g)
	}
	return l
}

func TestWrap(t *testing.T) {
	p := newPen()
	require.Equal(t, []string{"one", "two three"}, wrap(p, "one\n\n two  three ", noteSize, 1000))
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.StringMatching(`[a-zµ≤]{1,15}`), 1, 30).Draw(t, "words")
		width := vg.Length(rapid.Float64Range(1, 200).Draw(t, "width"))
		text, joined := "", ""
		for _, w := range words {
			text += w + " "
		}
		for _, line := range wrap(p, text, noteSize, width) {
			joined += line + " "
			fits := p.width(line, style{size: noteSize}) <= width
			require.True(t, fits || !containsSpace(line), "only a lone word may be too long")
		}
		require.Equal(t, text, joined, "no word is lost")
	})
}

func containsSpace(s string) bool {
	for _, r := range s {
		if r == ' ' {
			return true
		}
	}
	return false
}
