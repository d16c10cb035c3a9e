package conformance

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/strategies"
	"hidp/strategies/plan"
)

// check puts the random question of seed to the variant and holds its answer against the laws: a valid plan or a justified
// refusal, the same one every time, from an untouched belief. It reports whether there was a plan.
func (v variant) check(t *testing.T, seed uint64) bool {
	t.Helper()
	s, q := v.make(t), newSituation(seed)
	p, err := s.Plan(q.request, q.belief)
	require.Equal(t, newSituation(seed).belief.Platform, q.belief.Platform, "seed %d: the belief is not the strategy's to change", seed)
	require.Equal(t, newSituation(seed).belief.Backlog, q.belief.Backlog, "seed %d: the belief is not the strategy's to change", seed)
	v.checkRepeats(t, seed, s, q, p, err)
	if err != nil {
		v.checkRefusal(t, seed, q, err)
		return false
	}
	require.NoError(t, plan.Validate(p, q.request.Graph, q.belief.Platform), "seed %d: %v", seed, q)
	require.Equal(t, v.entry.Name, p.Strategy, "seed %d: the plan must carry the name of the strategy", seed)
	require.Equal(t, q.request.Graph.Name, p.Model)
	require.Equal(t, q.belief.Platform.Name, p.Platform)
	require.Equal(t, [2]int{q.request.Leader, q.request.Batch}, [2]int{p.Leader, p.Batch})
	if !v.mayBeInexact() {
		require.True(t, p.Exact(), "seed %d: the plan must compute the network's own answer", seed)
	}
	return true
}

// mayBeInexact reports whether the options ask for ignored halos.
func (v variant) mayBeInexact() bool {
	for _, word := range v.options {
		if word == "ignore" || strings.Contains(word, "nohalo") {
			return true
		}
	}
	return false
}

// leaderOnly reports whether the entry or its options say that other nodes are out of sight.
func (v variant) leaderOnly() bool {
	return strings.Contains(v.entry.Blind, "nodes but the leader") || strings.Contains(v.entry.Blind, "nodes other than the leader") ||
		v.options["tier"] == "local"
}

// checkRepeats demands the same answer again: from the same strategy after another question, and from a fresh one. A strategy
// that does not say it uses the backlog must not.
func (v variant) checkRepeats(t *testing.T, seed uint64, s plan.Planner, q situation, p *plan.Plan, err error) {
	t.Helper()
	if other := newSituation(seed + 1e6); true {
		_, _ = s.Plan(other.request, other.belief) // a refusal is an answer too
	}
	again, err2 := s.Plan(q.request, q.belief)
	const state = "seed %d: the strategy answers the same question otherwise after another one: it keeps state that changes its answers"
	require.Equal(t, err, err2, state, seed)
	require.Equal(t, p, again, state, seed)
	fresh := newSituation(seed)
	why := "seed %d: a fresh strategy answers the same question otherwise: the answer depends on chance or on an order that is not fixed"
	if loaded, ok := s.(plan.Loaded); !ok || !loaded.UsesBacklog() {
		fresh.belief.Backlog = nil
		why = "seed %d: a fresh strategy answers otherwise when nothing is queued: if the plan depends on the backlog, implement plan.Loaded; " +
			"else it depends on chance or on an order that is not fixed"
	}
	anew, err3 := v.make(t).Plan(fresh.request, fresh.belief)
	require.Equal(t, err, err3, why, seed)
	require.Equal(t, p, anew, why, seed)
}

// checkRefusal demands that a refusal is justified: with memory to spare there is a plan, and a method that sees memory refuses
// only where no single node could take the whole network.
func (v variant) checkRefusal(t *testing.T, seed uint64, q situation, err error) {
	t.Helper()
	var infeasible *plan.InfeasibleError
	require.ErrorAs(t, err, &infeasible, "seed %d: %v", seed, q)
	require.NotEmpty(t, infeasible.Reason)
	if !strings.Contains(v.entry.Blind, "memory") {
		for j := range q.belief.Platform.Nodes {
			if j != q.request.Leader && v.leaderOnly() {
				continue
			}
			p := q.whole(j, 0)
			require.False(t, p != nil && plan.Validate(p, q.request.Graph, q.belief.Platform) == nil,
				"seed %d: refused (%v), but node %d can take it all", seed, err, j)
		}
	}
	roomy := newSituation(seed)
	for j := range roomy.belief.Platform.Nodes {
		roomy.belief.Platform.Nodes[j].Memory = 1 << 40
	}
	p, err := v.make(t).Plan(roomy.request, roomy.belief)
	require.NoError(t, err, "seed %d: no plan with memory to spare", seed)
	require.NoError(t, plan.Validate(p, roomy.request.Graph, roomy.belief.Platform))
}

// RunAgainstOptimum checks that no model partition that e finds is forecast to be faster than the one of optimum, the exact
// optimum over model partitions. Plans that split data are not compared, nor is memory an obstacle here.
func RunAgainstOptimum(t *testing.T, e, optimum strategies.Entry) {
	t.Helper()
	compared := 0
	for seed := range uint64(Cases) {
		q := newSituation(seed)
		q.belief.Backlog = nil
		for j := range q.belief.Platform.Nodes {
			q.belief.Platform.Nodes[j].Memory = 1 << 40
		}
		p, err := variant{entry: e}.make(t).Plan(q.request, q.belief)
		require.NoError(t, err, "seed %d", seed)
		if !modelPartition(p, q) {
			continue
		}
		best, err := variant{entry: optimum}.make(t).Plan(q.request, q.belief)
		require.NoError(t, err, "seed %d", seed)
		g := q.request.Graph
		got, least := plan.Forecast(p, g, q.belief).Latency, plan.Forecast(best, g, q.belief).Latency
		rounding := len(p.Ops) + len(best.Ops) // every op's duration is rounded to a nanosecond
		require.LessOrEqual(t, int64(least), int64(got)+int64(rounding), "seed %d: %v", seed, q)
		compared++
	}
	require.Positive(t, compared, "no plan to compare")
}

// modelPartition reports whether every slice of the plan covers all data and consists of whole blocks.
func modelPartition(p *plan.Plan, q situation) bool {
	g := q.request.Graph
	starts := map[int]bool{len(g.Layers): true}
	for _, b := range g.Blocks() {
		starts[b.From] = true
	}
	for i := range p.Ops {
		if op := &p.Ops[i]; op.Kind == plan.Compute {
			s := op.Slice
			if s.Out != g.Full(s.To-1, p.Batch) || !starts[s.From] || !starts[s.To] {
				return false
			}
		}
	}
	return true
}
