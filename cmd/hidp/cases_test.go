package main

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Small files of users run on emulated boards, or are refused for the right reason. Boards stay up from one to the next: what one file
// does to an agent must not reach the others.
func TestUsersFilesOnEmulatedBoards(t *testing.T) {
	b := newBench(t, "emulated-4")
	layers := "modnn --option sync=layer --option weights=equal"
	for _, c := range []struct {
		file, strategy string
		status         int
		says           string // on stdout where it goes well, else on stderr
	}{
		{"qdq.onnx", layers, 0, "int8"},
		{"half.onnx", layers, 0, "float16"},
		{"split_unused.onnx", "modnn", 1, "crashed (SIGSEGV) in the first run of op "}, // a fault of ONNX Runtime 1.27
		{"split_unused.onnx", "modnn", 1, "the agent has been started again"},
		{"qdq.onnx", "single-best", 0, "is right"},
	} {
		file, err := filepath.Abs(filepath.Join("testdata", "cases", c.file))
		require.NoError(t, err)
		b.must(append([]string{"plan", "--model", file, "--platform", "emulated-4", "-o", "plan.json", "--strategy"}, strings.Fields(c.strategy)...)...)
		cmd := b.command("replay", "plan.json", "--tolerance", "1h")
		var said strings.Builder
		cmd.Stderr = &said
		out, err := cmd.Output()
		var exit *exec.ExitError
		require.True(t, err == nil || errors.As(err, &exit), "%v", err)
		require.Equal(t, c.status, cmd.ProcessState.ExitCode(), "%s: %s%s", c.file, out, &said)
		if c.status == 0 {
			require.Contains(t, string(out), "right", c.file)
			require.Contains(t, string(out), c.says, c.file)
		} else {
			require.Contains(t, said.String(), c.says, c.file)
		}
	}
	require.Contains(t, b.must("testbed", "status", "--json"), `"healthy": true`)
}
