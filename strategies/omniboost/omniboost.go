package omniboost

import (
	"hidp/strategies"
	"hidp/strategies/plan"
	"hidp/workloads"
)

var options = []strategies.Option{
	{Name: "scope", Default: "global", Values: []string{"global", "clusters", "local"},
		Doc: "devices: the nodes, each with its default framework's cluster; the core clusters of all nodes; or those of the leader (the paper has one board)"},
	{Name: "links", Default: "seen", Values: []string{"seen", "ignored"},
		Doc: "whether the estimator knows what tensors between nodes cost"},
	{Name: "budget", Default: "500", Doc: "mappings tried per decision, from 1 to 1000000; the paper uses 500"},
	{Name: "C", Default: "1.4", Doc: "exploration constant of the tree search, from 0 to 100"},
	{Name: "noise", Default: "0", Doc: "standard deviation of the estimator's log error per block and device, from 0 to 2"},
	{Name: "seed", Default: "1", Doc: "seed of the search and of the noise, from 0 to 1000000000"},
}

// Entries returns omniboost. The scope is global by default since a comparison on several boards is of no use to a method that
// keeps to one; the estimator sees the links since one trained on pipelines over these boards would.
func Entries() []strategies.Entry {
	return []strategies.Entry{{
		Name:    "omniboost",
		Summary: "a pipeline of blocks over core clusters, found by Monte Carlo tree search for throughput",
		Source:  "Karatzas and Anagnostopoulos, OmniBoost: Boosting Throughput of Heterogeneous Embedded Devices under Multi-DNN Workload, DAC 2023, arXiv 2307.03290",
		Blind:   "latency of a lone request, splits of data, groups of CPU clusters, memory, backlog, energy",
		Options: options,
		New:     newOmniBoost,
	}}
}

type omniboost struct {
	scope        string
	links        bool
	budget, seed int
	explore      float64
	noise        float64
}

func newOmniBoost(given strategies.Options) (plan.Planner, error) {
	r := strategies.Read("omniboost", options, given)
	o := &omniboost{scope: r.Word("scope"), links: r.Word("links") == "seen", budget: r.Int("budget", 1, 1e6),
		explore: r.Float("C", 0, 100), noise: r.Float("noise", 0, 2), seed: r.Int("seed", 0, 1e9)}
	if err := r.Err(); err != nil {
		return nil, err
	}
	return o, nil
}

// Plan implements plan.Planner.
func (o *omniboost) Plan(r plan.Problem, b *plan.Belief) (*plan.Plan, error) {
	e := o.newEstimator(r, b)
	mapping := newSearch(e, o.explore, o.stream("search")).run(o.budget)
	pb := plan.NewBuilder("omniboost", r, b)
	for lo := 0; lo < len(mapping); {
		hi := lo + 1
		for hi < len(mapping) && mapping[hi] == mapping[lo] {
			hi++
		}
		d, to := e.devices[mapping[lo]], e.chain[hi-1].To
		pb.Compute(d.node, d.cluster, workloads.Slice{From: e.chain[lo].From, To: to, Out: r.Graph.Full(to-1, r.Batch)})
		lo = hi
	}
	p, err := pb.Finish()
	if err == nil {
		err = plan.Fits(p, r.Graph, b.Platform)
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}
