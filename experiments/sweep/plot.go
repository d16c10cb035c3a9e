package sweep

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"

	"hidp/internal/durable"
	"hidp/internal/suggest"
	"hidp/results/plot"
)

// PlotSpec says which figure to draw of a sweep. Rows with an error are left out, and counted in the figure's note.
type PlotSpec struct {
	// Kind is "line" (Y over the numeric column X, a curve per value of Series), "heatmap" (Value over the axes X and Y) or "pareto"
	// (points none of which is better in both X and Y, by Series).
	Kind   string
	X, Y   string
	Series string // an axis; empty: all rows together
	Value  string // heat maps: a metric
	Where  string // an expression over columns: rows to draw; empty: all
	LogX   bool
	LogY   bool
	Title  string
}

// Plot draws a figure of the shards that are in dir into files that end in .svg, .png or .pdf. The error names columns that the
// sweep does not have and says what a kind needs.
func Plot(dir string, spec PlotSpec, files ...string) error {
	f, err := Figure(dir, spec)
	if err != nil {
		return err
	}
	var rendered [][]byte
	for _, file := range files {
		format := strings.TrimPrefix(strings.ToLower(filepath.Ext(file)), ".")
		if file == durable.Standard {
			format = "svg"
		}
		data, err := f.Render(format)
		if err != nil {
			return err
		}
		rendered = append(rendered, data)
	}
	for i, file := range files {
		if err := durable.WriteFile(durable.Disk{}, file, rendered[i]); err != nil {
			return err
		}
	}
	return nil
}

// SpecError is the user's fault in a PlotSpec or in the choice of a metric.
type SpecError struct{ Reason string }

// Error implements error.
func (e *SpecError) Error() string { return e.Reason }

// Figure is Plot without the files.
func Figure(dir string, spec PlotSpec) (*plot.Figure, error) {
	m, err := ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	there, err := shardFiles(dir)
	if err != nil {
		return nil, err
	}
	d := &drawing{spec: spec, manifest: m}
	if err := d.resolve(); err != nil {
		return nil, err
	}
	missing := 0
	for shard := range m.Shards() {
		if _, ok := there[shard]; !ok {
			missing++
			continue
		}
		if err := m.eachRowOf(dir, shard, d.add); err != nil {
			return nil, err
		}
	}
	d.front.flush()
	if d.rows == 0 {
		return nil, &SpecError{fmt.Sprintf("%s: there is nothing to draw: %d rows with errors, %d without a value, none that fits", dir, d.failed, d.none)}
	}
	panel, err := d.panel()
	if err != nil {
		return nil, err
	}
	return &plot.Figure{Panels: []plot.Panel{panel}, Width: plot.SingleColumn, Height: 2, Note: d.note(missing)}, nil
}

// drawing gathers rows for a figure.
type drawing struct {
	spec     PlotSpec
	manifest *Manifest
	x, y     int // columns
	series   int // -1: none
	value    int // -1: none
	where    *expression
	values   []value

	groups map[groupKey]*moments
	front  front
	rows   int64
	failed int64
	none   int64 // rows that have no value to draw
}

// groupKey is what the rows of one place in a figure have in common.
type groupKey struct{ series, x, y string }

// column finds a column by name.
func (d *drawing) column(what, name string, fits func(Column) bool, needs string) (int, error) {
	var names []string
	for i, c := range d.manifest.Columns {
		if c.Name == name && fits(c) {
			return i, nil
		}
		if fits(c) {
			names = append(names, c.Name)
		}
	}
	if name == "" {
		return 0, &SpecError{fmt.Sprintf("a figure of kind %s needs %s, %s: one of %s", d.spec.Kind, what, needs, joined(names))}
	}
	return 0, &SpecError{fmt.Sprintf("%s = %q%s is not %s of this sweep; it has %s%s", what, name, suggest.Phrase(name, names), needs, joined(names), renamed(name))}
}

func isMetric(c Column) bool  { return c.Kind == "metric" }
func isAxis(c Column) bool    { return c.Kind == "axis" }
func isNumeric(c Column) bool { return c.Kind != "error" && (c.Type == "int" || c.Type == "float") }

func (d *drawing) resolve() error {
	d.series, d.value, d.groups = -1, -1, map[groupKey]*moments{}
	var errs [4]error
	switch d.spec.Kind {
	case "line":
		d.x, errs[0] = d.column("x", d.spec.X, isNumeric, "a numeric column")
		d.y, errs[1] = d.column("y", d.spec.Y, isMetric, "a metric")
	case "heatmap":
		d.x, errs[0] = d.column("x", d.spec.X, isAxis, "an axis")
		d.y, errs[1] = d.column("y", d.spec.Y, isAxis, "an axis")
		d.value, errs[2] = d.column("value", d.spec.Value, isMetric, "a metric")
	case "pareto":
		d.x, errs[0] = d.column("x", d.spec.X, isNumeric, "a numeric column")
		d.y, errs[1] = d.column("y", d.spec.Y, isNumeric, "a numeric column")
		d.front = front{xSign: direction(d.spec.X), ySign: direction(d.spec.Y), best: map[string][]spot{}}
	default:
		kinds := PlotKinds()
		return &SpecError{fmt.Sprintf("kind = %q%s; write one of %s", d.spec.Kind, suggest.Phrase(d.spec.Kind, kinds), joined(kinds))}
	}
	if d.spec.Series != "" {
		d.series, errs[3] = d.column("series", d.spec.Series, isAxis, "an axis")
	}
	if err := errors.Join(errs[:]...); err != nil || d.spec.Where == "" {
		return err
	}
	var known []variable
	for _, c := range d.manifest.Columns {
		known = append(known, variable{c.Name, c.valueKind(), unitOf(c.Unit)})
	}
	e, err := compile(d.spec.Where, known)
	switch {
	case err != nil:
		return &SpecError{fmt.Sprintf("where %q %v", d.spec.Where, err)}
	case e.root.kind != aTruth:
		return &SpecError{fmt.Sprintf("where %q is %s; write a comparison", d.spec.Where, e.root.kind)}
	}
	d.where, d.values = e, make([]value, len(known))
	return nil
}

// PlotKinds lists what PlotSpec.Kind may be.
func PlotKinds() []string { return []string{"line", "heatmap", "pareto"} }

// valueKind is what the column is in expressions.
func (c *Column) valueKind() valueKind {
	switch c.Type {
	case "int", "float":
		return aNumber
	case "bool":
		return aTruth
	}
	return aText
}

// number returns a numeric cell, NaN if it is null.
func (c *Column) number(x *cell) float64 {
	if x.null {
		return math.NaN()
	}
	if c.Type == "int" {
		return float64(x.int)
	}
	return x.number
}

func (d *drawing) add(cells []cell) error {
	columns := d.manifest.Columns
	if !cells[len(cells)-1].null {
		d.failed++
		return nil
	}
	if d.where != nil {
		for i := range cells {
			d.values[i] = value{kind: columns[i].valueKind(), number: columns[i].number(&cells[i]), text: cells[i].text, truth: cells[i].truth}.bare()
		}
		if !d.where.root.eval(d.values).truth {
			return nil
		}
	}
	x, y := columns[d.x].number(&cells[d.x]), columns[d.y].number(&cells[d.y])
	of := y
	if d.value >= 0 {
		of = columns[d.value].number(&cells[d.value])
	}
	if isNumeric(columns[d.x]) && math.IsNaN(x) || math.IsNaN(of) {
		d.none++
		return nil
	}
	d.rows++
	key := groupKey{}
	if d.series >= 0 {
		key.series = columns[d.series].text(&cells[d.series])
	}
	if d.spec.Kind == "pareto" {
		d.front.add(cells[0].int, key.series, x, y)
		return nil
	}
	key.x = columns[d.x].text(&cells[d.x])
	if d.value >= 0 {
		key.y = columns[d.y].text(&cells[d.y])
	}
	m := d.groups[key]
	if m == nil {
		if len(d.groups) >= mostPlaces {
			return &SpecError{fmt.Sprintf("the figure would have more than %d places; narrow it with where", mostPlaces)}
		}
		m = &moments{xNumber: x, yNumber: y}
		d.groups[key] = m
	}
	m.add(of)
	return nil
}

// mostPlaces bounds the points of all curves, or the cells of a heat map.
const mostPlaces = 20_000

// note says what stands behind the figure.
func (d *drawing) note(missing int) string {
	text := fmt.Sprintf("Sweep %s, %d runs, seed %d.", d.manifest.Name, d.rows, d.manifest.Seed)
	if d.spec.Kind == "line" {
		text += " Bands: 95 % confidence intervals of the mean."
	}
	if others := d.averaged(); others != "" && d.spec.Kind != "pareto" {
		text += " Averaged over " + others + ", the bands too."
		if d.spec.Kind != "line" {
			text = strings.TrimSuffix(text, ", the bands too.") + "."
		}
	}
	if d.spec.Where != "" {
		text += " Where " + d.spec.Where + "."
	}
	if d.failed > 0 {
		text += fmt.Sprintf(" %d failed runs left out.", d.failed)
	}
	if d.none > 0 {
		text += fmt.Sprintf(" %d runs that completed nothing left out.", d.none)
	}
	if missing > 0 {
		text += fmt.Sprintf(" INCOMPLETE: %d of %d shards are missing.", missing, d.manifest.Shards())
	}
	return text
}

// averaged lists the axes that the figure does not show.
func (d *drawing) averaged() string {
	var names []string
	for i, c := range d.manifest.Columns {
		if c.Kind == "axis" && i != d.x && i != d.y && i != d.series {
			names = append(names, c.Name)
		}
	}
	return joined(names)
}
