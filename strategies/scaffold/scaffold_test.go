package scaffold

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is written compiles, conforms, and is in the catalog after the one line and its import that the user is told of. The files are
// laid over the source code, which stays as it is.
func TestTheTemplateConformsInTheCatalog(t *testing.T) {
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	dir, name := t.TempDir(), "zz-fresh-idea"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module hidp\n"), 0o644))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "strategies"), 0o755))
	pkg, err := Write(dir, name)
	require.NoError(t, err)
	require.Equal(t, "zzfreshidea", pkg)

	overlay := map[string]string{}
	files, err := Files(name)
	require.NoError(t, err)
	require.Len(t, files, 2)
	for path := range files {
		overlay[filepath.Join(root, path)] = filepath.Join(dir, path)
	}
	table := filepath.Join(root, "strategies", "catalog", "catalog.go")
	data, err := os.ReadFile(table)
	require.NoError(t, err)
	const import1, line1 = "\t\"hidp/strategies/single\"\n", "\t\tsingle.Entries(),\n"
	require.Contains(t, string(data), import1)
	require.Contains(t, string(data), line1)
	changed := strings.Replace(string(data), import1, import1+"\t"+Import(pkg)+"\n", 1)
	changed = strings.Replace(changed, line1, line1+"\t\t"+Line(pkg)+"\n", 1)
	overlay[table] = filepath.Join(dir, "catalog.go")
	require.NoError(t, os.WriteFile(overlay[table], []byte(changed), 0o644))

	replace, err := json.Marshal(map[string]any{"Replace": overlay})
	require.NoError(t, err)
	list := filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(list, replace, 0o644))
	for folder, run := range map[string]string{pkg: "TestConformance", "catalog": "TestEveryStrategyConforms/" + name} {
		tests := filepath.Join(dir, folder+".test")
		build := exec.Command("go", "test", "-c", "-vet=off", "-overlay", list, "-o", tests, "./strategies/"+folder)
		build.Dir = root
		out, err := build.CombinedOutput()
		require.NoError(t, err, "%s", out)
		test := exec.Command(tests, "-test.v", "-test.run", run)
		test.Dir = dir
		out, err = test.CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Contains(t, string(out), "--- PASS: "+run+"/defaults")
	}
}

func TestNames(t *testing.T) {
	for name, pkg := range map[string]string{"a": "a", "my-idea": "myidea", "x2-y": "x2y"} {
		got, err := Package(name)
		require.NoError(t, err)
		require.Equal(t, pkg, got)
	}
	for _, name := range []string{"", "A", "2x", "a--b", "a-", "a/b", "../x", "hidp", "range", "exec:x", strings.Repeat("a", 31)} {
		_, err := Package(name)
		require.ErrorContains(t, err, "strategy name", name)
	}
}

// A folder that is there, or one that is no source code, is left alone.
func TestNothingIsTouched(t *testing.T) {
	dir := t.TempDir()
	_, err := Write(dir, "my-idea")
	require.ErrorContains(t, err, "go.mod")
	require.NoDirExists(t, filepath.Join(dir, "strategies"))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module hidp\n"), 0o644))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "strategies", "plan"), 0o755))
	_, err = Write(dir, "plan")
	require.ErrorContains(t, err, "is there already")
	entries, err := os.ReadDir(filepath.Join(dir, "strategies", "plan"))
	require.NoError(t, err)
	require.Empty(t, entries)
}
