// Package hidp plans as HiDP does (Taufique et al., "HiDP: Hierarchical DNN Partitioning for Distributed Inference on
// Heterogeneous Edge Platforms", DATE 2025, arXiv 2411.16086): in two tiers, at each of which a stretch of the network is either
// given to one worker (model partition) or its data is shared by several (data partition), whichever is faster. The workers of the
// global tier are the nodes, each seen with what its local tier makes of all its core clusters; those of the local tier are the
// clusters of one node. The paper's equations are not public: the recursion T* = min(T_model, T_data) and shares in proportion to
// rates are a reconstruction, and the choice per block by dynamic programming is this project's reading of its "design space
// exploration".
//
// Reading order:
//
//   - chain.go: the network as a chain of positions.
//   - solve.go: the dynamic program both tiers share.
//   - tier.go, share.go, link.go: what the program asks: workers, shares of the data, what moving tensors costs.
//   - rows.go, gates.go, samples.go: the price of a segment whose rows or samples are shared.
//   - weigh.go: which shares are tried.
//   - local.go, planner.go: the two tiers put together, and the stages of a plan.
//   - goal.go: objectives other than latency, as weighted sums of seconds and joules.
//   - choice.go, refine.go: candidate plans, their shares refined, the choice among them by forecast.
//   - hidp.go: the strategy: its options and the scopes of its search.
package hidp

import (
	"slices"

	"hidp/devices"
	"hidp/strategies"
	"hidp/strategies/optchain"
	"hidp/strategies/plan"
	"hidp/workloads"
)

// options of hidp and its ablations.
func options(tier string) []strategies.Option {
	opts := []strategies.Option{
		{Name: "objective", Default: "latency", Values: []string{"latency", "energy", "edp"}, Doc: "what to minimise: latency, energy of the participating nodes, or their product"},
		{Name: "backlog", Default: "true", Values: []string{"true", "false"}, Doc: "plan around the work already queued on the clusters"},
		{Name: "data", Default: "exact", Values: []string{"exact", "rows", "samples", "rows-nohalo", "none"},
			Doc: "what data partition shares: rows with exact halos, samples of the batch, either (exact), rows with halos ignored (inexact: not the network's answer), or nothing"},
		{Name: "segment", Default: "16", Doc: "the most blocks that strips run through between two exchanges"},
	}
	if tier == "" {
		opts = append(opts, strategies.Option{Name: "tier", Default: "both", Values: []string{"both", "global", "local"}, Doc: "which tiers plan: both, the nodes only, or the leader's clusters only"})
	}
	return opts
}

const paper = "HiDP (DATE 2025, arXiv 2411.16086)"

// Entry describes HiDP.
func Entry() strategies.Entry {
	return entry("hidp", "", "two tiers, nodes and their core clusters; at each the better of model and data partition, block by block", "other requests' transfers; how the backlog changes meanwhile")
}

// GlobalEntry describes the ablation without a local tier.
func GlobalEntry() strategies.Entry {
	return entry("hidp-global", "global", "HiDP without its local tier: every node runs the default framework", "all clusters but the default framework's; other requests' transfers")
}

// LocalEntry describes the ablation without a global tier.
func LocalEntry() strategies.Entry {
	return entry("hidp-local", "local", "HiDP without its global tier: the leader's core clusters only", "all nodes but the leader")
}

func entry(name, tier, summary, blind string) strategies.Entry {
	opts := options(tier)
	return strategies.Entry{Name: name, Summary: summary, Source: paper, Blind: blind, Options: opts,
		New: func(o strategies.Options) (plan.Planner, error) {
			r := strategies.Read(name, opts, o)
			h := &hidp{name: name, tier: tier, objective: r.Word("objective"), backlog: r.Bool("backlog"), data: r.Word("data"), segment: r.Int("segment", 1, 1000)}
			if tier == "" {
				h.tier = r.Word("tier")
			}
			if err := r.Err(); err != nil {
				return nil, err
			}
			return strategies.Narrowed(name, h, strategies.MostNodes), nil
		}}
}

// hidp implements plan.Loaded.
type hidp struct {
	name, tier, objective, data string
	backlog                     bool
	segment                     int
	planners                    []*planner // what was worked out for earlier requests and changes no answer; the last used comes last
}

// mostPlanners bounds what is kept: about half a megabyte each for a small network on five boards, more for larger ones.
const mostPlanners = 64

// request is what a planner holds for.
type request struct {
	graph         *workloads.Graph
	platform      *devices.Platform
	batch, leader int
}

// planner returns the planner of earlier requests of the kind or a new one.
func (h *hidp) planner(r plan.Problem, b *plan.Belief) *planner {
	key := request{r.Graph, b.Platform, r.Batch, r.Leader}
	var p *planner
	if i := slices.IndexFunc(h.planners, func(p *planner) bool { return p.of == key }); i >= 0 {
		p = h.planners[i]
		h.planners = slices.Delete(h.planners, i, i+1)
	} else {
		p = newPlanner(h.name, r, b, h.data != "rows-nohalo")
		p.of = key
		if len(h.planners) == mostPlanners {
			h.planners = slices.Delete(h.planners, 0, 1)
		}
	}
	h.planners = append(h.planners, p)
	p.b, p.queue = b, backlog(b)
	return p
}

// UsesBacklog implements plan.Loaded.
func (h *hidp) UsesBacklog() bool { return h.backlog }

// Plan implements plan.Planner: the answers of the search in every scope, then the one with the best forecast.
func (h *hidp) Plan(r plan.Problem, b *plan.Belief) (*plan.Plan, error) {
	if !h.backlog {
		idle := *b
		idle.Backlog = nil
		b = &idle
	}
	p := h.planner(r, b)
	best := &choice{p: p, objective: h.objective}
	scopes := h.scopes(r, b)
	for _, x := range scopes {
		best.try(x, p.stretches(optchain.Latency(r, b, x.use(b), h.backlog)))
		for _, g := range p.goals(h.objective, x) {
			p.goal = g.goal
			x.nodes = g.nodes
			best.try(x, p.search(x))
		}
	}
	if best.tight != "" {
		for _, x := range scopes {
			for _, xs := range optchain.Fitting(r, b, x.use(b)) {
				best.try(x, p.stretches(xs))
			}
		}
	}
	return best.answer()
}

// scopes returns the restrictions of the search to be tried: that of the strategy itself, and those of its ablations, because a
// smaller search is priced more exactly and its answer may forecast better.
func (h *hidp) scopes(r plan.Problem, b *plan.Belief) []scope {
	all, leader := make([]bool, len(b.Platform.Nodes)), make([]bool, len(b.Platform.Nodes))
	for j := range all {
		all[j] = true
	}
	leader[r.Leader] = true
	data := dataset{rows: h.data != "samples" && h.data != "none", samples: h.data == "samples" || h.data == "exact", longest: h.segment}
	if h.data == "rows-nohalo" {
		data.halo, data.longest = workloads.HaloIgnore, len(r.Graph.Layers)
	}
	both, global, local := scope{nodes: all, data: data, local: true}, scope{nodes: all, data: data}, scope{nodes: leader, data: data, local: true}
	switch h.tier {
	case "global":
		return []scope{global}
	case "local":
		return []scope{local}
	}
	return []scope{both, global, local}
}

// use returns which clusters may take part in scope x.
func (x scope) use(b *plan.Belief) func(node, cluster int) bool {
	return func(j, k int) bool { return x.nodes[j] && (x.local || k == b.Platform.Nodes[j].DefaultCluster) }
}

// backlog returns the believed queues in seconds, or nil if all are empty.
func backlog(b *plan.Belief) [][]float64 {
	var out [][]float64
	any := false
	for j := range b.Platform.Nodes {
		var row []float64
		for k := range b.Platform.Nodes[j].Physical {
			q := b.Queued(j, k)
			any = any || q > 0
			row = append(row, q.Seconds())
		}
		out = append(out, row)
	}
	if !any {
		return nil
	}
	return out
}
