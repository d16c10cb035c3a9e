package architecture

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// skipsOfCases are the files in which a drawn case is skipped, not a test: the generator or the fuzzer draws another one.
var skipsOfCases = []string{
	"experiments/scenario_test.go",
	"sim/flow/property_test.go",
	"workloads/onnx/export_test.go",
}

// skips returns the calls of Skip, Skipf and SkipNow in a Go file.
func skips(t *testing.T, name string, source any) (lines []int) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, source, parser.SkipObjectResolution)
	require.NoError(t, err)
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if f, ok := call.Fun.(*ast.SelectorExpr); ok && slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, f.Sel.Name) {
			lines = append(lines, set.Position(call.Pos()).Line)
		}
		return true
	})
	return lines
}

// A test skips through internal/parts only, so that REQUIRE turns skips for missing parts into failures and every other reason is stated.
func TestSkipsGoThroughParts(t *testing.T) {
	const root = "../.."
	files, cases := 0, map[string]bool{}
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := filepath.ToSlash(strings.TrimPrefix(path, root+string(filepath.Separator)))
		if d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || rel == "internal/parts") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		files++
		for _, line := range skips(t, path, nil) {
			cases[rel] = true
			if !slices.Contains(skipsOfCases, rel) {
				t.Errorf("%s:%d: a test skips by itself: say why with hidp/internal/parts", rel, line)
			}
		}
		return nil
	}))
	require.Greater(t, files, 100, "too few files found: the walk is broken and the test would pass vacuously")
	for _, name := range skipsOfCases {
		require.True(t, cases[name], "%s skips nothing: take it off the list", name)
	}
}

// Only tests may import internal/parts: the package imports testing.
func TestOnlyTestsSkip(t *testing.T) {
	for _, e := range edges(t, "../..") {
		require.NotEqual(t, "internal/parts", e.to, e.file)
	}
}

// Negative control: each way to skip is found.
func TestSkipsAreFound(t *testing.T) {
	const text = `package p
func f(t *testing.T) {
	t.Skip("a")
	if testing.Short() { t.Skipf("b %d", 1) }
	func() { t.SkipNow() }()
	parts.Need(t, parts.Slurm, nil)
	t.Log("Skip")
}`
	require.Equal(t, []int{3, 4, 5}, skips(t, "p.go", text))
}
