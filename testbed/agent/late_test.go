package agent

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/sim/trace"
	"hidp/strategies/plan"
	"hidp/testbed/wire"
)

// sleepy is a clock of a machine that takes its time to wake up.
type sleepy struct {
	wire.Clock
	late time.Duration
}

func (c sleepy) Sleep(ctx context.Context, t time.Duration) error {
	return c.Clock.Sleep(ctx, t+c.late)
}

// An emulated node leaves the simulator's trace though the machine wakes up late for each of its ops. What is too late to be forgiven
// moves what follows, and is lag.
func TestLatenessDoesNotAddUp(t *testing.T) {
	alone := 0
	for seed := uint64(0); alone < 20; seed++ {
		s := newScenario(seed)
		if s == nil || len(s.plan.Ops) < 3 || slices.ContainsFunc(s.plan.Ops, func(o plan.Op) bool { return o.Kind == plan.Send }) {
			continue // this network is late by itself
		}
		s.at = s.at[:1] // time does not run backwards where another request begins in between
		want := simulate(t, s)
		if tied(want) {
			continue
		}
		alone++
		run := func(emulated bool, late time.Duration) (got *trace.Trace, lag time.Duration) {
			synctest.Test(t, func(t *testing.T) {
				x := open(t, s, setup{hollow: true, only: func(cfg *Config) {
					cfg.Clock, cfg.Emulated = sleepy{cfg.Clock, late}, emulated
					cfg.Pacer = NewPacer(cfg.Clock, &cfg.Platform.Nodes[cfg.Node], false)
					for _, w := range cfg.Workers {
						w.(*Modelled).Pacer = cfg.Pacer
					}
				}})
				got = x.serve()
				for _, r := range x.close() {
					lag = max(lag, r.Lag.Max)
				}
			})
			return got, lag
		}
		shortest := time.Hour
		for _, c := range want.Computes {
			shortest = min(shortest, c.End-c.Start)
		}
		late := min(shortest, wire.Forgiven) / 2 // later than an op is long, the work itself would be late
		got, _ := run(true, late)
		require.Equal(t, ends(want), ends(got), "seed %d", seed)
		got, _ = run(false, late)
		require.Greater(t, slices.Max(ends(got)), slices.Max(ends(want))+late, "seed %d: a real board is as late as it is", seed)
		got, lag := run(true, 2*wire.Forgiven)
		require.GreaterOrEqual(t, lag, wire.Forgiven, "seed %d", seed)
		require.Greater(t, slices.Max(ends(got)), slices.Max(ends(want))+wire.Forgiven-1, "seed %d", seed)
	}
}

// ends lists when ops ended.
func ends(t *trace.Trace) (list []time.Duration) {
	for _, c := range t.Computes {
		list = append(list, c.End)
	}
	return list
}
