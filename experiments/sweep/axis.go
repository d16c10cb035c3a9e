package sweep

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"hidp/experiments"
	"hidp/internal/strict"
)

// axis is a field of the scenario with the values it takes.
type axis struct {
	name   string
	field  string // its path
	short  string // as the file calls the field
	key    string // of the axis in the sweep file, "axis[1]"
	column Column

	values  []setting // of a list or of steps
	sampled bool
	span    *span // of a sampled range
}

// setting is one value of an axis.
type setting struct {
	tree  any     // as it stands in the scenario; nil: as text
	text  string  // as people read it
	value float64 // of numeric columns
	truth bool    // of columns of truth values
}

// entry returns what stands in the scenario.
func (v *setting) entry() any {
	if v.tree == nil {
		return v.text
	}
	return v.tree
}

// words returns what stands in the scenario if that is a text.
func (v *setting) words() (text string, ok bool) {
	if v.tree == nil {
		return v.text, true
	}
	text, ok = v.tree.(string)
	return text, ok
}

// set returns the scenario's tree with a value of the axis.
func (a *axis) set(tree map[string]any, v *setting) (map[string]any, error) {
	return experiments.SetField(tree, a.short, v.entry())
}

// mostValues bounds the values of one axis.
const mostValues = 1_000_000

// readAxes reads all axes; faulty ones are left out.
func (f *sweepFile) readAxes(p *strict.Problems) []axis {
	if len(f.Axis) == 0 && !p.Has("axis") {
		p.Faultf("axis", `is missing; a sweep has at least one [[axis]] with field = "rate" and values, or from, to and steps`)
	}
	if len(f.Axis) > mostAxes {
		p.Faultf("axis", "has %d entries; at most %d are supported", len(f.Axis), mostAxes)
		return nil
	}
	var axes []axis
	for i := range f.Axis {
		key := strict.Index("axis", i)
		if a, ok := f.Axis[i].read(p.Under(key)); ok {
			a.key = key
			a.agree(p.Under(key), axes)
			axes = append(axes, a)
		}
	}
	return axes
}

// agree reports what an axis has in common with earlier ones and must not.
func (a *axis) agree(p *strict.Problems, earlier []axis) {
	for i := range earlier {
		switch b := &earlier[i]; {
		case a.field == b.field:
			p.Faultf("field", "%s has an axis already", a.field)
		case experiments.Below(a.field, b.field) || experiments.Below(b.field, a.field):
			p.Faultf("field", "%s and %s, which has an axis already, lie one in the other", a.field, b.field)
		case strings.EqualFold(a.name, b.name): // databases take them for one
			p.Faultf("name", "%q is the name of the axis over %s already; write another name", a.name, b.field)
		}
	}
}

func (f *axisFile) read(p *strict.Problems) (axis, bool) {
	a := axis{name: f.Name, short: f.Field, sampled: f.Sample}
	if a.name == "" {
		a.name = f.Field
	}
	var err error
	if a.field, err = experiments.FieldPath(f.Field); err != nil {
		p.Faultf("field", "%v", err)
		return a, false
	}
	if _, err := experiments.FieldPath(a.name); err != nil {
		p.Faultf("name", "%q is no name; write letters, digits, _ and -", a.name)
		return a, false
	}
	if column := reserved(a.name); column != "" && (a.field != "seed" || a.name != "seed") {
		p.Faultf("name", "%q is the name of another column, %s (upper and lower case count as the same); write another one", a.name, column)
		return a, false
	}
	list, ranged := p.Has("values"), p.Has("from") || p.Has("to")
	switch {
	case list == ranged:
		p.Faultf("", "needs either values = [ … ] or from and to, and has %s", map[bool]string{true: "both", false: "neither"}[list])
		return a, false
	case list:
		return a, f.readList(p, &a)
	}
	return a, f.readRange(p, &a)
}

func (f *axisFile) readList(p *strict.Problems, a *axis) bool {
	for _, key := range []string{"steps", "scale"} {
		if p.Has(key) {
			p.Faultf(key, "goes with from and to, not with values")
		}
	}
	switch {
	case len(f.Values) == 0:
		p.Faultf("values", "is empty; the sweep would have no points")
		return false
	case len(f.Values) > mostValues:
		p.Faultf("values", "has %d entries; at most %d are supported", len(f.Values), mostValues)
		return false
	case f.Labels != nil && len(f.Labels) != len(f.Values):
		p.Faultf("labels", "has %d texts for %d values; write one for each", len(f.Labels), len(f.Values))
		return false
	}
	ok := true
	for i, v := range f.Values {
		s := setting{tree: v, text: label(v)}
		if f.Labels != nil {
			s.text = f.Labels[i]
		}
		if slices.ContainsFunc(a.values, func(other setting) bool { return other.text == s.text }) {
			p.Faultf(strict.Index("values", i), "%s is listed already", s.text)
			ok = false
		}
		a.values = append(a.values, s)
	}
	a.column = Column{Name: a.name, Kind: "axis"}
	a.column.Type, a.column.Unit = classify(a.values, f.Labels != nil)
	return ok
}

// label is the text of a value: strings as they are, lists joined by +, the rest as JSON.
func label(v any) string {
	switch x := v.(type) {
	case string:
		return x
	case []any:
		var parts []string
		for _, e := range x {
			parts = append(parts, label(e))
		}
		return strings.Join(parts, "+")
	}
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}

// classify finds the type of an axis' column and fills in the values it needs. Labelled values are texts.
func classify(values []setting, labelled bool) (kind, unit string) {
	if labelled {
		return "text", ""
	}
	ints, floats, bools, quantities := true, true, true, true
	var shared *dimension
	for i := range values {
		switch v := values[i].tree.(type) {
		case int64:
			values[i].value, bools, quantities = float64(v), false, false
		case float64:
			values[i].value, ints, bools, quantities = v, false, false, false
		case bool:
			values[i].truth, ints, floats, quantities = v, false, false, false
		case string:
			q, ok := parseQuantity(v)
			ints, floats, bools = false, false, false
			if quantities = quantities && ok && (shared == nil || shared == q.dimension); quantities {
				shared, values[i].value = q.dimension, q.base
			}
		default:
			return "text", ""
		}
	}
	switch {
	case ints:
		return "int", ""
	case floats:
		return "float", ""
	case bools:
		return "bool", ""
	case quantities:
		return "float", shared.unit
	}
	return "text", ""
}

// draw returns the value of a sampled axis at a place from 0 (inclusive) to 1.
func (a *axis) draw(place float64, room *textRoom) setting {
	if a.span == nil {
		return a.values[min(int(place*float64(len(a.values))), len(a.values)-1)]
	}
	if a.span.whole && !a.span.log { // every whole number is as likely as any other
		n := a.span.from + math.Floor(place*(a.span.to-a.span.from+1))
		return (&span{from: n, to: n, whole: true}).at(1, room)
	}
	return a.span.at(place, room)
}

// valueKind is what the axis is in constraints.
func (a *axis) valueKind() valueKind {
	switch a.column.Type {
	case "int", "float":
		return aNumber
	case "bool":
		return aTruth
	}
	return aText
}

// valueOf returns what constraints see of a setting.
func (a *axis) valueOf(s *setting) value {
	return value{kind: a.valueKind(), number: s.value, text: s.text, truth: s.truth}.bare()
}

// seeds reports whether the axis sets the seed, whose values stand in the column seed.
func (a *axis) seeds() bool { return a.field == "seed" }
