package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/internal/parts"
	"hidp/sim"
	"hidp/strategies"
	"hidp/strategies/catalog"
	"hidp/strategies/external"
	"hidp/strategies/plan"
)

// invoke runs the program in this process.
func invoke(ctx context.Context, args ...string) (status int, out, errs string) {
	var o, e bytes.Buffer
	status = run(ctx, args, &o, &e)
	return status, o.String(), e.String()
}

func TestExitStatusSaysWhoseFaultItIs(t *testing.T) {
	a := &app{out: &bytes.Buffer{}, err: &bytes.Buffer{}}
	for _, world := range []error{&plan.InfeasibleError{Reason: "r"}, &sim.OutOfMemoryError{}, &sim.NodeLostError{}, &sim.DeadlockError{},
		&sim.HorizonError{}, &failedRequests{}, &external.ProcessError{}, &outputError{}, &damagedSweep{}, syscall.ENOSPC} {
		require.Equal(t, 1, a.fail(fmt.Errorf("wrapped: %w", world)), "%T", world)
	}
	for _, user := range []error{&strategies.OptionError{Faults: []string{"x"}}, &plan.InvalidError{Faults: []string{"x"}}, &external.ProtocolError{}, os.ErrNotExist} {
		require.Equal(t, 2, a.fail(user), "%T", user)
	}
	require.Equal(t, 130, a.fail(fmt.Errorf("wrapped: %w", context.Canceled)))
	status, _, errs := invoke(context.Background(), "plan", "--model", "nonsense")
	require.Equal(t, 2, status)
	require.Contains(t, errs, `no model "nonsense"`)
}

func TestInterruptedRunsLeaveNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	out := filepath.Join(t.TempDir(), "out")
	status, _, errs := invoke(ctx, "reproduce", "fig5", "--quick", "--out", out)
	require.Equal(t, 130, status)
	require.Contains(t, errs, "interrupted")
	require.NoDirExists(t, out)
}

// A program that hangs does not keep a run, a plan or a sweep that the user interrupts.
func TestInterruptedProgramsEnd(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "scenario.toml")
	require.NoError(t, os.WriteFile(file, []byte("platform = \"board:jetson-tx2\"\nstrategy = { name = \"exec:sleep 100\" }\n"+
		"workload = { models = [\"squeezenet1_1\"], requests = 5, arrivals = { kind = \"poisson\", rate = \"20 /s\" } }\n"), 0o644))
	grid := filepath.Join(dir, "grid.toml")
	require.NoError(t, os.WriteFile(grid, []byte("scenario = \"scenario.toml\"\n[[axis]]\nfield = \"workload.batch\"\nvalues = [1, 2, 3]\n"), 0o644))
	for _, args := range [][]string{{"run", file}, {"plan", "--model", "vgg19", "--strategy", "exec:sleep 100"},
		{"sweep", grid, "--out", filepath.Join(dir, "out"), "--yes"}} {
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(500*time.Millisecond, cancel)
		begun := time.Now()
		status, _, errs := invoke(ctx, args...)
		require.Equal(t, 130, status, "%v: %s", args, errs)
		require.Less(t, time.Since(begun), 20*time.Second, args)
	}
}

// The simulated lone request equals the prediction within 1 %, for every strategy of the catalog.
func TestPredictedLatencyIsSimulated(t *testing.T) {
	for _, model := range []string{"resnet152", "efficientnet_b0"} {
		for _, strategy := range catalog.Names() {
			file := filepath.Join(t.TempDir(), "p.json")
			status, out, errs := invoke(context.Background(), "plan", "--model", model, "--strategy", strategy, "-o", file, "--json")
			require.Zero(t, status, errs)
			var plan struct {
				Latency float64 `json:"predicted_latency"`
				Energy  float64 `json:"predicted_energy"`
			}
			require.NoError(t, json.Unmarshal([]byte(out), &plan))
			status, out, errs = invoke(context.Background(), "simulate", file, "--json")
			require.Zero(t, status, errs)
			var run sim.Summary
			require.NoError(t, json.Unmarshal([]byte(out), &run))
			require.InEpsilon(t, plan.Latency, run.Latency.Mean, 0.01, "%s %s", model, strategy)
			require.InEpsilon(t, plan.Energy, float64(run.EnergyServing), 0.01, "%s %s", model, strategy)
		}
	}
}

// A run that is interrupted leaves a checkpoint; resumed, it prints the bytes of an unbroken one.
func TestInterruptedRunsGoOnFromTheirCheckpoint(t *testing.T) {
	dir := t.TempDir()
	scenario, state := filepath.Join(dir, "long.toml"), filepath.Join(dir, "state")
	text := "name = \"long\"\nplatform = \"paper-wlan\"\n[strategy]\nname = \"disnet\"\n[workload]\nmodels = [\"efficientnet_b0\", \"resnet50\"]\n" +
		"order = \"random\"\nrequests = 400000\n[workload.arrivals]\nkind = \"poisson\"\nrate = \"4 /s\"\n"
	require.NoError(t, os.WriteFile(scenario, []byte(text), 0o644))
	status, want, errs := invoke(context.Background(), "run", scenario, "--json")
	require.Zero(t, status, errs)
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(200*time.Millisecond, cancel)
	status, _, errs = invoke(ctx, "run", scenario, "--json", "--checkpoint", state)
	if status != 0 { // else the machine was faster than the interruption
		require.Equal(t, 130, status)
		require.Contains(t, errs, "interrupted")
		status, got, errs := invoke(context.Background(), "run", scenario, "--json", "--checkpoint", state, "--resume")
		require.Zero(t, status, errs)
		require.Equal(t, want, got)
	}
}

// A sweep that is interrupted says what is kept and how to go on.
func TestAnInterruptedSweepSaysWhatIsKept(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	dir := t.TempDir()
	file, out := filepath.Join(dir, "sweep.toml"), filepath.Join(dir, "out")
	text := "[scenario]\nplatform = \"board:jetson-tx2\"\nstrategy = { name = \"single-gpu\" }\n" +
		"workload = { models = [\"squeezenet1_1\"], requests = 5, arrivals = { kind = \"poisson\", rate = \"20 /s\" } }\n" +
		"[[axis]]\nfield = \"workload.batch\"\nvalues = [1, 2, 3]\n"
	require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
	status, _, errs := invoke(ctx, "sweep", file, "--out", out, "--engine", "none", "--shard-size", "1", "--yes")
	require.Zero(t, status, errs)
	status, _, errs = invoke(ctx, "sweep", "exec", out, "1")
	require.Zero(t, status, errs)
	cancel()
	status, _, errs = invoke(ctx, "sweep", file, "--out", out, "--resume")
	require.Equal(t, 130, status)
	require.Contains(t, errs, "1 of 3 shards are done and kept in "+out+"; the same command with --resume goes on")
}

// What is printed on a full disk is not all there.
func TestAFullStandardOutputIsAnError(t *testing.T) {
	parts.Only(t, "/dev/full is Linux's", "linux")
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	require.NoError(t, err)
	defer full.Close()
	for _, args := range [][]string{{"list", "boards"}, {"list", "models", "--json"}, {"--version"}, {"--help"}, {"model", "inspect", "squeezenet1_1"}} {
		var errs bytes.Buffer
		require.Equal(t, 1, run(context.Background(), args, full, &errs), args)
		require.Contains(t, errs.String(), "cannot write to standard output", args)
	}
}
