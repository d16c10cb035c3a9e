package emulate

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/internal/parts"
	"hidp/testbed/agent"
	"hidp/testbed/inference"
	"hidp/workloads/onnx"
	"hidp/workloads/zoo"
)

var measure = flag.Bool("measure", false, "measure the zoo on this machine and rewrite the measured rows of devices/boards/emulated-*.toml")

const boardsFolder = "../../devices/boards"

// TestMeasure rewrites the measured rows of the emulated boards with -measure: the processor time that the zoo's networks take on
// one thread of this machine, times the slowdown of the cluster. `go test ./devices -run Stored -update` is to follow.
func TestMeasure(t *testing.T) {
	parts.Asked(t, *measure, "-measure measures and rewrites board files")
	library, err := inference.FindLibrary("", "../..")
	require.NoError(t, err)
	engine, err := inference.OpenORT(library)
	require.NoError(t, err)
	defer engine.Close()
	latencies := map[string]time.Duration{}
	for _, name := range zoo.Names() {
		latencies[name] = latency(t, engine, name)
		t.Logf("%-16s %v", name, latencies[name])
	}
	slowdowns := boardSlowdowns(t)
	for board, clusters := range slowdowns {
		path := filepath.Join(boardsFolder, board+".toml")
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for cluster, slowdown := range clusters {
			rows := "rows = [\n"
			for _, name := range zoo.Names() {
				rows += fmt.Sprintf("  { model = %q, latency = \"%.4g ms\" },\n", name, slowdown*latencies[name].Seconds()*1e3)
			}
			section := regexp.MustCompile(`(?s)(\[\[measured\]\]\nruntime = "onnxruntime/fp32"\ncluster = "` + cluster + `"\n.*?)rows = \[.*?\n\]\n`)
			require.True(t, section.Match(text), "%s has no measured section for %s", path, cluster)
			text = section.ReplaceAll(text, []byte("${1}"+rows+"]\n"))
		}
		require.NoError(t, os.WriteFile(path, text, 0o644))
	}
}

// latency is the processor time of an inference as a request finds the machine: rested, and with other things in its caches. It is the
// lower quartile, as other load of the machine makes it longer and never shorter.
func latency(t *testing.T, engine inference.Engine, name string) time.Duration {
	g, err := zoo.Get(name)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), name+".onnx")
	require.NoError(t, onnx.Export(g, path, 1))
	s, err := engine.Load(inference.Model{Path: path}, inference.Options{Threads: 1})
	require.NoError(t, err)
	defer s.Close()
	defer os.RemoveAll(filepath.Dir(path))
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	in := inference.NewTensor(1, g.Layers[0].Out.C, g.Layers[0].Out.H, g.Layers[0].Out.W)
	for i := range in.Data {
		in.Data[i] = float32(i%255) / 255
	}
	inputs := map[string]inference.Tensor{s.Inputs()[0].Name: in}
	other := make([]byte, 64<<20)
	var times []time.Duration
	for round := range 25 {
		time.Sleep(20 * time.Millisecond)
		for i := 0; i < len(other); i += 64 {
			other[i]++
		}
		before := agent.ThreadCPU()
		_, err := s.Run(inputs, nil)
		require.NoError(t, err)
		if round > 0 {
			times = append(times, agent.ThreadCPU()-before)
		}
	}
	slices.Sort(times)
	return times[len(times)/4]
}

// boardSlowdowns returns the slowdown of every cluster of the emulated boards, by the specs of this package.
func boardSlowdowns(t *testing.T) map[string]map[string]float64 {
	out := map[string]map[string]float64{}
	for _, name := range SpecNames() {
		s, err := OpenSpec(name)
		require.NoError(t, err)
		for j := range s.Nodes {
			n := &s.Platform.Nodes[j]
			if out[n.Board] == nil {
				out[n.Board] = map[string]float64{}
			}
			for k, c := range s.Nodes[j].Clusters {
				if known, ok := out[n.Board][n.Clusters[k].Name]; ok {
					require.Equal(t, known, c.Slowdown, "%s %s %s: the board's figures hold for one slowdown", name, n.Name, n.Clusters[k].Name)
				}
				out[n.Board][n.Clusters[k].Name] = c.Slowdown
			}
		}
	}
	return out
}
