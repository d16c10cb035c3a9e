package plot

import (
	"errors"
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
)

// Lines shows curves: a quantity over a swept parameter.
type Lines struct {
	Title, XLabel, YLabel string
	Curves                []Curve
	References            []Reference
	LogX, LogY            bool // logarithmic axes; all values must be positive
	FromZero              bool // a linear y axis begins at 0
}

// Curve is a line through points in the order given. A point with a NaN breaks it.
type Curve struct {
	Name      string
	X, Y      []float64
	Low, High []float64 // a band around the line; nil for none
}

func (l Lines) names() (series, references []string) {
	for _, s := range l.Curves {
		series = append(series, s.Name)
	}
	return series, referenceNames(l.References)
}

func (l Lines) check() error {
	var faults []error
	if len(l.Curves) == 0 {
		faults = append(faults, errors.New("lines need a curve"))
	}
	for _, c := range l.Curves {
		name := fmt.Sprintf("curve %q", c.Name)
		if len(c.X) != len(c.Y) {
			faults = append(faults, fmt.Errorf("%s: %d x for %d y", name, len(c.X), len(c.Y)))
		}
		if c.Low != nil && len(c.Low) != len(c.X) || c.High != nil && len(c.High) != len(c.X) || (c.Low == nil) != (c.High == nil) {
			faults = append(faults, fmt.Errorf("%s: a band of %d lows and %d highs for %d points", name, len(c.Low), len(c.High), len(c.X)))
		}
		faults = append(faults, checkNumbers(name+": x", l.LogX, c.X), checkNumbers(name+": y", l.LogY, c.Y, c.Low, c.High))
	}
	for _, r := range l.References {
		faults = append(faults, checkNumbers(fmt.Sprintf("reference %q", r.Name), l.LogY, []float64{r.Value}))
	}
	return errors.Join(faults...)
}

func (l Lines) frame(s styles, size vg.Point) frame {
	f := frame{title: l.Title, xLabel: l.XLabel, yLabel: l.YLabel, grid: gridLines{x: true, y: true}}
	ex, ey := newExtent(l.LogX), newExtent(l.LogY)
	if l.FromZero && !l.LogY {
		ey.add(0)
	}
	for _, c := range l.Curves {
		ex.add(c.X...)
		ey.add(c.Y...)
		ey.add(c.Low...)
		ey.add(c.High...)
		f.entries = append(f.entries, entry{name: c.Name, thumb: func(p *pen, r vg.Rectangle) {
			y := center(r).Y
			p.line(curveStroke(s, c.Name), vg.Point{X: r.Min.X, Y: y}, vg.Point{X: r.Max.X, Y: y})
			p.mark(s.glyph(c.Name), center(r), glyphSize, s.color(c.Name), color.White)
		}})
	}
	for _, r := range l.References {
		ey.add(r.Value)
	}
	f.entries = append(f.entries, referenceEntries(l.References, s)...)
	f.x, f.y = ex.axis(size.X, xSpacing), ey.axis(size.Y, ySpacing)
	f.content = func(p *pen, m mapping) { l.draw(p, m, s) }
	return f
}

func curveStroke(s styles, name string) stroke {
	return stroke{width: curveWidth, color: s.color(name), dash: s.dash(name)}
}

func (l Lines) draw(p *pen, m mapping, s styles) {
	for _, c := range l.Curves {
		for _, run := range c.runs() {
			c.drawBand(p, m, run, translucent(s.color(c.Name)))
		}
	}
	drawReferences(p, m, l.References, s)
	for _, c := range l.Curves {
		for _, run := range c.runs() {
			p.line(curveStroke(s, c.Name), c.points(m, run)...)
		}
	}
	for _, c := range l.Curves { // above all lines
		for _, run := range c.runs() {
			for _, at := range c.points(m, run) {
				p.mark(s.glyph(c.Name), at, glyphSize, s.color(c.Name), color.White)
			}
		}
	}
}

// runs are the half-open index ranges without a NaN.
func (c Curve) runs() [][2]int {
	var runs [][2]int
	start := 0
	for i := range len(c.X) + 1 {
		if i < len(c.X) && !math.IsNaN(c.X[i]) && !math.IsNaN(c.Y[i]) {
			continue
		}
		if i > start {
			runs = append(runs, [2]int{start, i})
		}
		start = i + 1
	}
	return runs
}

func (c Curve) points(m mapping, run [2]int) []vg.Point {
	var points []vg.Point
	for i := run[0]; i < run[1]; i++ {
		points = append(points, m.point(c.X[i], c.Y[i]))
	}
	return points
}

// drawBand fills between the lows and highs of a run. A missing end falls on the
// line.
func (c Curve) drawBand(p *pen, m mapping, run [2]int, fill color.Color) {
	if c.Low == nil {
		return
	}
	end := func(list []float64, i int) vg.Point {
		if math.IsNaN(list[i]) {
			return m.point(c.X[i], c.Y[i])
		}
		return m.point(c.X[i], list[i])
	}
	var outline []vg.Point
	for i := run[0]; i < run[1]; i++ {
		outline = append(outline, end(c.Low, i))
	}
	for i := run[1] - 1; i >= run[0]; i-- {
		outline = append(outline, end(c.High, i))
	}
	p.area(fill, outline...)
}
