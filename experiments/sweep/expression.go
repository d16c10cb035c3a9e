package sweep

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"hidp/internal/suggest"
)

// An expression is text over the names of axes or metrics: numbers, quantities in quotes ("50 Mbit/s" stands for its value in base
// units where the other side is a number), + - * /, comparisons, and, or, not, parentheses, and min(a, b), max(a, b), abs(a),
// log(a). What is compared or added must be of one unit. The expression languages to be had know neither names with dots nor quantities,
// so this one was written here.
type expression struct {
	text string
	root node
}

// value is a number, a text or a truth value.
type value struct {
	kind   valueKind
	number float64
	text   string
	truth  bool
}

type valueKind uint8

const (
	aNumber valueKind = iota
	aText
	aTruth
)

func (k valueKind) String() string { return [...]string{"a number", "a text", "true or false"}[k] }

func number(x float64) value { return value{kind: aNumber, number: x} }
func truth(b bool) value     { return value{kind: aTruth, truth: b} }

// bare clears what does not belong to the value's kind, so that values can be compared.
func (v value) bare() value {
	switch v.kind {
	case aNumber:
		return number(v.number)
	case aText:
		return value{kind: aText, text: v.text}
	}
	return truth(v.truth)
}

// node is a part of a compiled expression; it reads the values of names by index.
type node struct {
	kind    valueKind
	unit    string // of a number; see variable and anyUnit
	eval    func(values []value) value
	literal bool // a text in quotes
	// gap is how far the values are from making a truth value true, relative to what they are compared with; 0 if it is true. Nil:
	// 1 if it is false.
	gap func(values []value) float64
}

// distance returns the node's gap.
func (n *node) distance(values []value) float64 {
	switch {
	case n.eval(values).truth:
		return 0
	case n.gap == nil:
		return 1
	}
	return n.gap(values)
}

// compile parses an expression over known names; values are given to it in their order. Errors say where and what is wrong.
func compile(text string, known []variable) (*expression, error) {
	const longest = 4096
	if len(text) > longest {
		return nil, fmt.Errorf("is longer than %d bytes", longest)
	}
	tokens, err := scan(text)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens, known: known}
	root, err := p.binary(0)
	if err == nil && p.peek() != "" {
		err = fmt.Errorf("has %q where an operator should stand", p.peek())
	}
	if err != nil {
		return nil, err
	}
	return &expression{text, root}, nil
}

// scan cuts an expression into tokens; texts keep their opening quote.
func scan(text string) ([]string, error) {
	var tokens []string
	for i := 0; i < len(text); {
		c := text[i]
		rest := text[i:]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case c == '"' || c == '\'':
			end := strings.IndexByte(rest[1:], c)
			if end < 0 {
				return nil, fmt.Errorf("has a text without a closing %c", c)
			}
			tokens = append(tokens, `"`+rest[1:1+end])
			i += end + 2
		case wordByte(c):
			n := 1
			for n < len(rest) && (wordByte(rest[n]) || strings.IndexByte("[]", rest[n]) >= 0 || exponentSign(rest[:n+1])) {
				n++
			}
			tokens = append(tokens, rest[:n])
			i += n
		case slices.ContainsFunc([]string{"<=", ">=", "==", "!="}, func(op string) bool { return strings.HasPrefix(rest, op) }):
			tokens = append(tokens, rest[:2])
			i += 2
		case strings.IndexByte("+-*/()<>,", c) >= 0:
			tokens = append(tokens, rest[:1])
			i++
		default:
			return nil, fmt.Errorf("has %q, which means nothing here", c)
		}
	}
	return tokens, nil
}

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '.'
}

// exponentSign reports whether the last byte of s is the sign in a number such as 1e-3.
func exponentSign(s string) bool {
	n := len(s)
	return n >= 3 && (s[n-1] == '-' || s[n-1] == '+') && (s[n-2] == 'e' || s[n-2] == 'E') && s[0] >= '0' && s[0] <= '9'
}

type parser struct {
	tokens []string
	known  []variable
	depth  int
}

func (p *parser) peek() string {
	if len(p.tokens) == 0 {
		return ""
	}
	return p.tokens[0]
}

func (p *parser) next() string {
	t := p.peek()
	if t != "" {
		p.tokens = p.tokens[1:]
	}
	return t
}

// levels are the binary operators, loosest first.
var levels = [][]string{{"or"}, {"and"}, {"==", "!=", "<", "<=", ">", ">="}, {"+", "-"}, {"*", "/"}}

// binary parses operators of a level and all tighter ones, from left to right.
func (p *parser) binary(level int) (node, error) {
	if level == len(levels) {
		return p.unary()
	}
	left, err := p.binary(level + 1)
	for err == nil && slices.Contains(levels[level], p.peek()) {
		op := p.next()
		var right node
		if right, err = p.binary(level + 1); err == nil {
			left, err = combine(op, left, right)
		}
	}
	return left, err
}

func (p *parser) unary() (node, error) {
	const deepest = 100
	if p.depth++; p.depth > deepest {
		return node{}, fmt.Errorf("is nested more than %d deep", deepest)
	}
	defer func() { p.depth-- }()
	switch t := p.next(); {
	case t == "":
		return node{}, fmt.Errorf("ends where a value should stand")
	case t == "(":
		inner, err := p.binary(0)
		if err == nil && p.next() != ")" {
			err = fmt.Errorf("has a ( without its )")
		}
		return inner, err
	case t == "-" || t == "not":
		inner, err := p.unaryOrComparison(t)
		if err != nil {
			return node{}, err
		}
		return negate(t, inner)
	case p.peek() == "(":
		return p.call(t)
	default:
		return p.atom(t)
	}
}

// unaryOrComparison parses what a sign or "not" stands before: not binds looser than comparisons.
func (p *parser) unaryOrComparison(op string) (node, error) {
	if op == "not" {
		return p.binary(2)
	}
	return p.unary()
}

func negate(op string, inner node) (node, error) {
	if op == "not" {
		if inner.kind != aTruth {
			return node{}, fmt.Errorf("has %s after not; write a comparison", inner.kind)
		}
		return node{kind: aTruth, eval: func(v []value) value { return truth(!inner.eval(v).truth) }}, nil
	}
	if inner.kind != aNumber {
		return node{}, fmt.Errorf("has %s after -; write a number", inner.kind)
	}
	return node{kind: aNumber, unit: inner.unit, eval: func(v []value) value { return number(-inner.eval(v).number) }}, nil
}

func (p *parser) atom(t string) (node, error) {
	if text, ok := strings.CutPrefix(t, `"`); ok {
		v := value{kind: aText, text: text}
		return node{kind: aText, eval: func([]value) value { return v }, literal: true}, nil
	}
	if t == "true" || t == "false" {
		v := truth(t == "true")
		return node{kind: aTruth, eval: func([]value) value { return v }}, nil
	}
	if i := slices.IndexFunc(p.known, func(k variable) bool { return k.name == t }); i >= 0 {
		return node{kind: p.known[i].kind, unit: p.known[i].unit, eval: func(v []value) value { return v[i] }}, nil
	}
	if x, err := strconv.ParseFloat(t, 64); err == nil && !math.IsInf(x, 0) && !math.IsNaN(x) {
		return node{kind: aNumber, unit: anyUnit, eval: func([]value) value { return number(x) }}, nil
	}
	var names []string
	for _, k := range p.known {
		names = append(names, k.name)
	}
	return node{}, fmt.Errorf("has the unknown name %q%s; known are %s%s", t, suggest.Phrase(t, names), strings.Join(names, ", "), renamed(t))
}

// call parses the arguments of a function.
func (p *parser) call(name string) (node, error) {
	arity := map[string]int{"min": 2, "max": 2, "abs": 1, "log": 1}
	want, known := arity[name]
	if !known {
		return node{}, fmt.Errorf("calls %q%s; the functions are abs, log, max, min", name, suggest.Phrase(name, []string{"abs", "log", "max", "min"}))
	}
	p.next()
	var args []node
	for {
		a, err := p.binary(0)
		if err != nil {
			return node{}, err
		}
		args = append(args, a)
		switch t := p.next(); {
		case t == "," && len(args) < want:
		case t == ")" && len(args) == want:
			return called(name, args)
		default:
			return node{}, fmt.Errorf("calls %s with the wrong number of values; it takes %d", name, want)
		}
	}
}

// called applies a function to its arguments. A quantity in quotes beside a number is its value in base units.
func called(name string, args []node) (node, error) {
	if len(args) == 2 {
		var err error
		if args[0], args[1], err = agree("the comma of "+name, args[0], args[1]); err != nil {
			return node{}, err
		}
	}
	for _, a := range args {
		if a.kind != aNumber {
			return node{}, fmt.Errorf("gives %s %s; write a number", name, a.kind)
		}
	}
	unit, err := unitOfCall(name, args)
	return node{kind: aNumber, unit: unit, eval: apply(name, args)}, err
}

func unitOfCall(name string, args []node) (string, error) {
	switch {
	case name == "log":
		return anyUnit, nil
	case len(args) == 2:
		return commonUnit("the comma of "+name, args[0].unit, args[1].unit)
	}
	return args[0].unit, nil
}

func apply(name string, args []node) func([]value) value {
	at := func(i int, v []value) float64 { return args[i].eval(v).number }
	switch name {
	case "min":
		return func(v []value) value { return number(math.Min(at(0, v), at(1, v))) }
	case "max":
		return func(v []value) value { return number(math.Max(at(0, v), at(1, v))) }
	case "abs":
		return func(v []value) value { return number(math.Abs(at(0, v))) }
	}
	return func(v []value) value { return number(math.Log(at(0, v))) }
}
