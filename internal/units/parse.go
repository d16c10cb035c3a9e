package units

import (
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strings"
	"unicode/utf8"

	"hidp/internal/suggest"
)

// quantity splits a sign, a decimal number (with its exponent's digits) and
// what follows it.
var quantity = regexp.MustCompile(`^([+-]?)(\d[\d_]*(?:\.\d+)?(?:[eE][+-]?(\d+))?)\s*(.*)$`)

// notFinite matches the spellings of NaN and infinity that TOML and Go know.
var notFinite = regexp.MustCompile(`^[+-]?(?i:nan|inf|infinity)\b`)

// longest bounds the text of a quantity in bytes. It keeps the exact arithmetic
// below cheap for hostile input.
const longest = 80

// parse reads a quantity exactly, in the kind's base unit. Its errors say what
// would be right and leave out the key, which only the caller knows.
func (k *kind) parse(text string) (*big.Rat, error) {
	s := strings.TrimSpace(text)
	switch {
	case s == "":
		return nil, fmt.Errorf("is empty; write %s, e.g. %q", k.noun, k.example)
	case len(s) > longest:
		return nil, fmt.Errorf("%s is too long for %s; write e.g. %q", quoted(s), k.noun, k.example)
	case notFinite.MatchString(s):
		return nil, fmt.Errorf("%s is not a finite number; write e.g. %q", quoted(s), k.example)
	}
	m := quantity.FindStringSubmatch(s)
	if m == nil {
		return nil, fmt.Errorf("%s is not %s; write a number and a unit, e.g. %q", quoted(s), k.noun, k.example)
	}
	u, err := k.unitOf(s, m[4])
	if err != nil {
		return nil, err
	}
	if len(m[3]) > 3 { // 10^1000 is beyond any float, and costs memory to write out
		return nil, k.outOfRange(s)
	}
	value, ok := new(big.Rat).SetString(strings.ReplaceAll(m[2], "_", ""))
	if !ok {
		return nil, fmt.Errorf("%s is not %s; write a number and a unit, e.g. %q", quoted(s), k.noun, k.example)
	}
	if m[1] == "-" && value.Sign() != 0 {
		return nil, fmt.Errorf("%s is negative; %s is zero or more, e.g. %q", quoted(s), k.noun, k.example)
	}
	return value.Mul(value, u.scale()), nil
}

// unitOf finds the unit that follows the number in s, or says what is wrong
// with it.
func (k *kind) unitOf(s, name string) (unit, error) {
	if u, ok := k.find(name); ok {
		return u, nil
	}
	if name == "" {
		return unit{}, fmt.Errorf("%s needs a unit, e.g. %q", quoted(s), k.example)
	}
	if strings.HasPrefix(name, ",") {
		return unit{}, fmt.Errorf("%s has a comma; write a decimal point and no thousands separator, e.g. %q", quoted(s), k.example)
	}
	if noun := owner(name); noun != "" {
		return unit{}, fmt.Errorf("%s is %s, not %s; write e.g. %q", quoted(s), noun, k.noun, k.example)
	}
	hint := suggest.Phrase(name, k.names())
	return unit{}, fmt.Errorf("%s has an unknown unit %s%s; %s is in %s",
		quoted(s), quoted(name), hint, k.noun, strings.Join(k.names(), ", "))
}

// float reads a quantity as the nearest float64.
func (k *kind) float(text []byte) (float64, error) {
	exact, err := k.parse(string(text))
	if err != nil {
		return 0, err
	}
	f, _ := exact.Float64()
	if math.IsInf(f, 0) || (f == 0 && exact.Sign() != 0) {
		return 0, k.outOfRange(string(text))
	}
	return f, nil
}

func (k *kind) outOfRange(text string) error {
	return fmt.Errorf("%s is out of range; write e.g. %q", quoted(text), k.example)
}

// quoted shows the user's text, cut where it is long.
func quoted(s string) string {
	const most = 40
	if utf8.RuneCountInString(s) > most {
		s = string([]rune(s)[:most]) + "…"
	}
	return fmt.Sprintf("%q", s)
}
