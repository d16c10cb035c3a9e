package sim

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/strategies/plan"
)

// Measured durations take the place of the cost model's, also where runs share a cache: with the model's own durations nothing
// changes, with other ones every op takes those.
func TestMeasuredWork(t *testing.T) {
	s := randomScenario(3)
	costs := plan.NewBelief(s.platform).Costs(s.graph)
	cfg := Config{Truth: s.platform, Cache: new(Cache), TraceLimit: -1}
	run := func(work func(p *plan.Plan, i int) time.Duration) *Result {
		cfg.Arrivals, cfg.Work = &fixedArrivals{at: []time.Duration{0}}, work
		r, err := RunPlan(context.Background(), cfg, s.plan, s.graph)
		require.NoError(t, err)
		return r
	}
	modelled := run(nil)
	require.Equal(t, modelled.Trace, run(func(p *plan.Plan, i int) time.Duration { return p.ComputeTime(costs, i) }).Trace)
	measured := run(func(_ *plan.Plan, i int) time.Duration { return time.Duration(i+1) * time.Millisecond })
	for _, c := range measured.Trace.Computes {
		require.Equal(t, time.Duration(c.Op+1)*time.Millisecond, c.Work)
	}
	require.NotEqual(t, modelled.Latency, measured.Latency)
	require.Equal(t, modelled.Trace, run(nil).Trace)
}
