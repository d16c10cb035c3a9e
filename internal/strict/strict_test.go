package strict_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/internal/strict"
	"hidp/internal/units"
)

type cluster struct {
	Cores  int             `toml:"cores"`
	Rate   units.Compute   `toml:"rate,required"`
	Clocks []float64       `toml:"clocks"`
	Idle   *units.Power    `toml:"idle"`
	Limit  *units.Duration `toml:"limit"`
}

type runtime struct {
	Name    string             `toml:"name"`
	Cluster map[string]cluster `toml:"cluster"`
}

type common struct {
	Source string `toml:"source"`
}

type board struct {
	common
	Memory  units.Size     `toml:"memory"`
	Fanless bool           `toml:"fanless"`
	Share   units.Fraction `toml:"share"`
	Weights [3]float32     `toml:"weights"`
	Count   uint8          `toml:"count"`
	When    time.Time      `toml:"when"`
	Runtime []runtime      `toml:"runtime"`
	Options map[string]any `toml:"options"`
	Plain   string
	hidden  int
}

func TestReadsEverything(t *testing.T) {
	var b board
	require.NoError(t, strict.Decode("b.toml", []byte("\uFEFF"+`
source = "data sheet"
memory = "8 GiB"
fanless = true
share = 0.25
weights = [1, 2.5, 3]
count = 255
when = 2025-03-31T12:00:00Z
plain = "matched by name"
options.depth = 3
options.beam = { width = 2 }
[[runtime]]
name = "ncnn"
cluster.a57 = { cores = 4, rate = "20 GFLOP/s", clocks = [], idle = "100 mW" }
[runtime.cluster.gpu]
rate = "665 GFLOPS"
[[runtime]]
name = "tensorrt"
`), &b))
	require.Equal(t, "data sheet", b.Source)
	require.Equal(t, units.Size(8<<30), b.Memory)
	require.True(t, b.Fanless)
	require.Equal(t, units.Fraction(0.25), b.Share)
	require.Equal(t, [3]float32{1, 2.5, 3}, b.Weights)
	require.Equal(t, uint8(255), b.Count)
	require.Equal(t, 2025, b.When.Year())
	require.Equal(t, "matched by name", b.Plain)
	require.Equal(t, map[string]any{"depth": int64(3), "beam": map[string]any{"width": int64(2)}}, b.Options)
	require.Len(t, b.Runtime, 2)
	require.Equal(t, 4, b.Runtime[0].Cluster["a57"].Cores)
	require.Equal(t, units.Power(0.1), *b.Runtime[0].Cluster["a57"].Idle)
	require.Nil(t, b.Runtime[0].Cluster["a57"].Limit)
	require.Equal(t, units.Compute(665e9), b.Runtime[0].Cluster["gpu"].Rate)
	require.Zero(t, b.hidden)
}

func TestDefaultsSurvive(t *testing.T) {
	b := board{Memory: 5, Weights: [3]float32{1, 1, 1}}
	require.NoError(t, strict.Decode("b.toml", []byte(`fanless = true`), &b))
	require.Equal(t, board{Memory: 5, Weights: [3]float32{1, 1, 1}, Fanless: true}, b)
}

func TestMessages(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"syntax", "memory = \"8 GiB\"\nfanless = = true", "b.toml:2: is not valid TOML: expected value but found '=' instead"},
		{"duplicate", "fanless = true\nfanless = true", "b.toml:2: is not valid TOML: Key 'fanless' has already been defined."},
		{"unknown key", "\nmemry = \"8 GiB\"", `b.toml:2: memry: unknown key (did you mean "memory"?)`},
		{
			"unknown key, none near", "[[runtime]]\nclock_divider = 1",
			"b.toml:2: runtime[0].clock_divider: unknown key; known here: cluster, name",
		},
		{"wrong case", "Memory = \"8 GiB\"", `b.toml:1: Memory: unknown key (did you mean "memory"?)`},
		{"twice in case", "PLAIN = \"a\"\nplain = \"b\"", "b.toml:2: plain: is given twice, in different case; write plain once"},
		{"no unit", "memory = 8", `b.toml:1: memory: "8" needs a unit, e.g. "8 GiB"`},
		{"no unit, float", "memory = 8.5", `b.toml:1: memory: "8.5" needs a unit, e.g. "8 GiB"`},
		{"unit type, table", "[memory]\nsize = 5", `b.toml:1: memory: is a table; write a text such as "8 GiB"`},
		{"unit type, bool", "memory = true", `b.toml:1: memory: is true; write a text such as "8 GiB"`},
		{"bool", "fanless = \"yes\"", `b.toml:1: fanless: is the text "yes"; write true or false`},
		{"text", "source = 5", "b.toml:1: source: is 5; write a text in quotes"},
		{"integer", "count = 2.5", "b.toml:1: count: is 2.5; write a whole number"},
		{"integer range", "count = 256", "b.toml:1: count: is 256, out of range; write a whole number of at most 8 bits"},
		{"negative", "count = -1", "b.toml:1: count: is -1; write a whole number, zero or more"},
		{"array length", "weights = [1, 2]", "b.toml:1: weights: has 2 elements; write 3"},
		{"array element", "weights = [1,\n\n2, \"x\"]", "b.toml:3: weights[2]: is the text \"x\"; write a number"},
		{"not finite", "weights = [1, nan,\n-inf]", "b.toml:1: weights[1]: is NaN; write a finite number\nb.toml:2: weights[2]: is -Inf; write a finite number"},
		{"float range", "weights = [1, 1, 1e300]", "b.toml:1: weights[2]: is 1e+300, out of range; write a smaller number"},
		{"array of tables", "runtime = 5", "b.toml:1: runtime: is 5; write an array of tables, each under [[…]]"},
		{"table, not array", "[runtime]\nname = \"x\"", "b.toml:1: runtime: is a table; write an array of tables, each under [[…]]"},
		{"table", "options = []", "b.toml:1: options: is an array; write a table"},
		{"array, not table", "[[options]]", "b.toml:1: options: is an array of tables; write a table"},
		{"date", "when = \"today\"", "b.toml:1: when: is the text \"today\"; write a date and time, e.g. 2025-03-31T12:00:00Z"},
		{"not a date", "source = 2025-03-31", "b.toml:1: source: is a date; write a text in quotes"},
		{
			"missing", "[[runtime]]\n[[runtime]]\n[runtime.cluster.gpu]\ncores = 1",
			`b.toml:3: runtime[1].cluster.gpu.rate: is missing; write a text such as "222 GFLOP/s"`,
		},
		{
			"quoted key", "[[runtime]]\ncluster.\"big one\" = {rate = \"1 GFLOP/s\",\n cores = \"8\"}",
			"b.toml:3: runtime[0].cluster.\"big one\".cores: is the text \"8\"; write a whole number",
		},
		{"empty", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := strict.Decode("b.toml", []byte(c.text), new(board))
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, c.want)
		})
	}
}

func TestAllFaultsAtOnceInOrder(t *testing.T) {
	err := strict.Decode("boards/x.toml", []byte(`memory = "-8 GiB"
fanles = true

[[runtime]]
[runtime.cluster.gpu] # the line of a missing key
cores = "many"

[[runtime]]
name = 3
cluster.cpu = { rate = 20, coers = 4 }
`), new(board))
	require.EqualError(t, err, strings.Join([]string{
		`boards/x.toml:1: memory: "-8 GiB" is negative; a size is zero or more, e.g. "8 GiB"`,
		`boards/x.toml:2: fanles: unknown key (did you mean "fanless"?)`,
		`boards/x.toml:5: runtime[0].cluster.gpu.rate: is missing; write a text such as "222 GFLOP/s"`,
		`boards/x.toml:6: runtime[0].cluster.gpu.cores: is the text "many"; write a whole number`,
		`boards/x.toml:9: runtime[1].name: is 3; write a text in quotes`,
		`boards/x.toml:10: runtime[1].cluster.cpu.coers: unknown key (did you mean "cores"?)`,
		`boards/x.toml:10: runtime[1].cluster.cpu.rate: "20" needs a unit, e.g. "222 GFLOP/s"`,
	}, "\n"))
	var faults *strict.Error
	require.ErrorAs(t, err, &faults)
	require.Equal(t, strict.Fault{
		File: "boards/x.toml", Line: 2, Key: "fanles", Message: `unknown key (did you mean "fanless"?)`,
	}, faults.Faults[1])
}

func TestSemanticFaults(t *testing.T) {
	var b board
	p, err := strict.Parse("b.toml", []byte(`
memory = "8"
[[runtime]]
name = "x"
[runtime.cluster.gpu]
rate = "1 GFLOP/s"
`), &b)
	require.Error(t, err)
	p.Faultf("memory", "must be positive, got %v", b.Memory) // a consequence: dropped
	p.Faultf("memory.inner", "is a consequence as well")
	p.Faultf("runtime[0].cluster.gpu.rate", "must be at least 2 GFLOP/s, got %v", b.Runtime[0].Cluster["gpu"].Rate)
	view := p.Under("runtime[0]").Under("cluster")
	view.Faultf("gpu.cores", "is missing; write how many")
	view.Faultf("gpu.cores", "is missing; write how many") // said before
	view.Faultf("", "needs a cpu")
	p.Faultf("", "the file needs a source")
	require.EqualError(t, p.Err(), strings.Join([]string{
		`b.toml: the file needs a source`,
		`b.toml:2: memory: "8" needs a unit, e.g. "8 GiB"`,
		`b.toml:5: runtime[0].cluster: needs a cpu`,
		`b.toml:5: runtime[0].cluster.gpu.cores: is missing; write how many`,
		`b.toml:6: runtime[0].cluster.gpu.rate: must be at least 2 GFLOP/s, got 1 GFLOP/s`,
	}, "\n"))
	require.True(t, view.Has("gpu"))
	require.False(t, view.Has("gpu.cores"))
	require.Equal(t, 6, view.Line("gpu.rate"))
	require.Equal(t, 5, view.Line("gpu.cores"))
	require.Zero(t, p.Line("nowhere"))
}

func TestNoSemanticFaultsAfterASyntaxError(t *testing.T) {
	p, err := strict.Parse("b.toml", []byte("["), new(board))
	require.Error(t, err)
	p.Faultf("memory", "must be positive")
	p.DecodeAt("options", new(board))
	require.Equal(t, err, p.Err())
}

func TestProblemsWithoutAFile(t *testing.T) {
	p := strict.NewProblems("plan.json")
	require.NoError(t, p.Err())
	p.Faultf(strict.Key(strict.Index("ops", 3), "node name"), "unknown node%s", strict.Suggest("tx3", []string{"tx2"}))
	require.EqualError(t, p.Err(), `plan.json: ops[3]."node name": unknown node (did you mean "tx2"?)`)
}

func TestDecodeAt(t *testing.T) {
	type options struct {
		Depth int           `toml:"depth,required"`
		Beam  []units.Power `toml:"beam"`
	}
	var b board
	p, err := strict.Parse("b.toml", []byte("fanless = true\n[options]\ndepth = 3\nbeam = [\"1 W\",\n 2]\nbem = 1"), &b)
	require.NoError(t, err)
	var o options
	p.DecodeAt("options", &o)
	require.Equal(t, 3, o.Depth)
	p.DecodeAt("options.beam[0]", new(units.Power))
	p.DecodeAt("absent", &o)
	require.EqualError(t, p.Err(), strings.Join([]string{
		`b.toml: absent.depth: is missing; write a whole number`,
		`b.toml:5: options.beam[1]: "2" needs a unit, e.g. "15 W"`,
		`b.toml:6: options.bem: unknown key (did you mean "beam"?)`,
	}, "\n"))
}

func TestFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "b.toml")
	require.NoError(t, os.WriteFile(path, []byte("memory = 1"), 0o600))
	require.ErrorContains(t, strict.File(path, new(board)), path+":1: memory: ")

	err := strict.File(filepath.Join(dir, "absent.toml"), new(board))
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.EqualError(t, err, filepath.Join(dir, "absent.toml")+": cannot be read: no such file or directory")
	var e *strict.Error
	require.True(t, errors.As(err, &e))
}

func TestOwnMistakesPanic(t *testing.T) {
	for name, v := range map[string]any{
		"not a pointer":  board{},
		"nil":            (*board)(nil),
		"bare duration":  &struct{ A time.Duration }{},
		"channel":        &struct{ A chan int }{},
		"full interface": &struct{ A error }{},
		"integer keys":   &struct{ A map[int]int }{},
	} {
		require.Panics(t, func() { _ = strict.Decode("x", []byte("a = 1"), v) }, name)
	}
}

func TestAValueMayStandAlone(t *testing.T) {
	var v struct {
		Rate struct {
			Value  int `toml:"value,required,alone"`
			Source string
		}
	}
	require.NoError(t, strict.Decode("f.toml", []byte("rate = 3"), &v))
	require.Equal(t, 3, v.Rate.Value)
	require.NoError(t, strict.Decode("f.toml", []byte(`rate = { value = 4, source = "s" }`), &v))
	require.Equal(t, 4, v.Rate.Value)
	require.ErrorContains(t, strict.Decode("f.toml", []byte(`rate = "x"`), &v), "f.toml:1: rate: ")
}
