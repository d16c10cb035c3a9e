package sim

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/strategies/plan"
	"hidp/workloads"
)

// One lone request costs the same energy whenever it arrives and whoever asks; only the platform's energy grows while it waits.
func TestEnergyOfALoneRequestDoesNotDependOnTheArrivals(t *testing.T) {
	p, g, plan := relay(t)
	clients, err := workloads.Closed{Clients: 1}.Loop(1, workloads.Equal(1), workloads.Limit{Requests: 1})
	require.NoError(t, err)
	want := 2*0.024 + 2*2*0.010 + 2*0.5*0.002 // as in TestResultOfOneRequest
	for at, cfg := range map[time.Duration]Config{
		0:                {Truth: p, Clients: clients},
		20 * time.Second: {Truth: p, Arrivals: &fixedArrivals{at: []time.Duration{20 * time.Second}}},
	} {
		r := runPlan(t, cfg, plan, g)
		require.InEpsilon(t, want, float64(r.EnergyServing()), 1e-12)
		require.InEpsilon(t, 3*at.Seconds()+want+0.024, r.EnergyPlatform, 1e-12)
	}
	r := runPlan(t, Config{Truth: p, Arrivals: every(time.Second, 5)}, plan, g)
	require.InEpsilon(t, want, float64(r.EnergyServing()), 1e-12, "of five, far apart")
	r = runPlan(t, Config{Truth: p, Arrivals: every(0, 2)}, plan, g)
	require.Equal(t, 34*ms, r.Makespan)
	require.InEpsilon(t, (2*0.034+2*2*0.020+2*0.5*0.004)/2, float64(r.EnergyServing()), 1e-12, "of two at a time: idle power counts once")
}

// While a plan is made the leader's planner draws the power of its cluster, and all nodes of the plan take part since the arrival.
func TestPlanningCostsEnergy(t *testing.T) {
	p, g, plan := relay(t)
	r := runPlan(t, Config{Truth: p, Arrivals: &fixedArrivals{at: []time.Duration{20 * time.Second}},
		Planning: Planning{Mode: PlanningFixed, Fixed: 5 * ms}}, plan, g)
	require.Equal(t, 29*ms, r.Nodes[0].Serving)
	require.Equal(t, 29*ms, r.Nodes[1].Serving)
	require.InEpsilon(t, 2*0.029+2*2*0.010+2*0.5*0.002+2*0.005, float64(r.EnergyServing()), 1e-12)
	// Two at once: the second plan is made while the leader's cluster works for the first, which costs nothing more.
	r = runPlan(t, Config{Truth: p, Arrivals: every(0, 2), Planning: Planning{Mode: PlanningFixed, Fixed: 5 * ms}}, plan, g)
	require.InEpsilon(t, 2*0.005, r.Nodes[0].Planning, 1e-12)
}

// A run in which nothing is completed has no latency, no planning time and no serving energy: null, not zero.
func TestNothingCompletedIsNull(t *testing.T) {
	p, g, plan := relay(t)
	r := runPlan(t, Config{Truth: p, Arrivals: every(0, 3), Faults: Faults{Nodes: []NodeLoss{{At: ms, Node: 0}}}}, plan, g)
	require.Equal(t, int64(3), r.Failed)
	data, err := json.Marshal(r.Summary())
	require.NoError(t, err)
	var got map[string]any
	require.NoError(t, json.Unmarshal(data, &got))
	for _, key := range []string{"latency", "energy_serving", "planning_time"} {
		require.Contains(t, got, key)
		require.Nil(t, got[key], key)
	}
	require.InEpsilon(t, 0.003+0.002, got["energy_platform"], 1e-9, "the lost node was on and at work for 1 ms, the others until then")
	var back Summary
	require.NoError(t, json.Unmarshal(data, &back))
	require.False(t, back.EnergyServing.Known())
	again, err := json.Marshal(back)
	require.NoError(t, err)
	require.Equal(t, string(data), string(again))
}

// Requests that are planned out of the order of their arrivals cover the gaps before them: checked against counting by the moment.
func TestLateJoinsCoverGaps(t *testing.T) {
	for seed := range uint64(500) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var v serving
		var under [200]bool
		var ends []int
		for now := range under {
			for i := len(ends) - 1; i >= 0; i-- {
				if ends[i] == now {
					v.leave(time.Duration(now))
					ends = append(ends[:i], ends[i+1:]...)
				}
			}
			if rng.IntN(8) > 0 {
				continue
			}
			from, to := max(0, now-rng.IntN(40)), min(len(under), now+1+rng.IntN(10))
			v.join(time.Duration(from), true)
			ends = append(ends, to)
			for i := from; i < to; i++ {
				under[i] = true
			}
		}
		want := 0
		for _, u := range under {
			if u {
				want++
			}
		}
		require.Equal(t, time.Duration(want), v.until(time.Duration(len(under))), "seed %d", seed)
	}
}

// Models with leaders of their own and planners that take their time: the account of the nodes is that of the trace.
func TestServingWithSeveralPlanners(t *testing.T) {
	p := plainPlatform(1, 1, 1)
	a, b := tasks(t, 1000, 10e6, 10e6), tasks(t, 500, 3e6)
	plans := planPerModel{a: chainPlan(t, p, a, 0, at{0, 0}, at{1, 0}), b: chainPlan(t, p, b, 2, at{1, 0})}
	for seed := range uint64(50) {
		source, err := workloads.Poisson{Rate: 30}.Source(seed, workloads.Mix{Weights: []float64{1, 3}}, workloads.Limit{Requests: 100})
		require.NoError(t, err)
		cfg := Config{Truth: p, Strategy: plan.Planner(plans), Models: []*workloads.Graph{a, b}, Leaders: []int{0, 2}, Arrivals: source,
			Planning: Planning{Mode: PlanningFixed, Fixed: 40 * ms}, TraceLimit: -1}
		r := finished(t, cfg)
		checkServing(t, seed, cfg, r)
		for j, want := range r.Trace.Serving(len(r.Nodes), r.Makespan) {
			require.Equal(t, want, r.Nodes[j].Serving, "seed %d node %d", seed, j)
		}
	}
}
