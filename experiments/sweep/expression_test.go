package sweep

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var (
	testKnown  = []variable{{"rate", aNumber, "bit/s"}, {"load", aNumber, "/s"}, {"strategy.name", aText, ""}, {"exact", aTruth, ""}, {"p99", aNumber, "s"}, {"batch", aNumber, ""}}
	testValues = []value{number(100e6), number(4), {kind: aText, text: "hidp"}, truth(true), number(0.1), number(8)}
)

func TestExpressions(t *testing.T) {
	for text, want := range map[string]value{
		"load + 2 * 3":                             number(10),
		"(load + 2) * 3":                           number(18),
		"load - 1 - 1":                             number(2),
		"-load + 8 / 4 / 2":                        number(-3),
		"min(load, 3) + max(1e-3, 2) + abs(-1)":    number(6),
		"log(1)":                                   number(0),
		`rate == "100 Mbit/s"`:                     truth(true),
		`rate >= "0.2 Gbit/s" or load < 5`:         truth(true),
		`'20 Mbit/s' > rate`:                       truth(false),
		`strategy.name == "hidp" and not load > 4`: truth(true),
		`strategy.name != "hidp" or load*2 <= 8`:   truth(true),
		`strategy.name < "modnn"`:                  truth(true),
		"exact == (load > 3)":                      truth(true),
		"not exact or load == 5":                   truth(false),
		"not (exact and exact)":                    truth(false),
		"load > 3 and load > 3.5 or load > 100":    truth(true),
		`strategy.name == 'hidp'`:                  truth(true),
		"1 < 2 == true":                            truth(true),
		"0 / 0 == 0 / 0":                           truth(false),
		`p99 < "120 ms" and p99 > 0.05`:            truth(true),
		`p99 / batch <= "12.5 ms"`:                 truth(true),
		`p99 / "50 ms" == 2`:                       truth(true),
		`max(p99, "0.2 s") == 0.2`:                 truth(true),
		"p99 + 0.1 * load > 0.4":                   truth(true), // the factor carries the unit
	} {
		e, err := compile(text, testKnown)
		require.NoError(t, err, text)
		require.Equal(t, want, e.root.eval(testValues), text)
	}
}

func TestExpressionsThatMeanNothing(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "ends where a value",
		"load >":                   "ends where a value",
		"lod > 3":                  `did you mean "load"`,
		"load > 3 load":            "where an operator",
		"(load > 3":                "without its )",
		"load and exact":           "write comparisons",
		"load == strategy.name":    "a number before and a text after",
		`load > "fast"`:            `a quantity such as`,
		"not load":                 "after not",
		"-exact":                   "after -",
		"exact < exact":            "write == or !=",
		"strategy.name + 'x'":      "before +",
		"mix(1, 2)":                `did you mean "max"`,
		"min(1)":                   "takes 2",
		"rate > p99":               "a value in bit/s before and a value in s after >, which are of different kinds",
		`rate <= "10 ms"`:          "a value in bit/s before and a value in s after <=",
		`batch == "10 ms"`:         "a number without a unit before and a value in s after ==",
		"p99 + load < 3":           "a value in s before and a value in /s after +",
		"min(p99, rate) < 3":       "a value in s before and a value in bit/s after the comma of min",
		"-p99 < rate":              "of different kinds",
		"p99 / batch < load":       "a value in s before and a value in /s after <",
		"abs(exact)":               "write a number",
		"load > 3 ; drop":          "means nothing here",
		"'open":                    "without a closing",
		strings.Repeat("(", 300):   "nested more than",
		strings.Repeat("1+", 3000): "longer than",
	} {
		_, err := compile(text, testKnown)
		require.ErrorContains(t, err, want, text)
	}
}

func TestRandomTextIsNoPanic(t *testing.T) {
	words := []string{"rate", "load", "strategy.name", "exact", "1", "2.5", "\"x\"", "\"3 s\"", "+", "-", "*", "/", "<", "<=", "==", "(", ")", "and", "or", "not", "min", ",", "abs"}
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(words), 0, 12).Draw(t, "words"), " ")
		if e, err := compile(text, testKnown); err == nil {
			require.Equal(t, e.root.kind, e.root.eval(testValues).kind)
		}
	})
}
