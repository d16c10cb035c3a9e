package sweep

import (
	"fmt"
	"strconv"
)

// variable is a name that expressions may speak of.
type variable struct {
	name string
	kind valueKind
	unit string // of numbers, as a column has it; empty for a plain number such as a count
}

// anyUnit is the unit of what may be in every unit: a bare number, which stands for base units, and what is computed with such a factor,
// for that may carry a unit.
const anyUnit = "?"

// unitOf is the unit of a column in expressions: shares are plain numbers.
func unitOf(columnUnit string) string {
	if columnUnit == "1" {
		return ""
	}
	return columnUnit
}

// commonUnit returns the unit of two sides that are compared or added, or says that they are of different kinds.
func commonUnit(op, a, b string) (string, error) {
	switch {
	case a == b || b == anyUnit:
		return a, nil
	case a == anyUnit:
		return b, nil
	}
	return "", fmt.Errorf("has %s before and %s after %s, which are of different kinds", inWords(a), inWords(b), op)
}

// inWords says what a number of a unit is.
func inWords(unit string) string {
	if unit == "" {
		return "a number without a unit"
	}
	return "a value in " + unit
}

// productUnit returns the unit of a product or a quotient; anyUnit where it is none that a column has.
func productUnit(op, a, b string) string {
	switch {
	case a == anyUnit || b == anyUnit:
		return anyUnit
	case b == "":
		return a
	case op == "*" && a == "":
		return b
	case op == "/" && a == b:
		return ""
	}
	return anyUnit
}

// withUnit writes a number of a unit for people: 0.0129 in s is "12.9 ms".
func withUnit(x float64, unit string) string {
	exact := strconv.FormatFloat(x, 'g', -1, 64)
	if unit == "" || unit == anyUnit {
		return siNumber(exact)
	}
	number := siNumber(exact)
	if last := number[len(number)-1]; last < '0' || last > '9' { // a prefix stands before its unit
		return number + unit
	}
	return number + " " + unit
}
