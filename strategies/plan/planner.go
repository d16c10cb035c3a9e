package plan

import (
	"time"

	"hidp/devices"
	"hidp/workloads"
)

// Problem is one inference to be planned: a batch of inputs of one network, received by the leader.
type Problem struct {
	Graph  *workloads.Graph
	Batch  int
	Leader int
}

// Belief is what a planner may know: the platform as the planner believes it to be, and the load it has been told of. It is not
// the truth that the plan will run on; the two meet only in an executor.
type Belief struct {
	Platform *devices.Platform
	// Backlog is the work queued on every cluster, as time until it is free: [node][cluster]. Nil when everything is idle.
	Backlog [][]time.Duration

	costs map[*workloads.Graph]*devices.Costs
}

// NewBelief returns a belief in p with nothing queued.
func NewBelief(p *devices.Platform) *Belief {
	return &Belief{Platform: p, costs: map[*workloads.Graph]*devices.Costs{}}
}

// Costs returns the believed prices of g; they are prepared once per graph. Not safe for concurrent use.
func (b *Belief) Costs(g *workloads.Graph) *devices.Costs {
	c, ok := b.costs[g]
	if !ok {
		c = devices.NewCosts(b.Platform, g)
		b.costs[g] = c
	}
	return c
}

// Queued returns the believed time until cluster k of node j is free.
func (b *Belief) Queued(j, k int) time.Duration {
	if b.Backlog == nil {
		return 0
	}
	return b.Backlog[j][k]
}

// Planner is a method: it answers a problem with a plan, from a belief. It must be deterministic (seeds are options), must not
// keep state between calls that changes an answer, and must return an *InfeasibleError when the modelled world allows no plan.
// A planner is used by one goroutine at a time; make one per simulation.
type Planner interface {
	Plan(r Problem, b *Belief) (*Plan, error)
}

// Loaded is implemented by planners whose plans depend on the backlog; an executor may reuse the plans of all others.
type Loaded interface {
	Planner
	UsesBacklog() bool
}

// InfeasibleError says that no plan exists in the modelled world: memory, connectivity.
type InfeasibleError struct{ Reason string }

// Error implements error.
func (e *InfeasibleError) Error() string { return "infeasible: " + e.Reason }
