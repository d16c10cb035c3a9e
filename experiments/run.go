package experiments

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"hidp/devices"
	"hidp/sim"
	"hidp/strategies"
	"hidp/strategies/catalog"
	"hidp/workloads"
)

// Overrides replace parts of a scenario for one run; zero values leave them as the file says.
type Overrides struct {
	Strategy string             // with the strategy's own defaults, not the file's options
	Options  strategies.Options // added to the options in force
	Seed     *uint64
	Trace    int // records of each kind to keep in the trace; -1: all
	Records  bool
	Observe  sim.Observer
}

// Outcome is what a scenario's run produced.
type Outcome struct {
	Result   *sim.Result
	Summary  sim.Summary
	Platform *devices.Platform
	Models   []*workloads.Graph
}

// Run simulates the scenario. A horizon that cuts requests off is no error but a warning of the summary; all other errors of the
// modelled world come back with what was measured so far (see sim.Run). The error for an unknown strategy or bad options is the
// user's.
func (s *Scenario) Run(ctx context.Context, o Overrides) (*Outcome, error) {
	if err := ctx.Err(); err != nil {
		return nil, err // the simulator looks at it only every few thousand events
	}
	s, err := s.with(o)
	if err != nil {
		return nil, err
	}
	cfg, err := s.config()
	if err != nil {
		return nil, err
	}
	cfg.TraceLimit, cfg.Records, cfg.Observe = o.Trace, o.Records, o.Observe
	r, err := sim.Run(ctx, cfg)
	var cut *sim.HorizonError
	if errors.As(err, &cut) {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%d requests were still under way at the horizon of %v", cut.Unfinished, cut.Horizon))
		err = nil
	}
	if r == nil {
		return nil, err
	}
	return &Outcome{Result: r, Summary: s.summary(r), Platform: s.Platform, Models: s.Models}, err
}

// with returns the scenario with the overrides applied, the strategy and its options checked.
func (s *Scenario) with(o Overrides) (*Scenario, error) {
	c := *s
	c.Options = strategies.Options{}
	if o.Strategy != "" && o.Strategy != s.Strategy {
		c.Strategy = o.Strategy
	} else {
		for k, v := range s.Options {
			c.Options[k] = v
		}
	}
	for k, v := range o.Options {
		c.Options[k] = v
	}
	if o.Seed != nil {
		c.Seed = *o.Seed
	}
	_, err := catalog.New(c.Strategy, c.Options)
	return &c, err
}

// config makes the simulator's configuration, with fresh state.
func (s *Scenario) config() (sim.Config, error) {
	cfg := sim.Config{Truth: s.Platform, Models: s.Models, Batch: s.Batch, Leader: s.Platform.Leader, Horizon: s.Limit.Horizon,
		Planning: s.Planning.sim(), Faults: s.Faults, Seed: s.Seed}
	if s.BeliefError > 0 {
		cfg.Belief = s.Platform.Perturbed(s.BeliefError, s.Seed)
	}
	var err error
	if cfg.Strategy, err = newStrategy(s.Strategy, s.Options, s.Seed); err != nil {
		return cfg, err
	}
	if s.Arrivals.Kind == Closed {
		cfg.Clients, err = workloads.Closed{Clients: s.Arrivals.Clients, Think: s.Arrivals.Think, Own: s.Arrivals.Own}.Loop(s.Seed, s.Mix, s.Limit)
	} else {
		cfg.Arrivals, err = s.Arrivals.source(s.Seed, s.Mix, s.Limit)
	}
	return cfg, err
}

// newStrategy makes a strategy. One with a seed of its own gets the run's, unless its options say otherwise, so that repetitions
// of a run differ in everything that is random.
func newStrategy(name string, given strategies.Options, seed uint64) (strategies.Strategy, error) {
	opts := strategies.Options{}
	for _, e := range catalog.Entries() {
		if e.Name == name && slices.ContainsFunc(e.Options, func(o strategies.Option) bool { return o.Name == "seed" }) {
			const most = 1_000_000_000
			opts["seed"] = strconv.FormatUint(seed%most, 10)
		}
	}
	for k, v := range given {
		opts[k] = v
	}
	return catalog.New(name, opts)
}

// check reports what is wrong with the arrivals' numbers, or nil.
func (a *Arrivals) check() error {
	once := workloads.Limit{Requests: 1}
	var err error
	if a.Kind == Closed {
		_, err = workloads.Closed{Clients: a.Clients, Think: a.Think}.Loop(0, workloads.Mix{}, once)
	} else {
		_, err = a.source(0, workloads.Mix{}, once)
	}
	return err
}

func (a *Arrivals) source(seed uint64, mix workloads.Mix, limit workloads.Limit) (workloads.Source, error) {
	switch a.Kind {
	case Periodic:
		return workloads.Periodic{Interval: a.Interval, Jitter: a.Jitter}.Source(seed, mix, limit)
	case Poisson:
		return workloads.Poisson{Rate: a.Rate}.Source(seed, mix, limit)
	case Trace:
		return a.Trace.Source(limit)
	}
	panic("experiments: arrivals of kind " + string(a.Kind))
}

func (p Planning) sim() sim.Planning {
	switch {
	case p.Measured:
		return sim.Planning{Mode: sim.PlanningMeasured, Measure: stopwatch}
	case p.Fixed > 0:
		return sim.Planning{Mode: sim.PlanningFixed, Fixed: p.Fixed}
	}
	return sim.Planning{}
}

// stopwatch measures what a planner takes on this machine.
func stopwatch(plan func()) time.Duration {
	start := time.Now()
	plan()
	return time.Since(start)
}

func (s *Scenario) summary(r *sim.Result) sim.Summary {
	m := r.Summary()
	m.Strategy, m.Model, m.Platform, m.Seed = s.Strategy, strings.Join(s.ModelNames(), "+"), s.Platform.Name, s.Seed
	return m
}

// withJitter returns the platform with another mean extra latency on all its connections.
func withJitter(p *devices.Platform, mean time.Duration) *devices.Platform {
	c := *p
	c.Network.Paths = make([][]devices.Path, len(p.Network.Paths))
	for u := range c.Network.Paths {
		c.Network.Paths[u] = slices.Clone(p.Network.Paths[u])
		for v := range c.Network.Paths[u] {
			if len(c.Network.Paths[u][v].Hops) > 0 {
				c.Network.Paths[u][v].Jitter = mean
			}
		}
	}
	return &c
}
