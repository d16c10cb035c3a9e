package plot

import (
	"errors"
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
)

// GroupedBars shows one bar for each series in every group, with error bars
// and, where known, the published value as a diamond.
type GroupedBars struct {
	Title, XLabel, YLabel string
	Groups                []string
	Series                []Series
	References            []Reference
	PublishedName         string // legend of the diamonds; "" means "published"
	Log                   bool   // logarithmic axis; all values must be positive
}

// Series is one value for every group. A value of NaN is missing and labelled
// "n/a".
type Series struct {
	Name      string
	Values    []float64
	Low, High []float64 // ends of the error bars; nil for none, NaN where there is none
	Published []float64 // values to compare with; nil for none, NaN where there is none
}

// Reference is a horizontal line at a value to compare with.
type Reference struct {
	Name  string
	Value float64
}

func (b GroupedBars) names() (series, references []string) {
	for _, s := range b.Series {
		series = append(series, s.Name)
	}
	return series, referenceNames(b.References)
}

func (b GroupedBars) check() error {
	var faults []error
	if len(b.Groups) == 0 || len(b.Series) == 0 {
		faults = append(faults, errors.New("bars need a group and a series"))
	}
	for _, s := range b.Series {
		if err := s.check(len(b.Groups), b.Log); err != nil {
			faults = append(faults, fmt.Errorf("series %q: %w", s.Name, err))
		}
	}
	for _, r := range b.References {
		faults = append(faults, checkNumbers(fmt.Sprintf("reference %q", r.Name), b.Log, []float64{r.Value}))
	}
	return errors.Join(faults...)
}

func (s Series) check(groups int, log bool) error {
	var faults []error
	lengths := func(what string, list []float64, optional bool) {
		if len(list) != groups && !(optional && list == nil) {
			faults = append(faults, fmt.Errorf("%d %s for %d groups", len(list), what, groups))
		}
	}
	lengths("values", s.Values, false)
	lengths("lows", s.Low, true)
	lengths("highs", s.High, true)
	lengths("published values", s.Published, true)
	if (s.Low == nil) != (s.High == nil) {
		faults = append(faults, errors.New("error bars need both ends"))
	}
	return errors.Join(append(faults, checkNumbers("values", log, s.Values, s.Published), checkNumbers("error bars", false, s.Low, s.High))...)
}

// checkNumbers refuses infinities, and what is not positive on a logarithmic
// axis.
func checkNumbers(what string, log bool, lists ...[]float64) error {
	for _, list := range lists {
		for _, v := range list {
			switch {
			case math.IsInf(v, 0):
				return fmt.Errorf("%s: %v cannot be drawn", what, v)
			case log && v <= 0:
				return fmt.Errorf("%s: %v cannot be drawn on a logarithmic axis", what, v)
			}
		}
	}
	return nil
}

// extent gathers the smallest and largest of the values it is shown.
type extent struct {
	lo, hi float64
	log    bool // only positive values count
}

func newExtent(log bool) extent { return extent{lo: math.Inf(1), hi: math.Inf(-1), log: log} }

func (e *extent) add(values ...float64) {
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) || e.log && v <= 0 {
			continue
		}
		e.lo, e.hi = math.Min(e.lo, v), math.Max(e.hi, v)
	}
}

// spacing is the least distance between labels along an axis, in points, on
// average. Logarithmic labels stand at fixed places, which are fewer than they might be,
// so they may come closer.
type spacing struct{ linear, log vg.Length }

var (
	xSpacing = spacing{linear: 34, log: 25}
	ySpacing = spacing{linear: 16, log: 12}
)

// axis covers the extent on the given length. Without any value it covers 1 to 10
// or 0 to 1.
func (e extent) axis(length vg.Length, s spacing) axis {
	if e.lo > e.hi {
		e.lo, e.hi = 0, 1
		if e.log {
			e.lo, e.hi = 1, 10
		}
	}
	if e.log {
		return logarithmic(e.lo, e.hi, max(2, int(length/s.log)))
	}
	return linear(e.lo, e.hi, max(2, int(length/s.linear)))
}

func (b GroupedBars) frame(s styles, size vg.Point) frame {
	f := frame{
		title: b.Title, xLabel: b.XLabel, yLabel: b.YLabel,
		x: categories(b.Groups), grid: gridLines{y: true},
	}
	e := newExtent(b.Log)
	if !b.Log {
		e.add(0)
	}
	published := false
	for _, series := range b.Series {
		e.add(series.Values...)
		e.add(series.Low...)
		e.add(series.High...)
		e.add(series.Published...)
		published = published || series.Published != nil
		fill, h := s.color(series.Name), s.hatch(series.Name)
		f.entries = append(f.entries, entry{name: series.Name, thumb: func(p *pen, r vg.Rectangle) { p.patch(r, fill, h) }})
	}
	if published {
		f.entries = append(f.entries, publishedEntry(b.PublishedName))
	}
	for _, r := range b.References {
		e.add(r.Value)
	}
	if b.Log && e.lo < e.hi {
		e.lo /= 1.3 // the shortest bar is to be seen
	}
	f.entries = append(f.entries, referenceEntries(b.References, s)...)
	f.y = e.axis(size.Y, ySpacing)
	f.content = func(p *pen, m mapping) { b.draw(p, m, s) }
	return f
}

func publishedEntry(name string) entry {
	if name == "" {
		name = "published"
	}
	return entry{name: name, thumb: func(p *pen, r vg.Rectangle) {
		p.mark(diamond, center(r), glyphSize, color.White, color.Black)
	}}
}

func center(r vg.Rectangle) vg.Point {
	return vg.Point{X: (r.Min.X + r.Max.X) / 2, Y: (r.Min.Y + r.Max.Y) / 2}
}

// The bars of a group take a part of its width, but none gets wider than it
// looks good.
const (
	groupFill = 0.84
	widestBar = vg.Length(24)
)

func (b GroupedBars) draw(p *pen, m mapping, s styles) {
	width := min(widestBar, (m.x(1)-m.x(0))*groupFill/vg.Length(len(b.Series)))
	base := m.area.Min.Y
	if !b.Log {
		base = m.y(0)
	}
	for g := range b.Groups {
		left := m.x(float64(g)) - width*vg.Length(len(b.Series))/2
		for i, series := range b.Series {
			x := left + width*vg.Length(i)
			v := series.Values[g]
			if math.IsNaN(v) {
				missing(p, vg.Point{X: x + width/2, Y: base + 2}, width)
				continue
			}
			p.patch(rectangle(x, min(base, m.y(v)), x+width, max(base, m.y(v))), s.color(series.Name), s.hatch(series.Name))
		}
	}
	drawReferences(p, m, b.References, s)
	for g := range b.Groups {
		left := m.x(float64(g)) - width*vg.Length(len(b.Series))/2
		for i, series := range b.Series {
			series.drawMarks(p, m, g, left+width*(vg.Length(i)+0.5), width)
		}
	}
}

// missing labels the place of what there is no value for, reading upwards.
func missing(p *pen, at vg.Point, width vg.Length) {
	p.text("n/a", at, style{size: min(smallSize, width*1.2), alignY: 0.5, rotation: math.Pi / 2, color: darkGrey})
}

// drawMarks draws the error bar and the published value, above all bars.
func (s Series) drawMarks(p *pen, m mapping, g int, x, width vg.Length) {
	if s.Low != nil && !math.IsNaN(s.Low[g]) && !math.IsNaN(s.High[g]) && !math.IsNaN(s.Values[g]) {
		low := m.area.Min.Y
		if !m.yAxis.log || s.Low[g] > 0 {
			low = m.y(s.Low[g])
		}
		errorBar(p, x, low, m.y(s.High[g]), min(width*0.3, 2.5))
	}
	if s.Published != nil && !math.IsNaN(s.Published[g]) {
		p.mark(diamond, vg.Point{X: x, Y: m.y(s.Published[g])}, min(glyphSize, width*0.45), color.White, color.Black)
	}
}

// errorBar is black on a white halo, so that it shows on dark areas too.
func errorBar(p *pen, x, low, high, cap vg.Length) {
	halo, ink := stroke{width: 1.5, color: color.White}, stroke{width: 0.6, color: color.Black}
	for _, s := range []stroke{halo, ink} {
		p.line(s, vg.Point{X: x, Y: low}, vg.Point{X: x, Y: high})
		p.line(s, vg.Point{X: x - cap, Y: high}, vg.Point{X: x + cap, Y: high})
		p.line(s, vg.Point{X: x - cap, Y: low}, vg.Point{X: x + cap, Y: low})
	}
}

func drawReferences(p *pen, m mapping, references []Reference, s styles) {
	for _, r := range references {
		y := m.y(r.Value)
		p.line(s.reference(r.Name), vg.Point{X: m.area.Min.X, Y: y}, vg.Point{X: m.area.Max.X, Y: y})
	}
}

func referenceEntries(references []Reference, s styles) []entry {
	var entries []entry
	for _, r := range references {
		entries = append(entries, guideEntry(r.Name, s.reference(r.Name)))
	}
	return entries
}

func referenceNames(references []Reference) []string {
	var names []string
	for _, r := range references {
		names = append(names, r.Name)
	}
	return names
}
