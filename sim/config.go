package sim

import (
	"fmt"
	"strings"
	"time"

	"hidp/devices"
	"hidp/strategies/plan"
	"hidp/workloads"
)

// Config is everything that a run depends on. Platforms and graphs are only read and may be shared by runs that go on at the
// same time; a Strategy, Arrivals and Clients belong to one run.
type Config struct {
	Truth    *devices.Platform  // what plans run on
	Belief   *devices.Platform  // what the strategy believes; nil: the truth
	Strategy plan.Planner       // makes the plans
	Models   []*workloads.Graph // an arrival names one by index
	Batch    int                // inputs per request; 0 means 1
	Leader   int                // the node that receives the requests
	Leaders  []int              // by model, where models have leaders of their own; nil: Leader for all

	Arrivals workloads.Source // when requests come; or nil and
	Clients  *workloads.Loop  // clients that wait for their answers
	Horizon  time.Duration    // the run ends here, with whatever is under way; 0: when all requests are served

	// Cache, if not nil, keeps plans and prices for further runs on the same Platform and Graph objects. PlanKey names the
	// strategy for it, with all its options: runs with the same PlanKey must have strategies that give the same answers. If it
	// is empty, only prices are shared.
	Cache   *Cache
	PlanKey string

	// Fleet, if not nil, makes this a run of many sites.
	Fleet *Fleet

	Workspace *Workspace // memory that runs use one after the other; nil: this run's own

	Planning Planning
	Faults   Faults
	Seed     uint64

	// Work, if not nil, tells what compute op i of plan p takes on an otherwise idle node, in place of the truth's cost model: what
	// was measured on a board.
	Work func(p *plan.Plan, i int) time.Duration

	Records    bool // keep a Record of every request in the result
	TraceLimit int  // records of each kind to keep in the trace; 0: no trace, -1: all
	Observe    Observer

	Checkpoints Checkpoints
}

// Planning says how much time a leader spends on a plan. A leader makes one plan at a time; requests wait for it.
type Planning struct {
	Mode  PlanningMode
	Fixed time.Duration // PlanningFixed: per plan
	// Measure runs the planner and returns how long it took, for PlanningMeasured: the simulation itself looks at no clock.
	// The time measured for a plan is charged to every request that uses it, also where the simulation reuses the plan.
	Measure func(plan func()) time.Duration
}

// PlanningMode is one of the ways to charge for planning.
type PlanningMode uint8

// The planning modes.
const (
	PlanningZero     PlanningMode = iota // planning is free
	PlanningFixed                        // every plan takes the same time
	PlanningMeasured                     // a plan takes what the planner took here and now: not reproducible
)

// Faults are what goes wrong, and when.
type Faults struct {
	Nodes     []NodeLoss
	Resources []CapacityChange
}

// NodeLoss is a node that stops for good.
type NodeLoss struct {
	At   time.Duration
	Node int
}

// CapacityChange gives a network resource another capacity for a while. Of changes that overlap the least capacity holds, whatever
// their order.
type CapacityChange struct {
	Resource int
	From, To time.Duration // To 0: for good
	Capacity float64       // bytes/s; 0: cut
}

// Observer is told how a run goes on. Any of its functions may be nil; they must not touch the run.
type Observer struct {
	Request  func(Record)   // a request was finished or failed
	Progress func(Progress) // every few thousand events
}

// Progress is how far a run has come.
type Progress struct {
	Now                time.Duration // virtual
	Arrived, Completed int64
	Events             uint64
}

// ConfigError lists what is wrong with a Config.
type ConfigError struct{ Faults []string }

// Error implements error.
func (e *ConfigError) Error() string { return "sim: " + strings.Join(e.Faults, "; ") }

// check returns a *ConfigError with all faults, or nil.
func (c *Config) check() error {
	var faults []string
	faultf := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if c.Fleet == nil && (c.Truth == nil || c.Strategy == nil) || len(c.Models) == 0 {
		return &ConfigError{[]string{"a run needs a platform, a strategy and at least one model"}}
	}
	if c.Fleet != nil {
		c.checkFleet(faultf)
	} else {
		class := SiteClass{c.Truth, c.Belief, c.Strategy, c.Leader, c.Leaders}
		class.check(len(c.Models), faultf)
		if (c.Arrivals == nil) == (c.Clients == nil) {
			faultf("a run needs either arrivals or closed-loop clients")
		}
	}
	if c.Batch < 0 || c.Horizon < 0 || c.Planning.Fixed < 0 {
		faultf("batch, horizon and planning time must not be negative")
	}
	if c.Planning.Mode == PlanningMeasured && c.Planning.Measure == nil {
		faultf("measured planning needs a way to measure")
	}
	c.checkFaults(faultf)
	if len(faults) > 0 {
		return &ConfigError{faults}
	}
	return nil
}

// checkFaults reports what is wrong with the faults.
func (c *Config) checkFaults(faultf func(string, ...any)) {
	nodes, resources := 0, 0
	switch {
	case c.Fleet != nil:
		resources = len(c.Fleet.Resources)
	default:
		nodes, resources = len(c.Truth.Nodes), len(c.Truth.Network.Resources)
	}
	for _, f := range c.Faults.Nodes {
		if f.Node < 0 || f.Node >= nodes || f.At < 0 {
			faultf("fault: node %d is lost at %v: there are %d nodes, and times start at 0", f.Node, f.At, nodes)
		}
	}
	for _, f := range c.Faults.Resources {
		if f.Resource < 0 || f.Resource >= resources || f.From < 0 || (f.To != 0 && f.To <= f.From) || !(f.Capacity >= 0) {
			faultf("fault: resource %d from %v to %v with %v bytes/s: there are %d resources, from < to and a capacity ≥ 0 are needed",
				f.Resource, f.From, f.To, f.Capacity, resources)
		}
	}
}
