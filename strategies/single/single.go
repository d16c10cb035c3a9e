// Package single holds the reference methods that do not partition: the whole network on one core cluster.
package single

import (
	"time"

	"hidp/devices"
	"hidp/strategies"
	"hidp/strategies/plan"
	"hidp/strategies/split"
	"hidp/workloads"
)

// Entries returns single-gpu, single-cpu and single-best.
func Entries() []strategies.Entry {
	const blind = "nodes other than the leader, backlog"
	return []strategies.Entry{
		{Name: "single-gpu", Summary: "the default framework on the leader: its GPU, or all its CPU cores where it has none",
			Source: "the default behaviour of inference frameworks", Blind: blind + ", memory",
			New: fixed("single-gpu", func(n *devices.Node) int { return n.DefaultCluster })},
		{Name: "single-cpu", Summary: "all CPU cores of the leader",
			Source: "the CPU-only behaviour of inference frameworks", Blind: blind + ", memory",
			New: fixed("single-cpu", func(n *devices.Node) int { return n.CPUCluster })},
		{Name: "single-best", Summary: "the one core cluster of any node with the least upload, compute and download time",
			Source: "the best of computation offloading without partitioning", Blind: "backlog", New: newBest},
	}
}

// fixed makes strategies that run everything on the leader's cluster that pick names.
func fixed(name string, pick func(*devices.Node) int) func(strategies.Options) (plan.Planner, error) {
	return func(opts strategies.Options) (plan.Planner, error) {
		if err := strategies.Read(name, nil, opts).Err(); err != nil {
			return nil, err
		}
		return leaderOnly{name, pick}, nil
	}
}

type leaderOnly struct {
	name string
	pick func(*devices.Node) int
}

// Plan implements plan.Planner.
func (s leaderOnly) Plan(r plan.Problem, b *plan.Belief) (*plan.Plan, error) {
	p, err := place(s.name, r, b, r.Leader, s.pick(&b.Platform.Nodes[r.Leader]))
	if err == nil {
		err = plan.Fits(p, r.Graph, b.Platform)
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

type best struct{}

func newBest(opts strategies.Options) (plan.Planner, error) {
	if err := strategies.Read("single-best", nil, opts).Err(); err != nil {
		return nil, err
	}
	return best{}, nil
}

// Plan implements plan.Planner. Among equals the leader wins, then the first node and its first cluster.
func (best) Plan(r plan.Problem, b *plan.Belief) (*plan.Plan, error) {
	s := search{r: r, b: b}
	for _, j := range split.Reachable(b.Platform, r.Leader) {
		s.try(j)
	}
	if s.err == nil && s.found == nil {
		s.err = &plan.InfeasibleError{Reason: "no node the leader can reach has enough memory for " + r.Graph.Name}
	}
	return s.found, s.err
}

// search is the best plan so far.
type search struct {
	r     plan.Problem
	b     *plan.Belief
	found *plan.Plan
	least time.Duration
	err   error
}

// try considers all clusters of node j.
func (s *search) try(j int) {
	for k := range s.b.Platform.Nodes[j].Clusters {
		t := latency(s.r, s.b, j, k)
		if s.err != nil || s.found != nil && t >= s.least {
			continue
		}
		p, err := place("single-best", s.r, s.b, j, k)
		switch {
		case err != nil:
			s.found, s.err = nil, err
		case plan.Fits(p, s.r.Graph, s.b.Platform) == nil:
			s.found, s.least = p, t
		}
	}
}

// latency returns the believed upload, compute and download time of the whole network on cluster k of node j.
func latency(r plan.Problem, b *plan.Belief, j, k int) time.Duration {
	g, out := r.Graph, r.Graph.Output()
	up := b.Platform.Transfer(r.Leader, j, g.Bytes(g.Tensor(0, r.Batch)))
	down := b.Platform.Transfer(j, r.Leader, g.Bytes(g.Tensor(out, r.Batch)))
	return up + b.Costs(g).Slice(j, k, whole(r)) + down
}

func whole(r plan.Problem) workloads.Slice {
	out := r.Graph.Output()
	return workloads.Slice{From: 1, To: out + 1, Out: r.Graph.Full(out, r.Batch)}
}

func place(name string, r plan.Problem, b *plan.Belief, j, k int) (*plan.Plan, error) {
	pb := plan.NewBuilder(name, r, b)
	pb.Compute(j, k, whole(r))
	return pb.Finish()
}
