package agent

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/sim/trace"
	"hidp/strategies/plan"
)

// reading is a worker that asks for its inputs.
type reading struct{ Worker }

func (w reading) Run(ctx context.Context, t *Task) (Done, error) {
	if _, err := t.Inputs(); err != nil {
		return Done{}, err
	}
	return w.Worker.Run(ctx, t)
}

// Every op of every node can be measured, takes what the cost model says, finds its inputs in parts that can be put together, and
// leaves nothing behind: the requests that follow leave the simulator's trace.
func TestProfilesLeaveNothingBehind(t *testing.T) {
	measured := 0
	comparable(t, 60, func(seed uint64, s *scenario, want *trace.Trace) {
		synctest.Test(t, func(t *testing.T) {
			x := open(t, s, setup{hollow: seed%2 == 0, worker: func(w Worker) Worker { return reading{w} }})
			costs := devices.NewCosts(s.platform, s.graph)
			for i := range s.plan.Ops {
				op := &s.plan.Ops[i]
				if op.Kind != plan.Compute {
					_, err := x.runtimes[op.Node].Profile(t.Context(), 0, i)
					require.ErrorContains(t, err, "computes nothing on node")
					continue
				}
				before, work := x.clock.Now(), s.plan.ComputeTime(costs, i)
				got, err := x.runtimes[op.Node].Profile(t.Context(), 0, i)
				require.NoError(t, err)
				require.Equal(t, work, got, "seed %d, op %d", seed, i)
				require.Equal(t, work, x.clock.Now()-before)
				measured++
			}
			start := x.clock.Now()
			for i := range s.at {
				s.at[i] += start
			}
			got := x.serve()
			require.Len(t, got.Computes, len(want.Computes))
			for i := range got.Computes {
				require.Equal(t, want.Computes[i].End, got.Computes[i].End-start, "seed %d", seed)
			}
		})
	})
	require.Greater(t, measured, 200)
}

// What cannot be measured is refused; a profile ends with its context, its session and the first failure.
func TestProfileRefuses(t *testing.T) {
	var s *scenario
	for seed := uint64(0); s == nil || s.plan.Ops[0].Kind != plan.Compute; seed++ {
		s = newScenario(seed)
	}
	node := s.plan.Ops[0].Node
	broken := errors.New("broken")
	synctest.Test(t, func(t *testing.T) {
		r := open(t, s, setup{hollow: true}).runtimes[node]
		_, err := r.Profile(t.Context(), 1, 0)
		require.ErrorContains(t, err, "no plan 1")
		_, err = r.Profile(t.Context(), 0, -1)
		require.ErrorContains(t, err, "no op -1")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = r.Profile(ctx, 0, 0)
		require.ErrorIs(t, err, context.Canceled)
		r.Close()
		_, err = r.Profile(t.Context(), 0, 0)
		require.ErrorIs(t, err, errClosed)
		require.ErrorIs(t, r.on(t.Context(), 0, func() {}), errClosed)
	})
	synctest.Test(t, func(t *testing.T) {
		x := open(t, s, setup{hollow: true, worker: func(Worker) Worker { return &busy{fails: broken, clock: nil, takes: 0} }, only: func(cfg *Config) {
			for _, w := range cfg.Workers {
				w.(*busy).clock = cfg.Clock
			}
		}})
		_, err := x.runtimes[node].Profile(t.Context(), 0, 0)
		var op *OpError
		require.ErrorAs(t, err, &op)
		require.ErrorIs(t, err, broken)
	})
}

// Requests that are under way keep ops from being measured.
func TestProfileWhileBusy(t *testing.T) {
	comparable(t, 1, func(_ uint64, s *scenario, _ *trace.Trace) {
		synctest.Test(t, func(t *testing.T) {
			x := open(t, s, setup{hollow: true})
			x.begin(1, x.input())
			for i := range s.plan.Ops {
				if op := &s.plan.Ops[i]; op.Kind == plan.Compute {
					_, err := x.runtimes[op.Node].Profile(t.Context(), 0, i)
					require.ErrorIs(t, err, errBusy)
				}
			}
		})
	})
}
