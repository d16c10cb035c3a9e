package sweep

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat/distuv"

	"hidp/results"
	"hidp/results/plot"
)

// moments adds up a sample (Welford, Technometrics 4, 1962).
type moments struct {
	xNumber, yNumber float64
	n                int
	mean, squares    float64
}

func (m *moments) add(x float64) {
	m.n++
	d := x - m.mean
	m.mean += d / float64(m.n)
	m.squares += float64(d * (x - m.mean))
}

// half returns half the confidence interval of the mean, 0 for one observation.
func (m *moments) half() float64 {
	if m.n < 2 {
		return 0
	}
	t := distuv.StudentsT{Sigma: 1, Nu: float64(m.n - 1)}.Quantile((1 + results.Confidence) / 2)
	return t * math.Sqrt(m.squares/float64(m.n-1)/float64(m.n))
}

// label is a column with its unit, for an axis of a figure.
func (c *Column) label() string {
	name := strings.ReplaceAll(c.Name, "_", " ")
	if name, isRate := strings.CutSuffix(name, " per s"); isRate {
		return name + " (1/s)"
	}
	switch c.Unit {
	case "":
		return name
	case "/s":
		return name + " (1/s)"
	}
	return fmt.Sprintf("%s (%s)", name, c.Unit)
}

func (d *drawing) panel() (plot.Panel, error) {
	switch d.spec.Kind {
	case "line":
		return d.lines()
	case "heatmap":
		return d.heatMap()
	}
	return d.front.panel(d)
}

// mostCurves is how many can be told apart.
const mostCurves = 12

func (d *drawing) lines() (plot.Panel, error) {
	columns := d.manifest.Columns
	p := plot.Lines{Title: d.spec.Title, XLabel: columns[d.x].label(), YLabel: columns[d.y].label(),
		LogX: d.spec.LogX, LogY: d.spec.LogY, FromZero: !d.spec.LogY}
	curves := map[string][]*moments{}
	for k, m := range d.groups {
		curves[k.series] = append(curves[k.series], m)
	}
	if len(curves) > mostCurves {
		return nil, &SpecError{fmt.Sprintf("series = %q has %d values; at most %d curves can be told apart: narrow them with where",
			d.spec.Series, len(curves), mostCurves)}
	}
	for _, name := range sortedTexts(curves) {
		ms := curves[name]
		slices.SortFunc(ms, func(a, b *moments) int { return cmp.Compare(a.xNumber, b.xNumber) })
		c := plot.Curve{Name: d.seriesName(name)}
		banded := false
		for _, m := range ms {
			half := m.half()
			banded = banded || half > 0
			low := m.mean - half
			if d.spec.LogY && low <= 0 {
				low = m.mean
			}
			c.X, c.Y = append(c.X, m.xNumber), append(c.Y, m.mean)
			c.Low, c.High = append(c.Low, low), append(c.High, m.mean+half)
		}
		if !banded {
			c.Low, c.High = nil, nil
		}
		p.Curves = append(p.Curves, c)
	}
	return p, nil
}

// seriesName is a curve's text in the legend.
func (d *drawing) seriesName(name string) string {
	if d.series < 0 {
		return "all"
	}
	if c := &d.manifest.Columns[d.series]; c.Type != "text" {
		return c.Name + " = " + name
	}
	return name
}

func (d *drawing) heatMap() (plot.Panel, error) {
	columns := d.manifest.Columns
	xs, ys := map[string]float64{}, map[string]float64{}
	top := 0.0
	for k, m := range d.groups {
		xs[k.x], ys[k.y] = m.xNumber, m.yNumber
		top = max(top, math.Abs(m.mean))
	}
	h := plot.HeatMap{Title: d.spec.Title, XLabel: columns[d.x].label(), YLabel: columns[d.y].label(), ValueLabel: columns[d.value].label(),
		Digits: max(0, 2-int(math.Floor(math.Log10(max(top, 1e-12)))))}
	const most = 40
	if len(xs) > most || len(ys) > most {
		return nil, &SpecError{fmt.Sprintf("a heat map of %d × %d cells cannot be read; at most %d × %d: narrow it with where",
			len(xs), len(ys), most, most)}
	}
	byX, byY := sortedTexts(xs), sortedTexts(ys)
	slices.Reverse(byY) // rows from the top, the largest first
	for _, y := range byY {
		row := make([]float64, len(byX))
		for i, x := range byX {
			row[i] = math.NaN()
			series := groupKey{x: x, y: y}
			for k, m := range d.groups {
				if k.x == series.x && k.y == series.y {
					row[i] = m.mean
				}
			}
		}
		h.Values = append(h.Values, row)
	}
	h.Columns, h.Rows = columns[d.x].short(byX), columns[d.y].short(byY)
	return h, nil
}

// short writes numbers as people do.
func (c *Column) short(texts []string) []string {
	if c.valueKind() != aNumber {
		return texts
	}
	out := make([]string, len(texts))
	for i, t := range texts {
		out[i] = siNumber(t)
	}
	return out
}
