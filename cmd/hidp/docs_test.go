package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"hidp/internal/parts"
	"hidp/testbed/controller"
	"hidp/testbed/emulate"
	"hidp/testbed/inference"
	"hidp/testbed/wire"
)

// Every command in a ```sh block of README.md and docs/ is run: those of hidp in a fresh folder, one script per page; targets of
// make must exist; go test must name packages that exist. Anything else in such a block fails the test, so that no command goes
// untried. Blocks that need hardware or the network are fenced as ```console and say so in the text.
func TestDocumentedCommands(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	require.NoError(t, err)
	pages = append(pages, "../../README.md")
	dir, total := t.TempDir(), 0
	for _, page := range pages {
		script, n := scriptOf(t, page)
		total += n
		if script != "" {
			name := strings.TrimSuffix(filepath.Base(page), ".md") + ".txtar"
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(script), 0o644))
		}
	}
	require.Greater(t, total, 10, "too few commands found in the docs: the search is broken and the test would pass vacuously")
	library, err := inference.FindLibrary("", "../..")
	there := parts.Have(t, parts.ONNXRuntime, err)
	speaking := interpreters(t)
	commands := map[string]func(*testscript.TestScript, bool, []string){"replay": replayInScript}
	testscript.Run(t, testscript.Params{Dir: dir, Cmds: commands, Setup: func(env *testscript.Env) error {
		env.Setenv("HOME", env.WorkDir)
		env.Setenv(inference.EnvLibrary, library)
		env.Defer(func() {
			takeDown(t, filepath.Join(env.WorkDir, testbedDir))
			requireIgnored(t, env.WorkDir)
		})
		return copyExamples(env.WorkDir)
	}, Condition: func(name string) (bool, error) {
		if name == "ort" {
			return there, nil
		}
		return speaking(name)
	}})
}

// replayInScript runs hidp replay until a run is valid, as replayUntilValid does.
func replayInScript(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("replay cannot be expected to fail")
	}
	if _, err := replayUntilValid(ts.Logf, func() (stdout, stderr string, err error) {
		err = ts.Exec("hidp", append([]string{"replay"}, args...)...)
		return ts.ReadFile("stdout"), ts.ReadFile("stderr"), err
	}); err != nil {
		ts.Fatalf("%v", err)
	}
}

// requireIgnored holds the commands of a page to places that git ignores: else a build after them would be of a changed tree.
func requireIgnored(t *testing.T, dir string) {
	ignored, err := os.ReadFile("../../.gitignore")
	require.NoError(t, err)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		if name := e.Name(); name != "experiments" && name != "strategies" && name != "go.mod" && name != ".tmp" && !strings.Contains("\n"+string(ignored), "\n/"+name+"/\n") &&
			!strings.Contains("\n"+string(ignored), "\n"+name+"/\n") {
			t.Errorf("the commands of a page leave %s, which git does not ignore: write to out/", name)
		}
	}
}

// takeDown ends the testbed of a page that failed in its middle.
func takeDown(t *testing.T, dir string) {
	var none *emulate.NoTestbedError
	if err := emulate.Down(context.Background(), dir, true); err != nil && !errors.As(err, &none) {
		t.Error(err)
	}
}

// copyExamples puts the files that the docs refer to where the docs say they are.
func copyExamples(dir string) error {
	for _, folder := range []string{"scenarios", "sweeps", "calibration"} {
		if err := os.CopyFS(filepath.Join(dir, "experiments", folder), os.DirFS(filepath.Join("../../experiments", folder))); err != nil {
			return err
		}
	}
	examples := filepath.Join("strategies", "external", "examples")
	if err := os.CopyFS(filepath.Join(dir, examples), os.DirFS(filepath.Join("../..", examples))); err != nil {
		return err
	}
	module, err := os.ReadFile("../../go.mod") // of which strategies are a part
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "go.mod"), module, 0o644)
	}
	if err != nil {
		return err
	}
	city, err := os.ReadFile("../../experiments/fleet/city.toml")
	if err != nil {
		return err
	}
	fleets := filepath.Join(dir, "experiments", "fleet")
	return errors.Join(os.MkdirAll(fleets, 0o755), os.WriteFile(filepath.Join(fleets, "city.toml"), city, 0o644))
}

// scriptOf turns the commands of a page into a test script and counts them.
func scriptOf(t *testing.T, page string) (string, int) {
	data, err := os.ReadFile(page)
	require.NoError(t, err)
	var script strings.Builder
	inside, n := false, 0
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		switch {
		case strings.HasPrefix(line, "```"):
			inside = line == "```sh"
			continue
		case !inside || line == "" || strings.HasPrefix(line, "#"):
			continue
		}
		n++
		line, _, _ = strings.Cut(line, "  #")
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word {
		case "hidp":
			command, to, redirected := strings.Cut(line, " > ")
			if strings.HasPrefix(rest, "replay ") {
				fmt.Fprintf(&script, "%s\n", rest)
				continue
			}
			fmt.Fprintf(&script, "exec %s\n", command)
			if redirected {
				fmt.Fprintf(&script, "cp stdout %s\n", to)
			}
		case "cp":
			fmt.Fprintf(&script, "%s\n", line)
		case "mkdir":
			fmt.Fprintf(&script, "mkdir %s\n", strings.TrimPrefix(rest, "-p "))
		case "make":
			requireTarget(t, page, rest)
		case "go":
			requirePackages(t, page, rest)
		default:
			t.Errorf("%s: the docs test cannot try %q", page, line)
		}
	}
	if strings.Contains(script.String(), "'exec:") {
		return "[!interpreters] skip 'no python3 or perl'\n" + script.String(), n
	}
	if strings.Contains(script.String(), "exec hidp testbed up") {
		return "[!ort] skip 'no ONNX Runtime: run make ort'\n" + script.String(), n
	}
	return script.String(), n
}

func requireTarget(t *testing.T, page, rest string) {
	makefile, err := os.ReadFile("../../Makefile")
	require.NoError(t, err)
	for _, word := range strings.Fields(rest) {
		if !strings.Contains(word, "=") {
			require.Contains(t, string(makefile), "\n"+word+":", "%s names make %s", page, word)
		}
	}
}

func requirePackages(t *testing.T, page, rest string) {
	for _, word := range strings.Fields(rest) {
		if path, ok := strings.CutPrefix(word, "./"); ok {
			path = strings.TrimSuffix(path, "/...")
			_, err := os.Stat(filepath.Join("../..", path))
			require.NoError(t, err, "%s names package %s", page, word)
		}
	}
}

// The files that docs/testbed.md shows are ones that the program reads.
func TestDocumentedTestbedFiles(t *testing.T) {
	data, err := os.ReadFile("../../docs/testbed.md")
	require.NoError(t, err)
	var blocks []string
	for _, part := range strings.Split(string(data), "```toml\n")[1:] {
		block, _, _ := strings.Cut(part, "```")
		blocks = append(blocks, block)
	}
	require.Len(t, blocks, 2)
	_, err = emulate.ParseSpec("docs/testbed.md", []byte(blocks[0]))
	require.NoError(t, err)
	dir := t.TempDir()
	authority, err := wire.OpenAuthority(filepath.Join(dir, "certificates"))
	require.NoError(t, err)
	require.NoError(t, authority.Issue(controller.Name))
	_, err = controller.ParseRoster("docs/testbed.md", []byte(blocks[1]), dir)
	require.NoError(t, err)
}
