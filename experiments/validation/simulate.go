package validation

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"hidp/devices"
	"hidp/sim"
	"hidp/sim/trace"
	"hidp/strategies/plan"
	"hidp/workloads"
)

// simulation is how the simulator runs a plan.
type simulation struct {
	platform *devices.Platform
	graph    *workloads.Graph
	plan     *plan.Plan
	profile  Profile // nil: ops take what the platform's cost model says
	seed     uint64
}

// run simulates requests that come at the given times.
func (s simulation) run(ctx context.Context, arrivals []time.Duration) (*trace.Trace, error) {
	return s.simulate(ctx, sim.Config{Arrivals: &comings{times: arrivals}})
}

// latency returns how long a lone request takes.
func (s simulation) latency(ctx context.Context) (time.Duration, error) {
	t, err := s.run(ctx, make([]time.Duration, 1))
	if err != nil {
		return 0, err
	}
	return t.Requests[0].Finish - t.Requests[0].Arrival, nil
}

// lone simulates the latency phase: each request with a pass of those before its block, by turns, as if it were alone. So what
// differs from pass to pass differs from request to request, and a median is of the same kind of sums on both sides.
func (s simulation) lone(ctx context.Context, plan Schedule, blocks [][]Profile) (*trace.Trace, error) {
	out := &trace.Trace{}
	for b, n := range plan.Latency {
		for i := range n {
			s.profile = blocks[b][i%len(blocks[b])]
			t, err := s.run(ctx, make([]time.Duration, 1))
			if err != nil {
				return nil, err
			}
			out.Plans = t.Plans
			out.Append(t, end(out)+plan.Gap, int64(len(out.Requests)))
		}
	}
	return out, nil
}

// crowds simulates every crowd of the throughput phase: the run whose rate after the first so many requests is the median of those with
// the passes before it.
func (s simulation) crowds(ctx context.Context, plan Schedule, measured []Crowd, steady int) (list []*trace.Trace, err error) {
	for _, c := range measured {
		var runs []*trace.Trace
		for _, s.profile = range c.Passes {
			t, err := s.run(ctx, plan.Throughput)
			if err != nil {
				return nil, err
			}
			runs = append(runs, t)
		}
		slices.SortStableFunc(runs, func(a, b *trace.Trace) int { return cmp.Compare(rate(a, steady), rate(b, steady)) })
		list = append(list, runs[(len(runs)-1)/2])
	}
	return list, nil
}

// simulate runs requests that come as cfg says.
func (s simulation) simulate(ctx context.Context, cfg sim.Config) (*trace.Trace, error) {
	cfg.Truth, cfg.Seed, cfg.TraceLimit = s.platform, s.seed, -1
	if s.profile != nil {
		cfg.Work = s.profile.work
	}
	r, err := sim.RunPlan(ctx, cfg, s.plan, s.graph)
	if err != nil {
		return nil, fmt.Errorf("the simulation: %w", err)
	}
	return r.Trace, nil
}

// comings is a workload of requests at given times.
type comings struct {
	times []time.Duration
	next  int
}

// Next implements workloads.Source.
func (c *comings) Next() (workloads.Arrival, bool) {
	if c.next == len(c.times) {
		return workloads.Arrival{}, false
	}
	c.next++
	return workloads.Arrival{At: c.times[c.next-1]}, true
}
