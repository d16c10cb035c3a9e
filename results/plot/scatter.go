package plot

import (
	"cmp"
	"errors"
	"fmt"
	"image/color"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot/vg"
)

// Scatter shows points, such as simulated against measured latencies.
type Scatter struct {
	Title, XLabel, YLabel string
	Clouds                []Cloud
	Identity              bool      // same range on both axes and the line y = x
	Bands                 []float64 // with Identity: lines at y = x·(1±band) too
	Log                   bool      // both axes; all values must be positive
}

// Cloud is the points of one series. Points with a NaN are left out.
type Cloud struct {
	Name string // what the colour stands for
	// Marker is what the shape stands for, if that is something else than Name: clouds may share either.
	Marker string
	X, Y   []float64
	Labels []string // beside the points; nil for none, "" for none at a point
}

func (s Scatter) names() (series, references []string) {
	for _, c := range s.Clouds {
		series = append(series, c.Name)
	}
	return series, nil
}

func (s Scatter) check() error {
	var faults []error
	if len(s.Clouds) == 0 {
		faults = append(faults, errors.New("a scatter plot needs a cloud of points"))
	}
	for _, b := range s.Bands {
		if !(b > 0 && b < 1) {
			faults = append(faults, fmt.Errorf("band %v: must be between 0 and 1", b))
		}
	}
	for _, c := range s.Clouds {
		name := fmt.Sprintf("cloud %q", c.Name)
		if len(c.X) != len(c.Y) {
			faults = append(faults, fmt.Errorf("%s: %d x for %d y", name, len(c.X), len(c.Y)))
		}
		if c.Labels != nil && len(c.Labels) != len(c.X) {
			faults = append(faults, fmt.Errorf("%s: %d labels for %d points", name, len(c.Labels), len(c.X)))
		}
		faults = append(faults, checkNumbers(name, s.Log, c.X, c.Y))
	}
	return errors.Join(faults...)
}

// markers lists what shapes stand for where that is not what colours do.
func (s Scatter) markers() []string {
	var names []string
	for _, c := range s.Clouds {
		if c.Marker != "" {
			names = append(names, c.Marker)
		}
	}
	return names
}

// glyph is the shape of a cloud's points.
func (c Cloud) glyph(st styles) glyph {
	if c.Marker == "" {
		return st.glyph(c.Name)
	}
	return glyphs[st.markers[c.Marker]%len(glyphs)]
}

// entries are what the legend says of a cloud.
func (c Cloud) entries(st styles) []entry {
	thumb := func(g glyph, fill color.NRGBA) func(p *pen, r vg.Rectangle) {
		return func(p *pen, r vg.Rectangle) { p.mark(g, center(r), glyphSize, fill, darkGrey) }
	}
	if c.Marker == "" {
		return []entry{{name: c.Name, thumb: thumb(c.glyph(st), st.color(c.Name))}}
	}
	swatch := func(p *pen, r vg.Rectangle) { p.patch(r, st.color(c.Name), plain) }
	return []entry{{name: c.Name, thumb: swatch}, {name: c.Marker, thumb: thumb(c.glyph(st), color.NRGBA{R: 0xff, G: 0xff, B: 0xff, A: 0xff})}}
}

func (s Scatter) frame(st styles, size vg.Point) frame {
	f := frame{title: s.Title, xLabel: s.XLabel, yLabel: s.YLabel, grid: gridLines{x: true, y: true}, boxed: true}
	ex, ey := newExtent(s.Log), newExtent(s.Log)
	for _, c := range s.Clouds {
		ex.add(c.X...)
		ey.add(c.Y...)
		f.entries = append(f.entries, c.entries(st)...)
	}
	if len(s.markers()) > 0 { // colours first, then shapes
		slices.SortStableFunc(f.entries, func(a, b entry) int { return cmp.Compare(s.rank(a.name), s.rank(b.name)) })
	}
	if s.Identity {
		ex.add(ey.lo, ey.hi)
		ey = ex
		f.entries = append(f.entries, guideEntry("y = x", identityStroke))
		for i, b := range s.Bands {
			label := "±" + strconv.FormatFloat(math.Round(b*1000)/10, 'f', -1, 64) + " %"
			f.entries = append(f.entries, guideEntry(label, bandStroke(i)))
		}
	}
	f.x, f.y = ex.axis(size.X, xSpacing), ey.axis(size.Y, ySpacing)
	if s.Identity { // the same range although the directions have different steps
		f.x.min, f.y.min = math.Min(f.x.min, f.y.min), math.Min(f.x.min, f.y.min)
		f.x.max, f.y.max = math.Max(f.x.max, f.y.max), math.Max(f.x.max, f.y.max)
	}
	f.content = func(p *pen, m mapping) { s.draw(p, m, st) }
	return f
}

var identityStroke = stroke{width: 0.8, color: midGrey}

// bandStroke is the look of the i-th band.
func bandStroke(i int) stroke {
	return stroke{width: 0.6, color: midGrey, dash: dashes[1+i%(len(dashes)-1)]}
}

// rank brings names of colours before names of shapes.
func (s Scatter) rank(name string) int {
	if slices.Contains(s.markers(), name) {
		return 1
	}
	return 0
}

func guideEntry(name string, s stroke) entry {
	return entry{name: name, thumb: func(p *pen, r vg.Rectangle) {
		y := center(r).Y
		p.line(s, vg.Point{X: r.Min.X, Y: y}, vg.Point{X: r.Max.X, Y: y})
	}}
}

func (s Scatter) draw(p *pen, m mapping, st styles) {
	if s.Identity {
		drawSlope(p, m, 1, identityStroke)
		for i, b := range s.Bands {
			drawSlope(p, m, 1+b, bandStroke(i))
			drawSlope(p, m, 1-b, bandStroke(i))
		}
	}
	var taken []vg.Rectangle
	for _, c := range s.Clouds {
		for i := range c.X {
			if !math.IsNaN(c.X[i]) && !math.IsNaN(c.Y[i]) {
				at := m.point(c.X[i], c.Y[i])
				p.mark(c.glyph(st), at, glyphSize, st.color(c.Name), darkGrey)
				taken = append(taken, around(at, glyphSize))
			}
		}
	}
	for _, c := range s.Clouds {
		for i, label := range c.Labels {
			if label != "" && !math.IsNaN(c.X[i]) && !math.IsNaN(c.Y[i]) {
				taken = append(taken, p.beside(label, m.point(c.X[i], c.Y[i]), m.area, taken))
			}
		}
	}
}

// drawSlope draws y = k·x inside the axes; it is straight on logarithmic axes too.
func drawSlope(p *pen, m mapping, k float64, s stroke) {
	lo := math.Max(m.xAxis.min, math.Min(m.yAxis.min/k, m.yAxis.max/k))
	hi := math.Min(m.xAxis.max, math.Max(m.yAxis.min/k, m.yAxis.max/k))
	if lo < hi {
		p.line(s, m.point(lo, k*lo), m.point(hi, k*hi))
	}
}
