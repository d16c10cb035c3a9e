package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/sim"
	"hidp/strategies"
	"hidp/strategies/catalog"
)

// invoke runs the program in this process.
func invoke(ctx context.Context, args ...string) (status int, out, errs string) {
	var o, e bytes.Buffer
	status = run(ctx, args, &o, &e)
	return status, o.String(), e.String()
}

func TestExitStatusSaysWhoseFaultItIs(t *testing.T) {
	a := &app{out: &bytes.Buffer{}, err: &bytes.Buffer{}}
	for _, world := range []error{&strategies.InfeasibleError{Reason: "r"}, &sim.OutOfMemoryError{}, &sim.NodeLostError{}, &sim.DeadlockError{},
		&sim.HorizonError{}, &failedRequests{}, context.Canceled} {
		require.Equal(t, 1, a.fail(fmt.Errorf("wrapped: %w", world)), "%T", world)
	}
	for _, user := range []error{&strategies.OptionError{Faults: []string{"x"}}, &strategies.PlanError{Faults: []string{"x"}}, os.ErrNotExist} {
		require.Equal(t, 2, a.fail(user), "%T", user)
	}
	status, _, errs := invoke(context.Background(), "plan", "--model", "nonsense")
	require.Equal(t, 2, status)
	require.Contains(t, errs, `no model "nonsense"`)
}

func TestInterruptedRunsLeaveNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	out := filepath.Join(t.TempDir(), "out")
	status, _, errs := invoke(ctx, "reproduce", "fig5", "--quick", "--out", out)
	require.Equal(t, 1, status)
	require.Contains(t, errs, "interrupted")
	require.NoDirExists(t, out)
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
			require.InEpsilon(t, plan.Energy, run.EnergyPerRequest, 0.01, "%s %s", model, strategy)
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
		require.Equal(t, 1, status)
		require.Contains(t, errs, "interrupted")
		status, got, errs := invoke(context.Background(), "run", scenario, "--json", "--checkpoint", state, "--resume")
		require.Zero(t, status, errs)
		require.Equal(t, want, got)
	}
}
