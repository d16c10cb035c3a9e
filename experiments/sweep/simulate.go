package sweep

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"hidp/experiments"
	"hidp/sim"
	"hidp/strategies"
	"hidp/strategies/catalog"
	"hidp/workloads"
)

// simulator runs scenarios as experiments.Scenario.Run does, with the same outcome, but shares plans, prices and strategies between
// runs: most of the time of a short run goes into making the same ones again. TestRunsAreThoseOfScenarios compares both on every
// scenario that comes with the project. Not safe for concurrent use.
type simulator struct {
	strategies map[string]strategies.Strategy // by planKey
	seeded     map[string]bool                // by name: takesSeed
}

// mostStrategies bounds what a simulator keeps; when it is full it starts anew.
const mostStrategies = 1024

func newSimulator() *simulator {
	return &simulator{strategies: map[string]strategies.Strategy{}, seeded: map[string]bool{}}
}

// run simulates a scenario with another seed. Plans and prices go into the cache.
func (m *simulator) run(ctx context.Context, s *experiments.Scenario, seed uint64, cache *sim.Cache) (*experiments.Outcome, error) {
	if err := ctx.Err(); err != nil {
		return nil, err // the simulator looks at it only every few thousand events
	}
	if s.Planning.Measured { // nothing may be shared then
		return s.Run(ctx, experiments.Overrides{Seed: &seed})
	}
	cfg, err := m.config(s, seed)
	if err != nil {
		return nil, err
	}
	if cfg.Belief == nil { // else a belief of its own for every seed: nothing to share
		cfg.Cache = cache
	}
	r, err := sim.Run(ctx, cfg)
	var cut *sim.HorizonError
	if errors.As(err, &cut) {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%d requests were still under way at the horizon of %v", cut.Unfinished, cut.Horizon))
		err = nil
	}
	if r == nil || err != nil {
		return nil, err
	}
	out := &experiments.Outcome{Result: r, Summary: r.Summary(), Platform: s.Platform, Models: s.Models}
	sum := &out.Summary
	sum.Strategy, sum.Model, sum.Platform, sum.Seed = s.Strategy, strings.Join(s.ModelNames(), "+"), s.Platform.Name, seed
	return out, nil
}

// config makes the simulation's configuration.
func (m *simulator) config(s *experiments.Scenario, seed uint64) (sim.Config, error) {
	cfg := sim.Config{Truth: s.Platform, Models: s.Models, Batch: s.Batch, Leader: s.Platform.Leader, Horizon: s.Limit.Horizon,
		Faults: s.Faults, Seed: seed}
	if s.Planning.Fixed > 0 {
		cfg.Planning = sim.Planning{Mode: sim.PlanningFixed, Fixed: s.Planning.Fixed}
	}
	var err error
	if cfg.Strategy, cfg.PlanKey, err = m.strategy(s, seed); err != nil {
		return cfg, err
	}
	if s.BeliefError > 0 {
		cfg.Belief = s.Platform.Perturbed(s.BeliefError, seed)
	}
	switch a := &s.Arrivals; a.Kind {
	case experiments.Closed:
		cfg.Clients, err = workloads.Closed{Clients: a.Clients, Think: a.Think, Own: a.Own}.Loop(seed, s.Mix, s.Limit)
	case experiments.Periodic:
		cfg.Arrivals, err = workloads.Periodic{Interval: a.Interval, Jitter: a.Jitter}.Source(seed, s.Mix, s.Limit)
	case experiments.Poisson:
		cfg.Arrivals, err = workloads.Poisson{Rate: a.Rate}.Source(seed, s.Mix, s.Limit)
	case experiments.Trace:
		cfg.Arrivals, err = a.Trace.Source(s.Limit)
	default:
		panic("sweep: arrivals of kind " + string(a.Kind))
	}
	return cfg, err
}

// strategy returns the scenario's strategy and what its plans depend on. One with a seed of its own gets the run's, unless the options
// say otherwise.
func (m *simulator) strategy(s *experiments.Scenario, seed uint64) (strategies.Strategy, string, error) {
	key := planKey(s.Strategy, s.Options)
	_, given := s.Options["seed"]
	seeded := !given && m.takesSeed(s.Strategy)
	if seeded {
		const most = 1_000_000_000
		key += "\x00seed\x00" + strconv.FormatUint(seed%most, 10)
	}
	if known := m.strategies[key]; known != nil {
		return known, key, nil
	}
	options := s.Options
	if seeded {
		options = maps.Clone(options)
		if options == nil {
			options = strategies.Options{}
		}
		options["seed"] = key[strings.LastIndexByte(key, 0)+1:]
	}
	made, err := catalog.New(s.Strategy, options)
	if err != nil {
		return nil, "", err
	}
	if len(m.strategies) >= mostStrategies {
		clear(m.strategies)
	}
	m.strategies[key] = made
	return made, key, nil
}

// planKey identifies a strategy with its options.
func planKey(name string, options strategies.Options) string {
	if len(options) == 0 {
		return name
	}
	var b strings.Builder
	b.WriteString(name)
	for _, k := range slices.Sorted(maps.Keys(options)) {
		b.WriteString("\x00" + k + "\x00" + options[k])
	}
	return b.String()
}

// takesSeed reports whether a strategy has an option seed.
func (m *simulator) takesSeed(name string) bool {
	takes, known := m.seeded[name]
	if !known {
		e, err := catalog.Find(name)
		takes = err == nil && slices.ContainsFunc(e.Options, func(o strategies.Option) bool { return o.Name == "seed" })
		m.seeded[name] = takes
	}
	return takes
}
