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
)

var options = []strategies.Option{{Name: "objective", Default: "latency", Values: []string{"latency", "throughput"},
	Doc: "the latency of a lone request, or the rate of a pipeline that uses every cluster once"}}

// Entry describes the strategy.
func Entry() strategies.Entry {
	return strategies.Entry{Name: "opt-chain", Summary: "exact optimum of model partition: every block on one cluster of one node",
		Source: "shortest path over blocks and clusters; bottleneck recursion as in PipeEdge (arXiv 2110.14895)",
		Blind:  "data partition; the backlog; relays over a third node", Options: options,
		New: func(o strategies.Options) (strategies.Strategy, error) {
			r := strategies.Read("opt-chain", options, o)
			objective := r.Word("objective")
			if err := r.Err(); err != nil {
				return nil, err
			}
			return optchain{objective}, nil
		}}
}

type optchain struct{ objective string }

// Plan implements strategies.Strategy. A plan that does not fit the nodes' memory is replaced by the best one that uses every
// node once, with what it is given fitting in its memory.
func (o optchain) Plan(r strategies.Request, b *strategies.Belief) (*strategies.Plan, error) {
	c := newChain(r, b)
	find := c.latency
	if o.objective == "throughput" {
		find = c.throughput
	}
	if runs := find(); runs != nil {
		if plan, err := c.emit(runs); err == nil && c.fits(plan) {
			return plan, nil
		}
	}
	return Fitting("opt-chain", r, b)
}

// Fitting returns the plan called name with the lowest latency among the model partitions that use every node once and whose
// blocks fit the memory of their node, or an *InfeasibleError.
func Fitting(name string, r strategies.Request, b *strategies.Belief) (*strategies.Plan, error) {
	c := newChain(r, b)
	c.name = name
	if runs := c.fitting(); runs != nil {
		if plan, err := c.emit(runs); err == nil && c.fits(plan) {
			return plan, nil
		}
	}
	return nil, &strategies.InfeasibleError{Reason: fmt.Sprintf("no way to place the blocks of %s (%d MB of weights) so that they fit the memory of the nodes of %s that the leader can reach",
		r.Graph.Name, r.Graph.WeightBytes()>>20, b.Platform.Name)}
}
