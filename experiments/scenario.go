package experiments

import (
	"time"

	"hidp/devices"
	"hidp/internal/input"
	"hidp/internal/strict"
	"hidp/sim"
	"hidp/strategies"
	"hidp/strategies/plan"
	"hidp/workloads"
)

// Scenario is one simulation, ready to run: a platform, a strategy, and who asks for what when. It is immutable; each run takes
// its own copy of what has a state.
type Scenario struct {
	Name        string
	Seed        uint64
	Replication int               // with Seed, what chance is drawn from (workloads.Replicate)
	Platform    *devices.Platform // the truth, its leader included

	// BeliefError is the standard deviation of the logarithm by which the strategy's belief in each rate, bandwidth and overhead
	// is off (devices.Platform.Perturbed), drawn from the seed. 0: the belief is the truth.
	BeliefError float64

	Planning Planning
	Strategy string
	Options  strategies.Options
	Plan     *plan.Plan // what every request runs; nil: the strategy plans

	Models   []*workloads.Graph
	Mix      workloads.Mix
	Batch    int
	Limit    workloads.Limit
	Arrivals Arrivals
	Faults   sim.Faults

	Warnings []string // about the files the scenario rests on; they go into every run's Summary
}

// Planning says what a plan costs the leader: nothing, a fixed time, or what it takes on the machine that simulates.
type Planning struct {
	Fixed    time.Duration
	Measured bool // not reproducible
}

// Kind is a way for requests to arrive.
type Kind string

// The kinds of arrivals.
const (
	Periodic Kind = "periodic"
	Poisson  Kind = "poisson"
	Closed   Kind = "closed"
	Trace    Kind = "trace"
)

// Arrivals says when requests come; which fields count depends on the kind.
type Arrivals struct {
	Kind     Kind
	Interval time.Duration    // periodic
	Jitter   time.Duration    // periodic
	Rate     float64          // poisson: requests per second
	Clients  int              // closed
	Think    time.Duration    // closed
	Own      bool             // closed: each client repeats one model
	Trace    *workloads.Trace // trace
}

// Load reads a scenario file. Paths in it are relative to its folder. All faults are reported at once, each with file and line.
func Load(path string) (*Scenario, error) {
	data, err := input.Read(path, input.Config)
	if err != nil {
		return nil, &strict.Error{Faults: []strict.Fault{{File: path, Message: "cannot be read: " + reason(err)}}}
	}
	return Parse(path, data)
}

// Parse reads a scenario from the content of the file at path; the file itself is not opened.
func Parse(path string, data []byte) (*Scenario, error) { return ParseWith(path, data, nil) }

// ParseWith is Parse with other files in the place of those that the scenario names: find, if not nil, is given the path of each, with
// the scenario's folder if it is relative, and returns the path to open.
func ParseWith(path string, data []byte, find func(path string) string) (*Scenario, error) {
	f := defaultScenario()
	problems, _ := strict.ParseChanged(path, data, canonical, &f)
	s := f.resolve(problems, lookup{folderOf(path), find})
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return s, nil
}

// canonical puts paths in the place of short names.
func canonical(p *strict.Problems, tree map[string]any) map[string]any {
	out, fault := Canonical(tree, p.Move)
	if fault != nil {
		p.Faultf(fault.Key, "%s", fault.Message)
	}
	return out
}

// chance returns the seed of everything that is random in the run.
func (s *Scenario) chance() uint64 { return workloads.Replicate(s.Seed, s.Replication) }

// ModelNames returns the names of the models in order.
func (s *Scenario) ModelNames() []string {
	var names []string
	for _, g := range s.Models {
		names = append(names, g.Name)
	}
	return names
}
