package catalog

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/strategies"
)

func TestTable(t *testing.T) {
	require.Equal(t, []string{"hidp", "hidp-global", "hidp-local", "modnn", "disnet", "omniboost", "single-gpu", "single-cpu",
		"single-best", "opt-chain"}, Names())
	for _, name := range Names() {
		s, err := New(name, nil)
		require.NoError(t, err)
		require.NotNil(t, s)
	}
}

func TestUnknownNamesAndOptions(t *testing.T) {
	_, err := New("omniboots", nil)
	require.ErrorContains(t, err, `no strategy "omniboots" (did you mean "omniboost"?); known are hidp, `)
	_, err = New("modnn", strategies.Options{"sync": "never", "fc": "-1"})
	require.ErrorAs(t, err, new(*strategies.OptionError))
	require.ErrorContains(t, err, "one of layer, block, once")
	require.ErrorContains(t, err, "option fc")
}

// What a strategy knows comes from its belief: no package below strategies may reach the simulator or what is built on it.
func TestStrategiesDoNotSeeTheSimulator(t *testing.T) {
	files := 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		files++
		for _, spec := range parsed.Imports {
			top, _, _ := strings.Cut(strings.TrimPrefix(strings.Trim(spec.Path.Value, `"`), "hidp/"), "/")
			require.False(t, slices.Contains([]string{"sim", "testbed", "results", "experiments", "cmd"}, top),
				"%s imports %s: a strategy that sees the truth is no longer a planner", path, spec.Path.Value)
		}
		return nil
	})
	require.NoError(t, err)
	require.Greater(t, files, 25, "the walk must see the packages")
}
