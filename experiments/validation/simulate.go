package validation

import (
	"context"
	"fmt"
	"time"

	"hidp/devices"
	"hidp/sim"
	"hidp/sim/trace"
	"hidp/strategies"
	"hidp/workloads"
)

// simulation is how the simulator runs a plan.
type simulation struct {
	platform *devices.Platform
	graph    *workloads.Graph
	plan     *strategies.Plan
	profile  Profile // nil: ops take what the platform's cost model says
	seed     uint64
}

// run simulates requests that come at the given times.
func (s simulation) run(ctx context.Context, arrivals []time.Duration) (*trace.Trace, error) {
	return s.simulate(ctx, sim.Config{Arrivals: &comings{times: arrivals}})
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
