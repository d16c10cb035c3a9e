package sim

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Runs of all kinds that use one workspace after the other put out what they do alone: with faults, jitter and traces, cut off by
// a horizon, with a backlog, closed loops and checkpoints, on platforms and models large and small.
func TestAWorkspaceChangesNothing(t *testing.T) {
	var w Workspace
	check := func(name string, config func() Config) {
		r, err := Run(context.Background(), config())
		want, events := digest(t, r, err), r.Events
		with := config()
		with.Workspace = &w
		r, err = Run(context.Background(), with)
		require.Equal(t, want, digest(t, r, err), name)
		require.Equal(t, events, r.Events, name)

		data := checkpointAfter(t, config(), 20)
		if data == nil {
			return
		}
		with = config()
		with.Workspace = &w
		require.True(t, bytes.Equal(data, checkpointAfter(t, with, 20)), name)
		with = config()
		with.Workspace = &w
		r, err = Resume(context.Background(), with, data)
		require.Equal(t, want, digest(t, r, err), name)
	}
	for seed := range uint64(250) {
		w.Lend = seed%4 < 2
		check("random", func() Config {
			cfg := faultyRun(seed)
			cfg.Records = seed%2 == 0
			if seed%3 == 0 {
				cfg.TraceLimit = -1
			}
			return cfg
		})
		if seed%50 == 0 {
			check("loaded", func() Config { return loadedConfig(t) })
			check("closed", func() Config { return closedConfig(t) })
		}
	}
}

// A run in the workspace of another takes next to no memory of its own, and leaves what the first put out as it is.
func TestAWorkspaceSparesMemory(t *testing.T) {
	p, g, plan := relay(t)
	var w Workspace
	var cache Cache
	run := func(requests int) *Result {
		return runPlan(t, Config{Truth: p, Arrivals: every(time.Millisecond, requests), Workspace: &w, Cache: &cache}, plan, g)
	}
	first := run(200)
	want := digest(t, first, nil)
	arrivals := testing.AllocsPerRun(1, func() { every(time.Millisecond, 150) })
	require.Less(t, testing.AllocsPerRun(10, func() { run(150) })-arrivals, 20.0)
	require.Equal(t, want, digest(t, first, nil))
}
