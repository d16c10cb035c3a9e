package sweep

import (
	"encoding"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"hidp/internal/units"
)

// quantity is a number with a unit, as files write it.
type quantity struct {
	dimension *dimension
	base      float64 // in the dimension's unit
	unit      string  // as written
	factor    float64 // base units in one of the unit as written
}

// dimension is a kind of quantity. No two share a spelling of a unit.
type dimension struct {
	unit string // of numbers in columns
	read func(text string) (float64, error)
}

// dimensions are those that scenario files know.
var dimensions = []dimension{
	{"s", func(t string) (float64, error) { d, err := read[units.Duration](t); return d.Seconds(), err }},
	{"bit/s", func(t string) (float64, error) { r, err := read[units.Rate](t); return float64(r), err }},
	{"B", func(t string) (float64, error) { s, err := read[units.Size](t); return float64(s), err }},
	{"W", func(t string) (float64, error) { p, err := read[units.Power](t); return float64(p), err }},
	{"Hz", func(t string) (float64, error) { f, err := read[units.Frequency](t); return float64(f), err }},
	{"FLOP/s", func(t string) (float64, error) { c, err := read[units.Compute](t); return float64(c), err }},
	{"B/s", func(t string) (float64, error) { b, err := read[units.Bandwidth](t); return float64(b), err }},
	{"J", func(t string) (float64, error) { e, err := read[units.Energy](t); return float64(e), err }},
	{"1", readPercent},
	{"/s", readFrequency},
}

// read lets a unit type read a text.
func read[T any, P interface {
	*T
	encoding.TextUnmarshaler
}](text string) (T, error) {
	var v T
	err := P(&v).UnmarshalText([]byte(text))
	return v, err
}

// readPercent reads fractions that carry their sign; bare numbers are no quantities.
func readPercent(text string) (float64, error) {
	if !strings.Contains(text, "%") {
		return 0, fmt.Errorf("%q has no unit", text)
	}
	f, err := read[units.Fraction](text)
	return float64(f), err
}

// readFrequency reads request rates: "2 /s", "120 /min", "7200 /h".
func readFrequency(text string) (float64, error) {
	number, unit, _ := strings.Cut(text, "/")
	seconds := 0.0
	switch strings.TrimSpace(unit) {
	case "s":
		seconds = 1
	case "min":
		seconds = 60
	case "h":
		seconds = 3600
	}
	x, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || seconds == 0 {
		return 0, fmt.Errorf("%q is not a rate of requests", text)
	}
	return x / seconds, nil
}

var quantityText = regexp.MustCompile(`^\s*[0-9][0-9_]*(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?\s*([^0-9\s].*?)\s*$`)

// parseQuantity reads a text such as "80 Mbit/s" of any dimension.
func parseQuantity(text string) (quantity, bool) {
	m := quantityText.FindStringSubmatch(text)
	if m == nil || len(text) > 80 {
		return quantity{}, false
	}
	for i := range dimensions {
		d := &dimensions[i]
		base, err := d.read(text)
		if err != nil {
			continue
		}
		one, err := d.read("1 " + m[1])
		return quantity{d, base, m[1], one}, err == nil && one > 0
	}
	return quantity{}, false
}

// text returns a quantity of the same dimension whose value in base units is near base: to twelve digits in the same unit, or a
// whole number of bytes.
func (q quantity) text(base float64, room *textRoom) string {
	var digits [32]byte
	if q.dimension.unit == "B" {
		return room.keep(strconv.AppendFloat(digits[:0], math.Round(base), 'f', 0, 64), " B")
	}
	return room.keep(append(strconv.AppendFloat(digits[:0], base/q.factor, 'g', 12, 64), ' '), q.unit)
}

// textRoom makes short texts with hardly an allocation for each. The zero value is ready to use; so is nil, with an allocation for each.
type textRoom struct{ all strings.Builder }

// keep returns the text of a followed by b.
func (t *textRoom) keep(a []byte, b string) string {
	if t == nil {
		return string(a) + b
	}
	const many = 4096
	if t.all.Len()+len(a)+len(b) > t.all.Cap() {
		t.all.Reset() // those who have a text keep what it is a part of
		t.all.Grow(max(many, len(a)+len(b)))
	}
	from := t.all.Len()
	t.all.Write(a)
	t.all.WriteString(b)
	return t.all.String()[from:]
}
