package main

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/internal/parts"
)

// Small files of users run on emulated boards, or are refused for the right reason. Boards stay up from one to the next: what
// one file does to an agent must not reach the others.
func TestUsersFilesOnEmulatedBoards(t *testing.T) {
	b := newBench(t, "emulated-4")
	const strips, gathered = "modnn --option sync=once --option weights=equal", "modnn --option sync=layer --option weights=equal"
	type userCase struct {
		file, strategy string
		status         int
		says           string // on stdout where it goes well, else on stderr
	}
	cases := []userCase{
		{"testdata/cases/split_unused.onnx", "modnn", 1, "crashed (SIGSEGV) in the first run of op "}, // a fault of ONNX Runtime 1.27
		{"testdata/cases/split_unused.onnx", "modnn", 1, "the agent has been started again"},
		{files + "qdq.onnx", gathered, 0, "int8"},
		{files + "half.onnx", gathered, 0, "float16"},
	}
	for _, file := range []string{"pad_avgceil", "pad_ceilmax", "ct_same_upper_k2s3"} { // ONNX Runtime 1.27 does not follow the specification
		for _, strategy := range []string{gathered, "hidp"} {
			cases = append(cases, userCase{"../../workloads/onnx/testdata/shapes/" + file + ".onnx", strategy, 1, "the engine and the specification disagree"})
		}
	}
	for _, pattern := range []string{files + "*.onnx", "../../workloads/onnx/testdata/runs/*.onnx"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.Greater(t, len(found), 15, pattern)
		for _, file := range found {
			if why := refused[filepath.Base(file)]; why != "" {
				file, err := filepath.Abs(file)
				require.NoError(t, err)
				plan := b.command("plan", "--model", file, "--platform", "emulated-4")
				said, err := plan.CombinedOutput()
				require.Error(t, err)
				require.Equal(t, 2, plan.ProcessState.ExitCode())
				require.Contains(t, string(said), why)
				continue
			}
			for _, strategy := range []string{strips, "hidp"} {
				cases = append(cases, userCase{file, strategy, 0, "is right"})
			}
		}
	}
	for _, name := range []string{"lines/mlsd_320x320_large", "lines/mlsd_320x320_tiny", "lines/mlsd_512x512_large", "lines/mlsd_512x512_tiny",
		"mel/melspectrogram", "mel/embedding_model"} {
		file := parts.File(t, parts.Models, "../../.cache/test-models/"+name+".onnx")
		for _, strategy := range []string{"modnn", "hidp"} {
			cases = append(cases, userCase{file, strategy, 0, "is right"})
		}
	}
	for _, c := range cases {
		file, err := filepath.Abs(c.file)
		require.NoError(t, err)
		args := append([]string{"plan", "--model", file, "--platform", "emulated-4", "-o", "plan.json", "--strategy"}, strings.Fields(c.strategy)...)
		b.must(append(args, inputOf[filepath.Base(file)]...)...)
		cmd := b.command(append([]string{"replay", "plan.json", "--tolerance", "1h"}, inputOf[filepath.Base(file)]...)...)
		var said strings.Builder
		cmd.Stderr = &said
		out, err := cmd.Output()
		var exit *exec.ExitError
		require.True(t, err == nil || errors.As(err, &exit), "%v", err)
		require.Equal(t, c.status, cmd.ProcessState.ExitCode(), "%s under %s: %s%s", c.file, c.strategy, out, &said)
		if c.status == 0 {
			require.Contains(t, string(out), "right", c.file)
			require.Contains(t, string(out), c.says, c.file)
		} else {
			require.Contains(t, said.String(), c.says, c.file)
		}
	}
	require.Contains(t, b.must("testbed", "status", "--json"), `"healthy": true`)
}

// files is where small networks lie whose tensors have several readers, layouts and ends.
const files = "../../testbed/submodel/testdata/"

// refused are the files that cannot be planned, with the reason.
var refused = map[string]string{"batch8.onnx": "a batch of 8 is built into the shape"}

// inputOf says which of several inputs is the data, or how large an open one is.
var inputOf = map[string][]string{
	"siamese.onnx":        {"--input", "x=1x3x12x12"},
	"melspectrogram.onnx": {"--input", "input=1x12640"},
}
