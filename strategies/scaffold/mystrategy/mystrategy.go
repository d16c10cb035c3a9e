// Package mystrategy is a strategy of your own: say here what the method is, cite its paper, and state what it sees, what it ignores
// and where this code deviates from the paper.
//
// As it stands it cuts the network once: the first blocks run on the leader, the others on one other node. It tries every node and
// several places to cut, and takes the plan with the least forecast latency.
package mystrategy

import (
	"errors"

	"hidp/strategies"
	"hidp/strategies/plan"
	"hidp/strategies/split"
	"hidp/workloads"
)

// name is what the strategy is called in files, flags and tables.
const name = "my-strategy"

// options are its knobs. Read them in New, and document them here: the program prints this, and tests hold you to it.
var options = []strategies.Option{
	{Name: "cuts", Default: "8", Doc: "most places at which a cut is tried"},
}

// Entry describes the strategy for the catalog.
func Entry() strategies.Entry {
	return strategies.Entry{Name: name, Summary: "the first blocks on the leader, the others where they are over first",
		Source: "none yet: name the paper", Blind: "all clusters but the default one of every node", Options: options, New: New}
}

// New makes the strategy. The error is a *strategies.OptionError.
func New(given strategies.Options) (plan.Planner, error) {
	r := strategies.Read(name, options, given)
	s := &planner{cuts: r.Int("cuts", 1, strategies.MostBlocks)}
	if err := r.Err(); err != nil {
		return nil, err
	}
	return s, nil
}

// planner implements plan.Loaded. Keep nothing in it that changes an answer.
type planner struct{ cuts int }

// UsesBacklog implements plan.Loaded: the forecast looks at what is queued, so plans are made anew for every request. A method that does
// not look at it leaves this out, and executors use its plans again.
func (s *planner) UsesBacklog() bool { return true }

// Plan implements plan.Planner. Among equals the first node and the first cut win: the same problem has the same plan, always.
func (s *planner) Plan(r plan.Problem, b *plan.Belief) (*plan.Plan, error) {
	blocks, warning := strategies.SearchBlocks(r.Graph, s.cuts)
	var best *plan.Plan
	var least plan.Prediction
	for _, j := range split.Reachable(b.Platform, r.Leader) {
		for _, block := range blocks {
			p, err := cut(r, b, block.From, j)
			if err != nil {
				return nil, err
			}
			if plan.Validate(p, r.Graph, b.Platform) != nil {
				continue // a node lacks memory
			}
			if f := plan.Forecast(p, r.Graph, b); best == nil || f.Latency < least.Latency {
				best, least = p, f
			}
		}
	}
	if best == nil {
		return nil, &plan.InfeasibleError{Reason: "no node has enough memory for what " + name + " would give it"}
	}
	if warning != "" {
		best.Warnings = append(best.Warnings, warning)
	}
	return best, nil
}

// cut returns the plan in which the layers from first on run on node j, and those before it on the leader. The builder adds the sends.
func cut(r plan.Problem, b *plan.Belief, first, j int) (*plan.Plan, error) {
	g, nodes, end := r.Graph, b.Platform.Nodes, len(r.Graph.Layers)
	pb := plan.NewBuilder(name, r, b)
	if first > 1 {
		pb.Compute(r.Leader, nodes[r.Leader].DefaultCluster, workloads.Slice{From: 1, To: first, Out: g.Full(first-1, r.Batch)})
	}
	pb.Compute(j, nodes[j].DefaultCluster, workloads.Slice{From: first, To: end, Out: g.Full(end-1, r.Batch)})
	p, err := pb.Finish()
	if err != nil {
		return nil, errors.Join(errors.New(name+": a cut that makes no plan"), err)
	}
	return p, nil
}
