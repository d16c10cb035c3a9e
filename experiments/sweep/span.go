package sweep

import (
	"fmt"
	"math"
	"strconv"

	"hidp/internal/strict"
)

// span is a range of numbers or quantities.
type span struct {
	from, to float64 // in base units
	log      bool
	whole    bool // whole numbers
	like     quantity
}

func (f *axisFile) readRange(p *strict.Problems, a *axis) bool {
	if p.Has("labels") {
		p.Faultf("labels", "goes with values, not with from and to")
	}
	s := &span{log: f.Scale == "log"}
	fromWhole, ok1 := s.end(p, "from", f.From, &s.from)
	toWhole, ok2 := s.end(p, "to", f.To, &s.to)
	if !ok1 || !ok2 {
		return false
	}
	s.whole = fromWhole && toWhole
	switch {
	case f.Scale != "" && f.Scale != "log" && f.Scale != "linear":
		p.Faultf("scale", "is %q%s; write linear or log", f.Scale, strict.Suggest(f.Scale, []string{"linear", "log"}))
	case !(s.from < s.to):
		p.Faultf("to", "%v is not greater than from, %v; the range is empty", f.To, f.From)
	case s.log && !(s.from > 0):
		p.Faultf("from", "%v is not positive; a logarithmic range begins above 0", f.From)
	case p.Has("steps") && (f.Steps < 2 || f.Steps > mostValues):
		p.Faultf("steps", "is %d; write a number from 2 to %d, or leave it out to sample the range", f.Steps, mostValues)
	case f.Sample && p.Has("steps"):
		p.Faultf("steps", "does not go with sample = true; a sampled range has no steps")
	default:
		a.column = Column{Name: a.name, Kind: "axis", Type: "float"}
		if s.whole {
			a.column.Type = "int"
		}
		if s.like.dimension != nil {
			a.column.Unit = s.like.dimension.unit
		}
		a.span, a.sampled = s, f.Steps == 0
		for i := range f.Steps {
			if v := s.at(float64(i)/float64(f.Steps-1), nil); i == 0 || v.text != a.values[len(a.values)-1].text {
				a.values = append(a.values, v)
			}
		}
		return true
	}
	return false
}

// end reads one end of the range; both must be numbers, or quantities of one dimension.
func (s *span) end(p *strict.Problems, key string, v any, to *float64) (whole, ok bool) {
	switch x := v.(type) {
	case int64:
		*to = float64(x)
		whole = true
	case float64:
		*to = x
	case string:
		q, isQuantity := parseQuantity(x)
		if !isQuantity {
			p.Faultf(key, "%q is no number with a unit; write e.g. \"20 Mbit/s\"", x)
			return false, false
		}
		if key == "to" && (s.like.dimension == nil || s.like.dimension != q.dimension) {
			p.Faultf(key, "%q has another unit than from; write both in the same", x)
			return false, false
		}
		s.like, *to = q, q.base
		return false, true
	default:
		p.Faultf(key, "is missing or no number; write from and to")
		return false, false
	}
	if key == "to" && s.like.dimension != nil {
		p.Faultf(key, "%v has no unit, but from has; write both in the same", v)
		return false, false
	}
	return whole, !math.IsNaN(*to) && !math.IsInf(*to, 0)
}

// at returns the value at a place from 0 to 1 of the range.
func (s *span) at(place float64, room *textRoom) setting {
	x := s.from + float64(place*(s.to-s.from))
	if s.log {
		x = s.from * math.Exp(float64(place*math.Log(s.to/s.from)))
	}
	x = min(max(x, s.from), s.to)
	if place == 1 {
		x = s.to
	}
	var digits [32]byte
	switch {
	case s.whole:
		n := int64(math.Round(x))
		return setting{tree: n, text: room.keep(strconv.AppendInt(digits[:0], n, 10), ""), value: float64(n)}
	case s.like.dimension != nil:
		text := s.like.text(x, room)
		base, err := s.like.dimension.read(text)
		if err != nil {
			panic(fmt.Sprintf("sweep: %q, made from a valid range, does not read back: %v", text, err))
		}
		return setting{text: text, value: base}
	}
	return setting{tree: x, text: room.keep(strconv.AppendFloat(digits[:0], x, 'g', -1, 64), ""), value: x}
}
