// Package architecture holds the project's structure to its one direction: a test, no code.
package architecture

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// order lists the folders from top to bottom: a folder may import itself and what stands below it.
var order = []string{"cmd", "experiments", "results", "testbed", "sim", "strategies", "devices", "workloads", "internal"}

// forbidden are edges that are refused although they go down, each with its reason.
var forbidden = []struct{ from, to, why string }{
	{"sim/engine", "", "the event engine knows nothing of networks and boards, so that it can be tested and replaced alone"},
	{"sim/flow", "", "the flow network is a pure data structure"},
	{"sim/node", "sim/engine", "the node state machine has no clock: the agent on a board drives the same one"},
	{"sim/node", "sim/flow", "the node state machine does no I/O: the agent on a board drives the same one"},
	{"results", "sim/engine", "results are pure functions of records"},
	{"strategies/plan", "strategies", "plans know no method, so that executors need not either"},
	{"sim", "strategies", "executors see plans, not methods"},
	{"testbed", "strategies", "executors see plans, not methods"},
	{"internal", "", "internal packages are the ground: they import nothing of ours but each other"},
}

type edge struct{ from, to, file string }

// fault explains what is wrong with an import edge between two folders of the module, or returns "".
func fault(from, to string) string {
	for _, f := range forbidden {
		if !under(from, f.from) || (f.to != "" && !under(to, f.to)) {
			continue
		}
		if f.to == "" && (under(to, f.from) || under(to, "internal")) || f.to == "strategies" && under(to, "strategies/plan") {
			continue
		}
		return f.why
	}
	a, b := level(from), level(to)
	switch {
	case a < 0:
		return "folder " + from + " has no place in the order"
	case b < 0:
		return "folder " + to + " has no place in the order"
	case b < a:
		return "imports go down only: " + strings.Join(order, " > ")
	}
	return ""
}

func under(path, folder string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }

func level(path string) int {
	for i, folder := range order {
		if under(path, folder) {
			return i
		}
	}
	return -1
}

// edges parses the import clauses of every non-test Go file below root. It reads the files itself instead of asking the go
// command, so that the test cache sees what it depends on.
func edges(t *testing.T, root string) []edge {
	var out []edge
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && strings.HasPrefix(d.Name(), ".") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			target, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if to, ours := strings.CutPrefix(target, "hidp/"); ours {
				out = append(out, edge{filepath.ToSlash(filepath.Dir(rel)), to, rel})
			}
		}
		return nil
	})
	require.NoError(t, err)
	return out
}

func TestImportsGoDown(t *testing.T) {
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	_, err = os.Stat(filepath.Join(root, "go.mod"))
	require.NoError(t, err, "the test must stand two folders below go.mod")
	all := edges(t, root)
	require.Greater(t, len(all), 40, "too few imports found: the walk is broken and the test would pass vacuously")
	seen := map[string]bool{}
	for _, e := range all {
		seen[strings.SplitN(e.from, "/", 2)[0]] = true
		if why := fault(e.from, e.to); why != "" {
			t.Errorf("%s imports hidp/%s: %s", e.file, e.to, why)
		}
	}
	for _, folder := range []string{"cmd", "experiments", "results", "sim", "strategies", "devices", "workloads"} {
		require.True(t, seen[folder], "no import from folder %s was seen", folder)
	}
}

// Negative controls: the rule must refuse these edges, or it checks nothing.
func TestRuleRefuses(t *testing.T) {
	for _, e := range [][2]string{
		{"devices", "sim"}, {"devices", "sim/engine"}, {"strategies/hidp", "sim"}, {"workloads", "devices"}, {"sim/engine", "workloads"},
		{"sim/flow", "devices"}, {"sim/node", "sim/engine"}, {"results", "experiments"}, {"internal/units", "workloads"}, {"sim", "results"},
		{"elsewhere", "sim"}, {"sim", "elsewhere"}, {"sim", "strategies"}, {"testbed/host", "strategies/hidp"}, {"strategies/plan", "strategies/split"},
	} {
		require.NotEmpty(t, fault(e[0], e[1]), "%s → %s must be refused", e[0], e[1])
	}
	for _, e := range [][2]string{
		{"sim", "sim/engine"}, {"cmd/hidp", "sim"}, {"strategies/hidp", "strategies"}, {"sim/node", "strategies/plan"}, {"devices", "internal/units"}, {"internal/strict", "internal/units"},
	} {
		require.Empty(t, fault(e[0], e[1]), "%s → %s must be allowed", e[0], e[1])
	}
}
