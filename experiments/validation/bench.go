package validation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"hidp/sim/trace"
	"hidp/strategies/plan"
	"hidp/workloads"
)

// Bench runs plans for real: on boards, or on emulated ones.
type Bench interface {
	// Measure deploys the case's plan, profiles it, asks the case for a schedule, and serves it: the blocks of the latency phase one
	// after the other, then the crowds of the throughput phase, each right after a profile of its own. Passes of these come as far
	// apart as the requests that they are for: what a machine has forgotten of an op depends on how long ago it was (package doc).
	// Nothing but the requests of a crowd begins before what came before has ended. An error ends the whole validation; a run that took place but cannot be trusted
	// is a Measurement with Invalid reasons.
	Measure(ctx context.Context, c Case) (*Measurement, error)
}

// Case is a plan to be measured.
type Case struct {
	Model    string
	Strategy string // the label in the matrix of the first strategy that made the plan
	Graph    *workloads.Graph
	Plan     *plan.Plan
	Attempt  int // 0, or 1 where the first was invalid

	Profile Profiling
	Check   bool // whether outputs are compared with those of the unsplit network

	// Schedule says with a profile when requests come. It may be asked again when a better one is there; what it said last counts.
	Schedule func([]Profile) (Schedule, error)
}

// Profiling says how ops are profiled.
type Profiling struct {
	Passes int           // over all ops, that count, before each block
	Crowd  int           // the same before each crowd
	Apart  time.Duration // a pass begins as long after what came before it as requests do after each other, but not longer than this
}

// Profile is how long every op of a plan takes on its cluster while nothing else goes on, by op; 0 for sends. A pass over the ops makes
// one: what a pass disturbs meets ops together, as it does in a request.
type Profile []time.Duration

// typical returns the median of every op.
func typical(passes []Profile) Profile {
	out := make(Profile, len(passes[0]))
	for i := range out {
		var all []time.Duration
		for _, f := range passes {
			all = append(all, f[i])
		}
		slices.Sort(all)
		out[i] = all[(len(all)-1)/2]
	}
	return out
}

// check returns what is missing from passes over plan p.
func check(passes []Profile, p *plan.Plan) error {
	if len(passes) == 0 {
		return errors.New("nothing was profiled")
	}
	for _, f := range passes {
		if err := f.check(p); err != nil {
			return err
		}
	}
	return nil
}

// check returns what is missing from a profile of plan p.
func (f Profile) check(p *plan.Plan) error {
	if len(f) != len(p.Ops) {
		return fmt.Errorf("the profile is of %d ops, the plan has %d", len(f), len(p.Ops))
	}
	for i := range p.Ops {
		if p.Ops[i].Kind == plan.Compute && f[i] <= 0 {
			return fmt.Errorf("op %d was not profiled", i)
		}
	}
	return nil
}

// work is the profile as what the simulator and agents that only wait ask for.
func (f Profile) work(_ *plan.Plan, op int) time.Duration { return f[op] }

// Schedule says which requests there are in each phase, and when.
type Schedule struct {
	Latency []int         // lone requests, by block
	Apart   time.Duration // from the beginning of a lone request to that of the next,
	Gap     time.Duration // but so long after its end at least

	Throughput []time.Duration // when the requests of a crowd come, from the beginning of it: faster than the nodes can keep up with
	Together   time.Duration   // between these
	Crowds     int

	Modelled int     // lone requests to agents that wait as long as the profile says instead of computing; 0: none
	Profile  Profile // the one that the schedule was made by
}

// lone returns the number of requests of the latency phase.
func (s *Schedule) lone() (n int) {
	for _, block := range s.Latency {
		n += block
	}
	return n
}

// Measurement is what a bench measured. Times in the traces count from the beginning of their phase.
type Measurement struct {
	Latency  *trace.Trace // of all blocks
	Crowds   []Crowd
	Modelled *trace.Trace // nil if the schedule has none

	Blocks [][]Profile // by block of the latency phase: the passes before it

	Lag       Lag      // of the worst phase
	Invalid   []string // why the run cannot be trusted
	Energy    []Energy // of the latency and throughput phases; nodes without an instrument may be missing
	Agreement *Agreement
}

// Crowd is a run of requests that come faster than they can be served, with the passes before it.
type Crowd struct {
	Passes []Profile
	Trace  *trace.Trace
}

// traces returns the traces of crowds.
func traces(crowds []Crowd) (list []*trace.Trace) {
	for _, c := range crowds {
		list = append(list, c.Trace)
	}
	return list
}

// Lag is how much later than meant things happened, where the testbed holds them back to a time.
type Lag struct{ Mean, Max time.Duration }

// Energy is what a node's own instrument measured.
type Energy struct {
	Node   int
	Joules float64
	Length time.Duration // over which: both phases, and what lies between
	Source string        // the instrument: "ina3221 VDD_IN"; empty: this node has none
}

// Agreement says how the output of the distributed run stands to that of the unsplit network.
type Agreement struct {
	Outputs int     `json:"outputs"` // compared
	Exact   bool    `json:"exact"`   // to the last bit
	Largest float64 `json:"largest"` // difference, in parts of the largest magnitude

	Tolerance float64 `json:"tolerance"` // largest difference that counts as the same answer: submodel.Source.Tolerance
	Reason    string  `json:"reason"`    // of the tolerance
}

// ok reports whether the answers are the same within the tolerance.
func (a *Agreement) ok() bool { return a.Largest <= a.Tolerance }

// DisagreementError says that a distributed run gave another answer than the unsplit network.
type DisagreementError struct {
	Model, Strategy string
	Agreement       Agreement
}

// Error implements error.
func (e *DisagreementError) Error() string {
	return fmt.Sprintf("%s as planned by %s: the output is off by %.3g of the largest magnitude, more than %.2g (%s)", e.Model, e.Strategy, e.Agreement.Largest,
		e.Agreement.Tolerance, e.Agreement.Reason)
}
