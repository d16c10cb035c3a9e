package plot

import (
	"errors"
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
)

// Boxes shows distributions: for each series in every group a box from the first to the
// third quartile with a line at the median. Whiskers reach to the last sample within
// 1.5 times the box's height (Tukey, "Exploratory Data Analysis", 1977); samples
// beyond are dots.
type Boxes struct {
	Title, XLabel, YLabel string
	Groups                []string
	Series                []Samples
	References            []Reference
	Log                   bool // logarithmic axis; all samples must be positive
}

// Samples is the samples of one series, in any order, for every group. A group
// without any is labelled "n/a".
type Samples struct {
	Name   string
	Values [][]float64 // [group][sample], none of them NaN
}

func (b Boxes) names() (series, references []string) {
	for _, s := range b.Series {
		series = append(series, s.Name)
	}
	return series, referenceNames(b.References)
}

func (b Boxes) check() error {
	var faults []error
	if len(b.Groups) == 0 || len(b.Series) == 0 {
		faults = append(faults, errors.New("boxes need a group and a series"))
	}
	for _, s := range b.Series {
		name := fmt.Sprintf("series %q", s.Name)
		if len(s.Values) != len(b.Groups) {
			faults = append(faults, fmt.Errorf("%s: %d sets of samples for %d groups", name, len(s.Values), len(b.Groups)))
		}
		for _, samples := range s.Values {
			if slices.ContainsFunc(samples, math.IsNaN) {
				faults = append(faults, fmt.Errorf("%s: a sample is NaN; leave it out", name))
			}
		}
		faults = append(faults, checkNumbers(name, b.Log, s.Values...))
	}
	for _, r := range b.References {
		faults = append(faults, checkNumbers(fmt.Sprintf("reference %q", r.Name), b.Log, []float64{r.Value}))
	}
	return errors.Join(faults...)
}

func (b Boxes) frame(s styles, size vg.Point) frame {
	f := frame{
		title: b.Title, xLabel: b.XLabel, yLabel: b.YLabel,
		x: categories(b.Groups), grid: gridLines{y: true},
	}
	e := newExtent(b.Log)
	for _, series := range b.Series {
		for _, samples := range series.Values {
			e.add(samples...)
		}
		fill, h := s.color(series.Name), s.hatch(series.Name)
		f.entries = append(f.entries, entry{name: series.Name, thumb: func(p *pen, r vg.Rectangle) { p.patch(r, fill, h) }})
	}
	for _, r := range b.References {
		e.add(r.Value)
	}
	f.entries = append(f.entries, referenceEntries(b.References, s)...)
	f.y = e.axis(size.Y, ySpacing)
	f.content = func(p *pen, m mapping) { b.draw(p, m, s) }
	return f
}

func (b Boxes) draw(p *pen, m mapping, s styles) {
	drawReferences(p, m, b.References, s)
	slot := min(widestBar, (m.x(1)-m.x(0))*groupFill/vg.Length(len(b.Series)))
	for g := range b.Groups {
		left := m.x(float64(g)) - slot*vg.Length(len(b.Series))/2
		for i, series := range b.Series {
			x := left + slot*(vg.Length(i)+0.5)
			if len(series.Values[g]) == 0 {
				missing(p, vg.Point{X: x, Y: m.area.Min.Y + 2}, slot)
				continue
			}
			summarize(series.Values[g]).draw(p, m, x, slot*0.8, s, series.Name)
		}
	}
}

// boxSummary is what a box shows.
type boxSummary struct {
	low, first, median, third, high float64 // whiskers' ends and quartiles
	outliers                        []float64
}

func summarize(samples []float64) boxSummary {
	sorted := slices.Sorted(slices.Values(samples))
	b := boxSummary{first: quantile(sorted, 0.25), median: quantile(sorted, 0.5), third: quantile(sorted, 0.75)}
	reach := 1.5 * (b.third - b.first)
	b.low, b.high = b.first, b.third
	for _, v := range sorted {
		if v < b.first-reach || v > b.third+reach {
			b.outliers = append(b.outliers, v)
			continue
		}
		b.low, b.high = math.Min(b.low, v), math.Max(b.high, v)
	}
	return b
}

// quantile interpolates linearly between sorted samples, as definition 7 of Hyndman
// and Fan, "Sample Quantiles in Statistical Packages" (1996).
func quantile(sorted []float64, q float64) float64 {
	place := float64(q * float64(len(sorted)-1))
	i := min(int(place), max(0, len(sorted)-2))
	if i+1 >= len(sorted) {
		return sorted[i]
	}
	part := place - float64(i)
	return sorted[i] + float64(part*(sorted[i+1]-sorted[i]))
}

func (b boxSummary) draw(p *pen, m mapping, x, width vg.Length, s styles, name string) {
	line := stroke{width: 0.6, color: color.Black}
	whisker := func(from, to float64) {
		p.line(line, vg.Point{X: x, Y: m.y(from)}, vg.Point{X: x, Y: m.y(to)})
		p.line(line, vg.Point{X: x - width/4, Y: m.y(to)}, vg.Point{X: x + width/4, Y: m.y(to)})
	}
	whisker(b.first, b.low)
	whisker(b.third, b.high)
	p.patch(rectangle(x-width/2, m.y(b.first), x+width/2, m.y(b.third)), s.color(name), s.hatch(name))
	for _, look := range []stroke{{width: 2.2, color: color.White}, {width: 1, color: color.Black}} {
		p.line(look, vg.Point{X: x - width/2, Y: m.y(b.median)}, vg.Point{X: x + width/2, Y: m.y(b.median)})
	}
	for _, v := range b.outliers {
		p.mark(glyphs[0], vg.Point{X: x, Y: m.y(v)}, 0.9, s.color(name), color.Black)
	}
}
