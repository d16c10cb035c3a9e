package plot

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"gonum.org/v1/plot/vg"
)

// Scatter shows points, such as simulated against measured latencies.
type Scatter struct {
	Title, XLabel, YLabel string
	Clouds                []Cloud
	Identity              bool    // same range on both axes and the line y = x
	Band                  float64 // with Identity: lines at y = x·(1±Band) too; 0 for none
	Log                   bool    // both axes; all values must be positive
}

// Cloud is the points of one series. Points with a NaN are left out.
type Cloud struct {
	Name string
	X, Y []float64
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
	if !(s.Band >= 0 && s.Band < 1) {
		faults = append(faults, fmt.Errorf("band %v: must be at least 0 and below 1", s.Band))
	}
	for _, c := range s.Clouds {
		name := fmt.Sprintf("cloud %q", c.Name)
		if len(c.X) != len(c.Y) {
			faults = append(faults, fmt.Errorf("%s: %d x for %d y", name, len(c.X), len(c.Y)))
		}
		faults = append(faults, checkNumbers(name, s.Log, c.X, c.Y))
	}
	return errors.Join(faults...)
}

func (s Scatter) frame(st styles, size vg.Point) frame {
	f := frame{title: s.Title, xLabel: s.XLabel, yLabel: s.YLabel, grid: gridLines{x: true, y: true}, boxed: true}
	ex, ey := newExtent(s.Log), newExtent(s.Log)
	for _, c := range s.Clouds {
		ex.add(c.X...)
		ey.add(c.Y...)
		f.entries = append(f.entries, entry{name: c.Name, thumb: func(p *pen, r vg.Rectangle) {
			p.mark(st.glyph(c.Name), center(r), glyphSize, st.color(c.Name), darkGrey)
		}})
	}
	if s.Identity {
		ex.add(ey.lo, ey.hi)
		ey = ex
		f.entries = append(f.entries, guideEntry("y = x", identityStroke))
		if s.Band > 0 {
			label := "±" + strconv.FormatFloat(math.Round(s.Band*1000)/10, 'f', -1, 64) + " %"
			f.entries = append(f.entries, guideEntry(label, bandStroke))
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

var (
	identityStroke = stroke{width: 0.8, color: midGrey}
	bandStroke     = stroke{width: 0.6, color: midGrey, dash: []vg.Length{3, 2}}
)

func guideEntry(name string, s stroke) entry {
	return entry{name: name, thumb: func(p *pen, r vg.Rectangle) {
		y := center(r).Y
		p.line(s, vg.Point{X: r.Min.X, Y: y}, vg.Point{X: r.Max.X, Y: y})
	}}
}

func (s Scatter) draw(p *pen, m mapping, st styles) {
	if s.Identity {
		drawSlope(p, m, 1, identityStroke)
		if s.Band > 0 {
			drawSlope(p, m, 1+s.Band, bandStroke)
			drawSlope(p, m, 1-s.Band, bandStroke)
		}
	}
	for _, c := range s.Clouds {
		for i := range c.X {
			if !math.IsNaN(c.X[i]) && !math.IsNaN(c.Y[i]) {
				p.mark(st.glyph(c.Name), m.point(c.X[i], c.Y[i]), glyphSize, st.color(c.Name), darkGrey)
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
