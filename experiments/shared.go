package experiments

import (
	"errors"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"hidp/devices"
	"hidp/sim"
	"hidp/strategies"
	"hidp/strategies/catalog"
	"hidp/strategies/plan"
	"hidp/workloads"
)

// Shared keeps the strategies of runs, and the simulator's memory, for the runs after them: in a short run, making them takes more time
// than simulating. The zero value is ready to use; Close ends what the strategies run. Not safe for concurrent use, nor are the
// strategies in it.
type Shared struct {
	strategies map[string]plan.Planner    // by what their plans depend on: StrategyKey, and the run's seed if they take it
	platforms  map[*devices.Platform]bool // that these have planned for since they were made
	seeded     map[string]bool            // by name: whether there is an option seed
	programs   int                        // of the strategies that run something, those that may be running
	workspace  sim.Workspace
	lent       lent
}

// lent is the memory of an outcome, of the scenario that it is of, and of its arrivals.
type lent struct {
	scenario Scenario
	arrivals workloads.Room
	outcome  Outcome
}

// The bounds of what is kept; what is full starts anew. A strategy may keep, for every platform that it plans for, what it has worked
// out: about half a megabyte for squeezenet1_1 on the paper's platform, more for larger networks.
const (
	mostStrategies = 1024
	mostPlatforms  = 64
	mostPrograms   = 8 // strategies that run something of their own
)

// Close ends what the strategies run. They may be used again.
func (h *Shared) Close() error {
	var errs []error
	for _, s := range h.strategies {
		errs = append(errs, plan.Close(s))
	}
	return errors.Join(errs...)
}

// Lend lets outcomes of runs hold until the next run only, which then uses their memory.
func (h *Shared) Lend() { h.workspace.Lend = true }

// lend returns where outcomes go; nil: nowhere.
func (h *Shared) lend() *lent {
	if h == nil || !h.workspace.Lend {
		return nil
	}
	return &h.lent
}

// simulator returns the simulator's memory; nil if nothing is shared.
func (h *Shared) simulator() *sim.Workspace {
	if h == nil {
		return nil
	}
	return &h.workspace
}

// StrategyKey identifies the scenario's strategy with the options given for it; it does not hold the run's seed.
func (s *Scenario) StrategyKey() string { return strategyKey(s.Strategy, s.Options) }

func strategyKey(name string, options strategies.Options) string {
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

// strategy returns a strategy for a run on p and a key that says what its plans depend on. One with a seed of its own gets the run's, unless its
// options say otherwise, so that repetitions of a run differ in everything that is random. The error is catalog.New's.
func (h *Shared) strategy(name string, options strategies.Options, seed uint64, p *devices.Platform) (plan.Planner, string, error) {
	key := strategyKey(name, options)
	_, given := options["seed"]
	seeded := !given && h.takesSeed(name)
	var own string
	if seeded {
		const most = 1_000_000_000
		own = strconv.FormatUint(seed%most, 10)
		key += "\x00seed\x00" + own
	}
	if err := h.bound(p); err != nil {
		return nil, "", err
	}
	if known := h.strategies[key]; known != nil {
		return known, key, nil
	}
	if seeded {
		given := options
		options = strategies.Options{"seed": own}
		maps.Copy(options, given)
	}
	made, err := catalog.New(name, options)
	if err != nil {
		return nil, "", err
	}
	if runs(made) {
		if h.programs++; h.programs > mostPrograms {
			if err := h.Close(); err != nil {
				return nil, "", err
			}
			maps.DeleteFunc(h.strategies, func(_ string, s plan.Planner) bool { return runs(s) })
			h.programs = 1
		}
	}
	h.strategies[key] = made
	return made, key, nil
}

// runs reports whether a strategy may run something that Close ends.
func runs(s plan.Planner) bool {
	_, ok := s.(io.Closer)
	return ok
}

// bound makes room for one more strategy and for p.
func (h *Shared) bound(p *devices.Platform) error {
	var err error
	if h.strategies == nil || len(h.strategies) >= mostStrategies || !h.platforms[p] && len(h.platforms) >= mostPlatforms {
		err = h.Close()
		h.programs = 0
		h.strategies, h.platforms = map[string]plan.Planner{}, map[*devices.Platform]bool{}
	}
	if !h.platforms[p] {
		h.platforms[p] = true
	}
	return err
}

// takesSeed reports whether a strategy has an option seed; an unknown one has none.
func (h *Shared) takesSeed(name string) bool {
	takes, known := h.seeded[name]
	if !known {
		e, err := catalog.Find(name)
		takes = err == nil && takesSeed(e)
		if h.seeded == nil {
			h.seeded = map[string]bool{}
		}
		h.seeded[name] = takes
	}
	return takes
}

func takesSeed(e strategies.Entry) bool {
	return slices.ContainsFunc(e.Options, func(o strategies.Option) bool { return o.Name == "seed" })
}
