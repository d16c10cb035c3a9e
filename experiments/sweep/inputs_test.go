package sweep

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/workloads/onnx"
	"hidp/workloads/zoo"
)

const localPlatform = `
runtime = "tensorflow/fp32"
leader = "one"

[[node]]
name = "one"
board = "../boards/my-nano.toml"

[[node]]
name = "two"
board = "jetson-tx2"

[switch]
rate = { value = "500 Mbit/s", assumption = "made up" }
latency = { value = "1 ms", assumption = "made up" }
`

const localNetwork = `
name = "local"
input_bytes = "100 kB"
[[layer]]
name = "conv"
class = "conv3x3"
flops = 2e9
activation_bytes = "1 MB"
`

// needy is a sweep over a trace, a platform with a board of its own, and networks in files, all beside each other.
func needy(t *testing.T) (root, file string) {
	root = t.TempDir()
	nano, err := os.ReadFile("../../devices/boards/jetson-nano.toml")
	require.NoError(t, err)
	for name, text := range map[string]string{
		"sweeps/sweep.toml": "scenario = \"../scenarios/base.toml\"\n[[axis]]\nfield = \"platform\"\nvalues = [\"../platforms/my.toml\", \"board:jetson-nano\"]\n" +
			"[[axis]]\nfield = \"workload.batch\"\nvalues = [1, 2]\n",
		"scenarios/base.toml": strings.NewReplacer(`"poisson"`, `"trace"`, `rate = "20 /s"`, `file = "t.csv"`, `"squeezenet1_1"`, `"../nets/local.toml"`,
			"requests = 5", "").Replace(small),
		"scenarios/t.csv":      "time_s,model\n0,../nets/local.toml\n0.01,../nets/local.toml\n",
		"platforms/my.toml":    localPlatform,
		"boards/my-nano.toml":  string(nano),
		"boards/unneeded.toml": "",
		"nets/local.toml":      localNetwork,
	} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, filepath.Dir(name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(text), 0o644))
	}
	return root, filepath.Join(root, "sweeps", "sweep.toml")
}

// A sweep that has begun needs nothing but its folder, wherever that is moved.
func TestASweepKeepsWhatItNeeds(t *testing.T) {
	root, file := needy(t)
	s, err := Load(file)
	require.NoError(t, err)
	want, _ := merged(t, s, Options{})
	require.NotContains(t, want, "cannot")

	dir := filepath.Join(t.TempDir(), "out")
	m, err := Prepare(context.Background(), s, dir, Options{ShardSize: 1, Yes: true})
	require.NoError(t, err)
	require.Len(t, m.Inputs, 4)
	for name, in := range m.Inputs {
		require.NotEmpty(t, in.Copy, name)
	}
	require.NoError(t, ExecShard(context.Background(), dir, 0))
	require.NoError(t, os.RemoveAll(root))
	moved := filepath.Join(t.TempDir(), "elsewhere")
	require.NoError(t, os.Rename(dir, moved))
	require.NoError(t, ExecShard(context.Background(), moved, 1))
	s, err = LoadIn(filepath.Join(moved, sweepName), moved)
	require.NoError(t, err)
	_, err = Run(context.Background(), s, moved, Options{Resume: true})
	require.NoError(t, err)
	rows, _ := mergedFrom(t, moved)
	require.Equal(t, want, rows)
}

// While the files are there but are others, a sweep goes on with its copies.
func TestFilesThatChangeDoNotChangeASweep(t *testing.T) {
	root, file := needy(t)
	s, err := Load(file)
	require.NoError(t, err)
	want, _ := merged(t, s, Options{})
	dir := filepath.Join(t.TempDir(), "out")
	_, err = Prepare(context.Background(), s, dir, Options{ShardSize: 1, Yes: true})
	require.NoError(t, err)
	board := filepath.Join(root, "boards", "my-nano.toml")
	require.NoError(t, os.WriteFile(board, []byte("title = 3"), 0o644))
	_, err = Load(file)
	require.ErrorContains(t, err, "my-nano.toml")
	s, err = LoadIn(file, dir)
	require.NoError(t, err)
	_, err = Run(context.Background(), s, dir, Options{Resume: true})
	require.NoError(t, err)
	rows, _ := mergedFrom(t, dir)
	require.Equal(t, want, rows)

	_, err = LoadIn(file, filepath.Join(root, "nowhere"))
	require.ErrorContains(t, err, "my-nano.toml", "it has not begun there")
	require.NoError(t, os.WriteFile(file, []byte("scenario = \"../scenarios/base.toml\"\n"+tiny), 0o644))
	s, err = LoadIn(file, dir)
	require.NoError(t, err)
	_, err = Run(context.Background(), s, dir, Options{Resume: true})
	require.ErrorContains(t, err, "holds another sweep")
}

// A network whose weights lie apart is not copied, so it must not change.
func TestFilesWithoutACopyMustNotChange(t *testing.T) {
	g, err := zoo.Get("squeezenet1_1")
	require.NoError(t, err)
	file := write(t, "sweep.toml", "scenario = \"base.toml\"\n"+tiny, "base.toml", strings.Replace(small, `"squeezenet1_1"`, `"s.onnx"`, 1))
	net := filepath.Join(filepath.Dir(file), "s.onnx")
	require.NoError(t, onnx.Export(g, net, 1))
	s, err := Load(file)
	require.NoError(t, err)
	dir := t.TempDir()
	m, err := Prepare(context.Background(), s, dir, Options{ShardSize: 1, Yes: true})
	require.NoError(t, err)
	require.Empty(t, m.Inputs["s.onnx"].Copy)
	require.NoError(t, ExecShard(context.Background(), dir, 0))
	data, err := os.ReadFile(net)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(net, append(data, 0), 0o644))
	require.ErrorContains(t, ExecShard(context.Background(), dir, 1), "another content of s.onnx")
	require.NoError(t, os.Remove(net))
	require.ErrorContains(t, ExecShard(context.Background(), dir, 1), "needs s.onnx, which cannot be read")
	require.NoError(t, os.WriteFile(net, data, 0o644))
	require.NoError(t, ExecShard(context.Background(), dir, 1))
}
