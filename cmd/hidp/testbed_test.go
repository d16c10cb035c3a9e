package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/internal/parts"
	"hidp/strategies/plan"
	"hidp/testbed/emulate"
	"hidp/testbed/inference"
)

// bench is a folder with emulated boards, and the program.
type bench struct {
	t       *testing.T
	dir     string
	program string
}

// newBench starts a set of emulated boards with ONNX Runtime. Whatever happens, nothing of it is left.
func newBench(t *testing.T, set string, more ...string) *bench {
	parts.Only(t, "boards are emulated", "linux")
	library, err := inference.FindLibrary("", "../..")
	parts.Need(t, parts.ONNXRuntime, err)
	program, err := exec.LookPath("hidp") // this test binary under the program's name, from testscript.Main
	require.NoError(t, err)
	dir, err := os.MkdirTemp("", "hidp-bench-") // short: sockets have short paths
	require.NoError(t, err)
	b := &bench{t: t, dir: dir, program: program}
	t.Setenv(inference.EnvLibrary, library)
	t.Cleanup(func() {
		out, err := b.command("testbed", "down").CombinedOutput()
		if err != nil && !strings.Contains(string(out), "no testbed") {
			t.Errorf("testbed down: %v\n%s", err, out)
		}
		require.NoError(t, os.RemoveAll(dir))
	})
	b.must(append([]string{"testbed", "up", set}, more...)...)
	return b
}

func (b *bench) command(args ...string) *exec.Cmd {
	c := exec.Command(b.program, args...)
	c.Dir = b.dir
	return c
}

// must runs the program and returns what it printed.
func (b *bench) must(args ...string) string {
	var out, errs bytes.Buffer
	c := b.command(args...)
	c.Stdout, c.Stderr = &out, &errs
	require.NoError(b.t, c.Run(), "hidp %s\n%s", strings.Join(args, " "), &errs)
	return out.String()
}

// replay runs a plan with the tolerance that users get, again if a run was disturbed, and returns what was measured.
func (b *bench) replay(plan string, more ...string) measured {
	text, err := replayUntilValid(b.t.Logf, func() (string, string, error) {
		var out, errs bytes.Buffer
		c := b.command(append([]string{"replay", plan, "--json"}, more...)...)
		c.Stdout, c.Stderr = &out, &errs
		err := c.Run()
		return out.String(), errs.String(), err
	})
	require.NoError(b.t, err)
	var m measured
	require.NoError(b.t, json.Unmarshal([]byte(text), &m))
	return m
}

// Plans of every strategy run on four emulated boards and give the answer of the network unsplit: to the bit where layers are whole.
// Of strips with few positions a convolution sums in another order (package submodel); they may be 1e-4 of the largest magnitude off.
func TestPlansRunOnEmulatedBoards(t *testing.T) {
	b := newBench(t, "emulated-4")
	wholes, parts := 0, 0
	for _, model := range []string{"mobilenet_v2", "resnet50", "efficientnet_b0"} {
		for _, strategy := range []string{"hidp", "modnn --option sync=block", "disnet", "omniboost", "single-best"} {
			args := append([]string{"plan", "--model", model, "--platform", "emulated-4", "-o", "plan.json", "--strategy"}, strings.Fields(strategy)...)
			b.must(args...)
			m := b.replay("plan.json", "--requests", "2")
			require.Equal(t, int64(2), m.Completed)
			require.Equal(t, 2, m.Checked, "%s %s", model, strategy)
			require.LessOrEqual(t, m.Difference, 1e-4, "%s %s", model, strategy)
			if whole(t, filepath.Join(b.dir, "plan.json")) {
				wholes++
				require.True(t, m.Exact, "%s %s differs by %g", model, strategy, m.Difference)
			}
			parts += count(len(m.Nodes) > 1)
			t.Logf("%-16s %-26s %d nodes, exact %v, difference %.2g, latency %.1f ms", model, strategy, len(m.Nodes), m.Exact, m.Difference, 1e3*m.Latency.P50)
		}
	}
	require.Greater(t, parts, 5, "too few plans use more than one board for this test to mean anything")
	require.Greater(t, wholes, 5, "too few plans have whole layers only")
}

// whole reports whether a plan computes every layer whole.
func whole(t *testing.T, path string) bool {
	platform, err := openPlatform("emulated-4", "")
	require.NoError(t, err)
	p, g, err := readPlan(path, "", fileFlags{}, platform)
	require.NoError(t, err)
	for i := range p.Ops {
		s := p.Ops[i].Slice
		if p.Ops[i].Kind == plan.Compute && s.Out != g.Full(s.To-1, p.Batch) {
			return false
		}
	}
	return true
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}

// A user's file with its own weights, split over three boards, gives the answer of the file run whole; trace and records are written.
func TestUsersFileRunsOnThreeBoards(t *testing.T) {
	file, err := filepath.Abs("../../.cache/test-models/ocr/ch_PP-OCRv4_det_infer.onnx")
	require.NoError(t, err)
	parts.File(t, parts.Models, file)
	b := newBench(t, "emulated-3")
	for _, strategy := range []string{"modnn", "hidp"} {
		b.must("plan", "--model", file, "--input", "x=1x3x320x320", "--platform", "emulated-3", "--strategy", strategy, "-o", "plan.json")
		m := b.replay("plan.json", "--input", "x=1x3x320x320", "--requests", "3", "--trace", "trace.json", "--records", "records.csv")
		require.Equal(t, 3, m.Checked)
		require.LessOrEqual(t, m.Difference, 1e-4)
		if strategy == "modnn" {
			require.Len(t, m.Nodes, 3)
		}
		records, err := os.ReadFile(filepath.Join(b.dir, "records.csv"))
		require.NoError(t, err)
		require.Len(t, strings.Split(strings.TrimSpace(string(records)), "\n"), 4)
		trace, err := os.ReadFile(filepath.Join(b.dir, "trace.json"))
		require.NoError(t, err)
		require.True(t, json.Valid(trace))
	}
}

// An agent that is killed in the middle of a run ends it within five seconds, by name; the others go on, and nothing is left in the end.
func TestAgentKilledDuringReplay(t *testing.T) {
	b := newBench(t, "emulated-4")
	b.must("plan", "--model", "mobilenet_v2", "--platform", "emulated-4", "--strategy", "modnn", "-o", "plan.json")
	state, err := emulate.LoadState(filepath.Join(b.dir, testbedDir))
	require.NoError(t, err)
	c := b.command("replay", "plan.json", "--requests", "1000", "--interval", "200ms", "--tolerance", "1h")
	var errs bytes.Buffer
	c.Stderr = &errs
	require.NoError(t, c.Start())
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	require.Eventually(t, func() bool { return busy(b, "board-2") }, time.Minute, 50*time.Millisecond, "the run did not begin")
	select {
	case err := <-ended:
		t.Fatalf("replay ended early: %v\n%s", err, &errs)
	case <-time.After(2 * time.Second):
	}
	killed := time.Now()
	process, err := os.FindProcess(state.Agents[1].PID)
	require.NoError(t, err)
	require.NoError(t, process.Kill())
	err = <-ended
	took := time.Since(killed)
	var exit *exec.ExitError
	require.True(t, errors.As(err, &exit), "%v\n%s", err, &errs)
	require.Equal(t, 1, exit.ExitCode(), &errs)
	require.Contains(t, errs.String(), "board-2")
	require.Less(t, took, 5*time.Second)
	t.Logf("exit after %v: %s", took, strings.TrimSpace(errs.String()))

	b.must("plan", "--model", "mobilenet_v2", "--platform", "emulated-4", "--strategy", "single-best", "-o", "single.json")
	out, err := b.command("replay", "single.json").CombinedOutput()
	require.Error(t, err, "a roster with a dead agent is refused")
	require.Contains(t, string(out), "board-2")

	b.must("testbed", "down")
	for _, a := range state.Agents {
		require.False(t, a.Alive(), "%s, process %d", a.Node, a.PID)
	}
	if state.Priority != nil && state.Priority.Group != "" {
		require.NoDirExists(t, state.Priority.Group)
	}
}

// busy reports whether a session holds a board.
func busy(b *bench, node string) bool {
	out, err := b.command("testbed", "status", "--json").Output()
	if err != nil {
		return false
	}
	var r emulate.Report
	require.NoError(b.t, json.Unmarshal(out, &r))
	for _, a := range r.Agents {
		if a.Node == node {
			return a.Holder != ""
		}
	}
	return false
}
