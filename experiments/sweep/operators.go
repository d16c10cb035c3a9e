package sweep

import (
	"fmt"
	"math"
)

// combine makes the node of a binary operator and checks that it goes with what stands at its sides.
func combine(op string, a, b node) (node, error) {
	switch op {
	case "and", "or":
		if a.kind != aTruth || b.kind != aTruth {
			return node{}, fmt.Errorf("joins %s and %s by %s; write comparisons", a.kind, b.kind, op)
		}
		if op == "and" {
			return node{kind: aTruth, eval: func(v []value) value { return truth(a.eval(v).truth && b.eval(v).truth) },
				gap: func(v []value) float64 { return a.distance(v) + b.distance(v) }}, nil
		}
		return node{kind: aTruth, eval: func(v []value) value { return truth(a.eval(v).truth || b.eval(v).truth) },
			gap: func(v []value) float64 { return min(a.distance(v), b.distance(v)) }}, nil
	case "+", "-", "*", "/":
		a, b, err := agree(op, a, b)
		if err != nil {
			return node{}, err
		}
		if a.kind != aNumber {
			return node{}, fmt.Errorf("has %s before %s; write a number", a.kind, op)
		}
		return arithmetic(op, a, b)
	}
	a, b, err := agree(op, a, b)
	if err != nil {
		return node{}, err
	}
	return comparison(op, a, b)
}

// agree makes both sides the same kind: a quantity in quotes beside a number is its value in base units.
func agree(op string, a, b node) (node, node, error) {
	if a.kind == b.kind {
		return a, b, nil
	}
	for _, side := range []*node{&a, &b} {
		if other := a.kind == aNumber || b.kind == aNumber; !side.literal || !other {
			continue
		}
		text := side.eval(nil)
		q, ok := parseQuantity(text.text)
		if !ok {
			return a, b, fmt.Errorf("compares a number with %q; write a number or a quantity such as \"50 Mbit/s\"", text.text)
		}
		x := number(q.base)
		*side = node{kind: aNumber, unit: unitOf(q.dimension.unit), eval: func([]value) value { return x }}
		return a, b, nil
	}
	return a, b, fmt.Errorf("has %s before and %s after %s", a.kind, b.kind, op)
}

func arithmetic(op string, a, b node) (node, error) {
	var f func(x, y float64) float64
	unit, err := productUnit(op, a.unit, b.unit), error(nil)
	if op == "+" || op == "-" {
		unit, err = commonUnit(op, a.unit, b.unit)
	}
	switch op {
	case "+":
		f = func(x, y float64) float64 { return x + y }
	case "-":
		f = func(x, y float64) float64 { return x - y }
	case "*":
		f = func(x, y float64) float64 { return float64(x * y) }
	default:
		f = func(x, y float64) float64 { return x / y }
	}
	return node{kind: aNumber, unit: unit, eval: func(v []value) value { return number(f(a.eval(v).number, b.eval(v).number)) }}, err
}

func comparison(op string, a, b node) (node, error) {
	if _, err := commonUnit(op, a.unit, b.unit); err != nil {
		return node{}, err
	}
	var f func(x, y value) bool
	switch {
	case op == "==":
		f = func(x, y value) bool { return x == y }
	case op == "!=":
		f = func(x, y value) bool { return x != y }
	case a.kind == aNumber:
		f = order(op, func(x, y value) (bool, bool) { return x.number < y.number, x.number == y.number })
	case a.kind == aText:
		f = order(op, func(x, y value) (bool, bool) { return x.text < y.text, x.text == y.text })
	default:
		return node{}, fmt.Errorf("orders truth values by %s; write == or !=", op)
	}
	n := node{kind: aTruth, eval: func(v []value) value { return truth(f(a.eval(v), b.eval(v))) }}
	if a.kind == aNumber && op != "!=" {
		n.gap = func(v []value) float64 { return relativeGap(a.eval(v).number, b.eval(v).number) }
	}
	return n, nil
}

// relativeGap is how far two numbers are apart, relative to the larger, plus a little: equal numbers may still be in the wrong
// order. A NaN is as far as can be.
func relativeGap(x, y float64) float64 {
	scale := max(math.Abs(x), math.Abs(y))
	gap := math.Abs(x-y) / scale
	if math.IsNaN(gap) {
		return 2
	}
	return gap + 1e-9
}

// order makes one of < <= > >= from "is less" and "is equal". A NaN is neither, nor greater.
func order(op string, compare func(x, y value) (less, equal bool)) func(x, y value) bool {
	switch op {
	case "<":
		return func(x, y value) bool { less, _ := compare(x, y); return less }
	case "<=":
		return func(x, y value) bool { less, equal := compare(x, y); return less || equal }
	case ">":
		return func(x, y value) bool { less, _ := compare(y, x); return less }
	}
	return func(x, y value) bool { less, equal := compare(y, x); return less || equal }
}
