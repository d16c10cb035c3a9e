package experiments

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"hidp/devices"
	"hidp/sim"
	"hidp/strategies"
	"hidp/strategies/external"
	"hidp/strategies/plan"
	"hidp/workloads"
)

// Overrides replace parts of a scenario for one run; zero values leave them as the file says.
type Overrides struct {
	Strategy    string             // with the strategy's own defaults, not the file's options
	Options     strategies.Options // added to the options in force
	Seed        *uint64
	Replication int // of the seed
	Trace       int // records of each kind to keep in the trace; -1: all
	Records     bool
	Observe     sim.Observer

	Checkpoints sim.Checkpoints // when a long run writes down its state
	Checkpoint  []byte          // such a state, to go on from; nil: from the beginning

	// What runs may share; the outcome does not depend on it. Where the planner is timed, or the belief errs, which is another one for
	// every seed, nothing is shared.
	Shared *Shared
	Cache  *sim.Cache // for runs with the same Platform and Models objects
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
	room := o.Shared.lend()
	if room == nil {
		room = new(lent)
	}
	s = s.with(o, &room.scenario)
	workspace := o.Shared.simulator()
	if s.Planning.Measured || s.BeliefError > 0 {
		o.Shared, o.Cache = nil, nil
	}
	shared := o.Shared
	if shared == nil {
		shared = new(Shared)
		defer shared.Close()
	}
	cfg, err := s.config(shared, &room.arrivals)
	if err != nil {
		return nil, err
	}
	defer plan.CloseWith(ctx, cfg.Strategy)()
	cfg.TraceLimit, cfg.Records, cfg.Observe, cfg.Cache = o.Trace, o.Records, o.Observe, o.Cache
	cfg.Workspace = workspace
	r, err := o.simulate(ctx, cfg)
	if program := (*external.ProcessError)(nil); errors.As(err, &program) && ctx.Err() != nil {
		err = ctx.Err() // which is why it was ended
	}
	if err != nil {
		var cut *sim.HorizonError
		if errors.As(err, &cut) {
			r.Warnings = append(r.Warnings, fmt.Sprintf("%d requests were still under way at the horizon of %v", cut.Unfinished, cut.Horizon))
			err = nil
		}
	}
	if r == nil {
		return nil, err
	}
	for _, g := range s.Models {
		for _, text := range g.Assumptions {
			r.Warnings = append(r.Warnings, g.Name+": "+text)
		}
	}
	room.outcome = Outcome{Result: r, Summary: s.summary(r), Platform: s.Platform, Models: s.Models}
	return &room.outcome, err
}

// simulate runs from the beginning or goes on from a checkpoint.
func (o *Overrides) simulate(ctx context.Context, cfg sim.Config) (*sim.Result, error) {
	cfg.Checkpoints = o.Checkpoints
	if o.Checkpoint != nil {
		return sim.Resume(ctx, cfg, o.Checkpoint)
	}
	return sim.Run(ctx, cfg)
}

// with returns the scenario with the overrides applied, in room; Options may be the file's own.
func (s *Scenario) with(o Overrides, room *Scenario) *Scenario {
	c := room
	*c = *s
	if o.Strategy != "" && o.Strategy != s.Strategy {
		c.Strategy, c.Options = o.Strategy, o.Options
	} else if len(o.Options) > 0 {
		c.Options = strategies.Options{}
		maps.Copy(c.Options, s.Options)
		maps.Copy(c.Options, o.Options)
	}
	if o.Seed != nil {
		c.Seed = *o.Seed
	}
	if o.Replication != 0 {
		c.Replication = o.Replication
	}
	return c
}

// config makes the simulator's configuration, with fresh state but for the strategy, which may be a shared one.
func (s *Scenario) config(shared *Shared, room *workloads.Room) (sim.Config, error) {
	cfg := sim.Config{Truth: s.Platform, Models: s.Models, Batch: s.Batch, Leader: s.Platform.Leader, Horizon: s.Limit.Horizon,
		Planning: s.Planning.sim(), Faults: s.Faults, Seed: s.chance()}
	var err error
	if s.Plan != nil {
		cfg = cfg.WithPlan(s.Plan, s.Models[0])
	} else if cfg.Strategy, cfg.PlanKey, err = shared.strategy(s.Strategy, s.Options, cfg.Seed, s.Platform); err != nil {
		return cfg, err
	}
	if s.BeliefError > 0 {
		cfg.Belief = s.Platform.Perturbed(s.BeliefError, cfg.Seed)
	}
	if s.Arrivals.Kind == Closed {
		cfg.Clients, err = workloads.Closed{Clients: s.Arrivals.Clients, Think: s.Arrivals.Think, Own: s.Arrivals.Own}.Loop(cfg.Seed, s.Mix, s.Limit)
	} else {
		cfg.Arrivals, err = s.Arrivals.source(room, cfg.Seed, s.Mix, s.Limit)
	}
	return cfg, err
}

// check reports what is wrong with the arrivals' numbers under a limit, or nil.
func (a *Arrivals) check(once workloads.Limit) error {
	if once.Validate() != nil { // which is reported apart
		once = workloads.Limit{Requests: 1}
	}
	var err error
	if a.Kind == Closed {
		_, err = workloads.Closed{Clients: a.Clients, Think: a.Think}.Loop(0, workloads.Mix{}, once)
	} else {
		_, err = a.source(new(workloads.Room), 0, workloads.Mix{}, once)
	}
	return err
}

func (a *Arrivals) source(room *workloads.Room, seed uint64, mix workloads.Mix, limit workloads.Limit) (workloads.Source, error) {
	switch a.Kind {
	case Periodic:
		return workloads.Periodic{Interval: a.Interval, Jitter: a.Jitter}.SourceIn(room, seed, mix, limit)
	case Poisson:
		return workloads.Poisson{Rate: a.Rate}.SourceIn(room, seed, mix, limit)
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
	m.Strategy, m.Model, m.Platform, m.Seed, m.Replication = s.Strategy, s.modelName(), s.Platform.Name, s.Seed, s.Replication
	m.Warnings = append(append(m.Warnings, s.Platform.Warnings...), s.Warnings...)
	return m
}

// modelName names what the requests are for.
func (s *Scenario) modelName() string {
	if len(s.Models) == 1 {
		return s.Models[0].Name
	}
	return strings.Join(s.ModelNames(), "+")
}

// withJitter returns the platform with another mean extra latency on all its connections.
func withJitter(p *devices.Platform, mean time.Duration) (*devices.Platform, error) {
	if err := CheckDelay(mean); err != nil {
		return nil, err
	}
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
	return &c, nil
}

// CheckDelay reports that a delay of single messages or plans is too long to make sense, or nil: sums of many must not overflow.
func CheckDelay(d time.Duration) error {
	if d > time.Hour {
		return fmt.Errorf("%v is too long; at most an hour makes sense", d)
	}
	return nil
}
