package strict

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestHostileFilesAreRefused(t *testing.T) {
	many := func(s string, n int) string { return strings.Repeat(s, n) }
	for _, c := range []struct{ name, text, want string }{
		{"deep array", "\na = " + many("[", 1e6), "x.toml:2: has more than 64 brackets inside one another"},
		{"deep table", "a = " + many("{a=", 1e6), "x.toml:1: has more than 64 brackets inside one another"},
		{"hidden depth", "a = " + many(`[ "]", `, 1000), "x.toml:1: has more than 64 brackets inside one another"},
		{"long key", "\n\n" + many("a", 1e6) + " = 1", "x.toml:3: has a key of more than 512 bytes"},
		{"long quoted key", `"` + many("a", 1e6) + `" = 1`, "x.toml:1: has a key of more than 512 bytes"},
		{"long header", "[" + many("a", 1e6) + "]", "x.toml:1: has a key of more than 512 bytes"},
		{"many parts", many("a.", 1e5) + "a = 1", "x.toml:1: has a key of more than 32 parts"},
		{"large file", many("#", maxBytes+1), "x.toml: is larger than 4 MiB; this is not a configuration file"},
		{"UTF-16", "\xff\xfea\x00", "x.toml:1: is not UTF-8 text; save the file in that encoding"},
		{"Latin-1", "# fine\uFFFD\n# caf\xe9", "x.toml:2: is not UTF-8 text; save the file in that encoding"},
		{"no text", "a = \x00", "x.toml:1: is not valid TOML: files cannot contain NULL bytes; probably using UTF-16; TOML files must be UTF-8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var v map[string]any
			require.EqualError(t, Decode("x.toml", []byte(c.text), &v), c.want)
		})
	}
}

func TestLongTextsAreNotKeys(t *testing.T) {
	long := strings.Repeat("a, [b] = c.d.", 1000)
	var v struct{ A, B, C, D string }
	require.NoError(t, Decode("x.toml", []byte(`# `+long+`
a = "`+long+`"
b = '`+long+`'
c = """`+long+"\n"+long+`"""
d = '''`+long+`'''`), &v))
	require.Equal(t, long, v.D)
}

func TestFaultsAreBounded(t *testing.T) {
	start := time.Now()
	err := Decode("x.toml", []byte(strings.Repeat("[[known]]\nknwon = 1\n", 50_000)), &struct{ Known []struct{ Known int } }{})
	var e *Error
	require.ErrorAs(t, err, &e)
	require.Len(t, e.Faults, MostKept)
	require.Contains(t, err.Error(), "\n… and 980 more")
	require.Less(t, time.Since(start), time.Minute, "no quadratic work")
}

func TestPathsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.String().Draw(t, "a"), rapid.String().Draw(t, "b")
		i := rapid.IntRange(0, 3).Draw(t, "i")
		path := Key(Index(Key("", a), i), b)
		require.Equal(t, Index(Key("", a), i), parent(path))
		require.Equal(t, Key("", a), parent(parent(path)))
		require.Empty(t, parent(Key("", a)))

		list := make([]any, i+1)
		list[i] = map[string]any{b: "found"}
		value, ok := lookup(map[string]any{a: list}, path)
		require.True(t, ok)
		require.Equal(t, "found", value)
	})
}

// Every value of a parsed file has its line, whatever mixture of tables, dotted
// keys, inline tables and arrays holds it.
func TestEveryValueHasItsLine(t *testing.T) {
	src := `a.b = 1 # [not.a.table]
"c d" = '''
x = 1
'''
e = [ # comment ]
  1, [2,
  3], { f = 4, "g" = [
  5 ] }, ]
[h.i]
j = "\"]"
[[k]]
[[k.l]]
m = 1979-05-27 07:32:00
[[k.l]]
[k.l.n]
o = 'x'
[[k]]
l = []
[k.p]
`
	var tree map[string]any
	p, err := Parse("x.toml", []byte(src), &tree)
	require.NoError(t, err)
	want := map[string]int{
		`a`: 1, `a.b`: 1, `"c d"`: 2, `e`: 5, `e[0]`: 6, `e[1]`: 6, `e[1][0]`: 6, `e[1][1]`: 7, `e[2]`: 7,
		`e[2].f`: 7, `e[2].g`: 7, `e[2].g[0]`: 8, `h`: 9, `h.i`: 9, `h.i.j`: 10, `k`: 11, `k[0]`: 11, `k[0].l`: 12,
		`k[0].l[0]`: 12, `k[0].l[0].m`: 13, `k[0].l[1]`: 14, `k[0].l[1].n`: 15, `k[0].l[1].n.o`: 16,
		`k[1]`: 17, `k[1].l`: 18, `k[1].p`: 19,
	}
	require.Equal(t, want, p.lines)
	requireLines(t, p, "", p.tree)
}

type tester interface {
	require.TestingT
	Helper()
}

// requireLines fails for a value of the tree that has no line of its own.
func requireLines(t tester, p *Problems, path string, value any) {
	t.Helper()
	if path != "" {
		require.Contains(t, p.lines, path)
	}
	switch x := value.(type) {
	case map[string]any:
		for key, inner := range x {
			requireLines(t, p, Key(path, key), inner)
		}
	case []map[string]any:
		for i, inner := range x {
			requireLines(t, p, Index(path, i), inner)
		}
	case []any:
		for i, inner := range x {
			requireLines(t, p, Index(path, i), inner)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"", "a = 1", "[a]\nb = \"2 ms\"", "[[a]]\nb.c = [1, {d = 2}]", "a = \"\"\"x\\\n\"\"\"\"\"", "\"a\\e\".b = '''''x'''''",
		"a = {b = 1, c = [1979-05-27T07:32:00Z, nan]}", "a = [[[[", "\xff\xfe", "[a]\n[a.b]\n[[a.c]]", "'' = 1", "a\r\n=1", "a.\"b.c\" . d = 0x1F",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		type inner struct {
			A, B string
			C    []float64
			D    map[string]int
		}
		var v struct {
			A any
			B inner
			C []inner `toml:"c,required"`
		}
		_ = Decode("x.toml", data, &v)

		var tree map[string]any
		p, err := Parse("x.toml", data, &tree)
		if err == nil && !strings.Contains(string(data), `\e`) {
			requireLines(t, p, "", p.tree)
		}
	})
}
