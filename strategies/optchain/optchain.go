// Package optchain finds the best model partition exactly: the yardstick of all methods that place every block of a network on one
// core cluster, whole. For the latency of a lone request that is a shortest path over (block, cluster) (Viterbi); a cluster may be
// visited again, and neighbouring blocks on one cluster are one slice with one invocation. For throughput it is the pipeline with
// the fastest bottleneck in which every cluster is used once (the recursion of PipeEdge, arXiv 2110.14895, over sets of clusters).
//
// Reading order: chain.go (the costs), latency.go, memory.go (what happens where memory is short), throughput.go, optchain.go.
package optchain

import (
	"fmt"

	"hidp/strategies"
	"hidp/strategies/plan"
)

var options = []strategies.Option{{Name: "objective", Default: "latency", Values: []string{"latency", "throughput"},
	Doc: "the latency of a lone request, or the rate of a pipeline that uses every cluster once"}}

// Entry describes the strategy.
func Entry() strategies.Entry {
	return strategies.Entry{Name: "opt-chain", Summary: "exact optimum of model partition: every block on one cluster of one node",
		Source: "shortest path over blocks and clusters; bottleneck recursion as in PipeEdge (arXiv 2110.14895)",
		Blind:  "data partition; the backlog; relays over a third node", Options: options,
		New: func(o strategies.Options) (plan.Planner, error) {
			r := strategies.Read("opt-chain", options, o)
			objective := r.Word("objective")
			if err := r.Err(); err != nil {
				return nil, err
			}
			return strategies.Narrowed("opt-chain", optchain{objective}, strategies.MostNodes), nil
		}}
}

type optchain struct{ objective string }

// Plan implements plan.Planner. A plan that does not fit the nodes' memory is replaced by the best one that uses every
// node once, with what it is given fitting in its memory; if that forgets what the leader holds besides, by the best single cluster.
func (o optchain) Plan(r plan.Problem, b *plan.Belief) (*plan.Plan, error) {
	c := newChain(r, b, All)
	find := c.latency
	if o.objective == "throughput" {
		find = c.throughput
	}
	several, one := func() []run { return c.fitting(false) }, func() []run { return c.fitting(true) }
	for _, find := range []func() []run{find, several, one, c.whole} {
		if runs := find(); runs != nil {
			if p, err := c.emit(runs); err == nil && plan.Fits(p, c.r.Graph, c.b.Platform) == nil {
				return p, nil
			}
		}
	}
	return nil, &plan.InfeasibleError{Reason: fmt.Sprintf("no way to place the blocks of %s (%d MB of weights) so that they fit the memory of the nodes of %s that the leader can reach",
		r.Graph.Name, r.Graph.WeightBytes()>>20, b.Platform.Name)}
}

// Stretch is layers [From, To) on one cluster of a node.
type Stretch struct{ Node, Cluster, From, To int }

// All lets every cluster take part.
func All(node, cluster int) bool { return true }

// Latency returns the model partition with the lowest latency of a lone request over the clusters that may take part, or nil if
// there is none; with backlog, every cluster starts when its queue is empty. Memory is not looked at.
func Latency(r plan.Problem, b *plan.Belief, use func(node, cluster int) bool, backlog bool) []Stretch {
	c := newChain(r, b, use)
	if backlog {
		c.queue()
	}
	return c.stretched(c.latency())
}

// Fitting returns the model partitions with the lowest latency among those that give every node at most one stretch of blocks, which
// fits its memory: first with any clusters, where a stretch is charged as one slice and the plan may turn out to need more, then with
// one cluster per node, where the charge is exact. An entry is nil if no such partition exists.
func Fitting(r plan.Problem, b *plan.Belief, use func(node, cluster int) bool) [2][]Stretch {
	c := newChain(r, b, use)
	return [2][]Stretch{c.stretched(c.fitting(false)), c.stretched(c.fitting(true))}
}

// stretched turns runs of blocks into stretches of layers.
func (c *chain) stretched(runs []run) []Stretch {
	var out []Stretch
	for _, x := range runs {
		d := c.devices[x.device]
		out = append(out, Stretch{d.node, d.cluster, c.blocks[x.from].From, c.blocks[x.to-1].To})
	}
	return out
}
