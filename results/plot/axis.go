package plot

import (
	"math"
	"strconv"
	"strings"
)

// axis is the range of one direction and its marks.
type axis struct {
	min, max float64
	log      bool
	ticks    []tick
	minor    []float64 // short marks without a label
	names    bool      // the ticks are categories: labels may wrap, no marks
}

// tick is a labelled mark; exponent, where there is one, stands raised after the
// label.
type tick struct {
	value           float64
	label, exponent string
}

// at is the place of v on the axis, 0 at min and 1 at max.
func (a axis) at(v float64) float64 {
	if a.log {
		return math.Log(v/a.min) / math.Log(a.max/a.min)
	}
	return (v - a.min) / (a.max - a.min)
}

// categories is an axis with one unit for every name.
func categories(names []string) axis {
	a := axis{min: -0.5, max: float64(len(names)) - 0.5, names: true}
	for i, name := range names {
		a.ticks = append(a.ticks, tick{value: float64(i), label: name})
	}
	return a
}

// linear is an axis that covers [lo, hi] with about n steps of 1, 2 or 5 times a
// power of ten; it begins and ends on one.
func linear(lo, hi float64, n int) axis {
	if hi <= lo {
		lo, hi = lo-math.Max(math.Abs(lo), 1)/2, hi+math.Max(math.Abs(hi), 1)/2
	}
	power, mantissa := step125((hi - lo) / float64(max(n, 1)))
	first := math.Floor(scaled(lo, -power)/mantissa + 1e-9)
	last := math.Ceil(scaled(hi, -power)/mantissa - 1e-9)
	a := axis{min: scaled(first*mantissa, power), max: scaled(last*mantissa, power)}
	for i := first; i <= last; i++ {
		a.ticks = append(a.ticks, newTick(scaled(i*mantissa, power)))
	}
	return a
}

// step125 is the smallest 1, 2 or 5 times a power of ten that is at least v.
func step125(v float64) (power int, mantissa float64) {
	power = int(math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if scaled(m, power) >= v*(1-1e-9) {
			return power, m
		}
	}
	return power + 1, 1
}

// scaled is v times a power of ten, exact where the result is: it divides for
// negative powers, as 10^-1 is not a float64 and 10 is.
func scaled(v float64, power int) float64 {
	if power < 0 {
		return v / math.Pow(10, float64(-power))
	}
	return v * math.Pow(10, float64(power))
}

// logarithmic is an axis that covers [lo, hi], both positive, and ends on 1, 2 or 5
// times powers of ten. It labels these where at most n do, else the
// powers of ten, thinned to at most n.
func logarithmic(lo, hi float64, n int) axis {
	power, mantissa := step125(hi)
	a := axis{log: true, max: scaled(mantissa, power)}
	power, mantissa = step125(lo)
	if v := scaled(mantissa, power); v > lo*(1+1e-9) || v >= a.max {
		power, mantissa = below125(power, mantissa)
	}
	a.min = scaled(mantissa, power)

	var steps, decades []tick
	for p := int(math.Floor(math.Log10(a.min) + 1e-9)); scaled(1, p) <= a.max*(1+1e-9); p++ {
		for m := 1.0; m < 10; m++ {
			v := scaled(m, p)
			if v < a.min*(1-1e-9) || v > a.max*(1+1e-9) {
				continue
			}
			a.minor = append(a.minor, v)
			if m == 1 || m == 2 || m == 5 {
				steps = append(steps, newTick(v))
			}
			if m == 1 {
				decades = append(decades, newTick(v))
			}
		}
	}
	a.ticks = steps
	if len(steps) > n && len(decades) > 1 {
		every := (len(decades) + n - 1) / max(n, 1)
		a.ticks = nil
		for i := 0; i < len(decades); i += every {
			a.ticks = append(a.ticks, decades[i])
		}
	}
	return a
}

// below125 is the next smaller of 1, 2 or 5 times a power of ten.
func below125(power int, mantissa float64) (int, float64) {
	switch mantissa {
	case 5:
		return power, 2
	case 2:
		return power, 1
	}
	return power - 1, 5
}

func newTick(v float64) tick {
	label, exponent := number(v)
	return tick{value: v, label: label, exponent: exponent}
}

// number formats a value with a true minus sign; very large and small
// ones as a multiple of a power of ten, whose exponent is apart.
func number(v float64) (label, exponent string) {
	if a := math.Abs(v); a != 0 && (a >= 1e5 || a < 1e-3) {
		mantissa, power, _ := strings.Cut(strconv.FormatFloat(v, 'e', -1, 64), "e")
		e, _ := strconv.Atoi(power) // written by FormatFloat: always a number
		switch mantissa {
		case "1":
			label = "10"
		case "-1":
			label = "−10"
		default:
			label = minus(mantissa) + "×10"
		}
		return label, minus(strconv.Itoa(e))
	}
	return minus(strconv.FormatFloat(v, 'f', -1, 64)), ""
}

func minus(s string) string { return strings.ReplaceAll(s, "-", "−") }
