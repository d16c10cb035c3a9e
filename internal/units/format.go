package units

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
)

// mostDigits is how long a number may be written out; beyond that the exponent
// notation in the base unit is easier to read.
const mostDigits = 22

// format writes an exact value in the unit that makes the shortest text, the
// larger unit among equals: "1.5 s", not "1500 ms"; "8 GiB", not "8.589934592 GB".
// It returns "" where no unit gives a short exact decimal.
func (k *kind) format(exact *big.Rat) string {
	if exact.Sign() == 0 {
		return spaced("0", k.base)
	}
	best := ""
	for _, u := range k.units {
		if u.alias {
			continue
		}
		number := new(big.Rat).Quo(exact, u.scale())
		digits, finite := number.FloatPrec()
		if !finite || digits > mostDigits {
			continue
		}
		text := number.FloatString(digits)
		if len(text) > mostDigits {
			continue
		}
		if text = spaced(text, u.name); best == "" || len(text) <= len(best) {
			best = text
		}
	}
	return best
}

func spaced(number, unit string) string {
	if unit == "" {
		return number
	}
	return number + " " + unit
}

// formatFloat writes f so that parse gives back the same float64: the shortest
// decimal that identifies f is moved between units exactly.
func (k *kind) formatFloat(f float64) string {
	shortest := strconv.FormatFloat(f, 'g', -1, 64)
	exact, ok := new(big.Rat).SetString(shortest)
	if ok && f >= 0 {
		if text := k.format(exact); text != "" {
			return text
		}
	}
	return spaced(shortest, k.base)
}

// marshalFloat is formatFloat for files: what could not be read back is an error.
func (k *kind) marshalFloat(f float64) ([]byte, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) || f < 0 {
		return nil, fmt.Errorf("units: %v %s is not %s that a file can hold", f, k.base, k.noun)
	}
	return []byte(k.formatFloat(f)), nil
}
