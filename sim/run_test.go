package sim

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/strategies/plan"
	"hidp/workloads"
)

// relay is two nodes that take turns: one task of 10 ms on each, 1 kB between (1 ms and 1 ms latency each way).
func relay(t *testing.T) (*devices.Platform, *workloads.Graph, *plan.Plan) {
	p := plainPlatform(1, 1, 1)
	g := tasks(t, 1000, 10e6, 10e6)
	return p, g, chainPlan(t, p, g, 0, at{0, 0}, at{1, 0})
}

const ms = time.Millisecond

func TestResultOfOneRequest(t *testing.T) {
	p, g, plan := relay(t)
	r := runPlan(t, Config{Truth: p, Arrivals: once(), Records: true, TraceLimit: -1, Seed: 7}, plan, g)
	require.Equal(t, 24*ms, r.Latency.Mean)
	require.Equal(t, Latency{24 * ms, 24 * ms, 24 * ms, 24 * ms, 24 * ms}, r.Latency)
	require.Equal(t, 24*ms, r.Makespan)
	require.InEpsilon(t, 1/0.024, r.Throughput, 1e-12)
	require.Equal(t, []Record{{Finish: 24 * ms}}, r.Records)
	// Two nodes idle for 24 ms at 1 W, work for 10 ms each at 2 W, and have a transfer under way for 2 ms each at 0.5 W.
	require.InEpsilon(t, 2*0.024+2*2*0.010+2*0.5*0.002, float64(r.EnergyServing()), 1e-12)
	require.InEpsilon(t, float64(r.EnergyServing())+0.024, r.EnergyPlatform, 1e-12)
	require.Equal(t, []bool{true, true, false}, []bool{r.Nodes[0].Participated, r.Nodes[1].Participated, r.Nodes[2].Participated})
	require.Equal(t, 1000.0, r.Resources[0].Bytes)
	var phases []string
	for _, x := range r.Trace.Phases {
		if x.End > x.Start {
			phases = append(phases, fmt.Sprintf("%d %s %v-%v", x.Node, x.Name, x.Start, x.End))
		}
	}
	require.Equal(t, []string{"1 idle 0s-12ms", "1 execute 12ms-22ms", "0 execute 0s-24ms"}, phases)
	s := r.Summary()
	require.Equal(t, 0.024, s.Latency.P95)
	require.Equal(t, int64(1), s.Completed)
	require.NotNil(t, s.Warnings)
}

func TestPlanningTimeIsPartOfTheLatency(t *testing.T) {
	p, g, plan := relay(t)
	for _, c := range []struct {
		planning Planning
		want     time.Duration
	}{
		{Planning{}, 24 * ms},
		{Planning{Mode: PlanningFixed, Fixed: 5 * ms}, 29 * ms},
		{Planning{Mode: PlanningMeasured, Measure: func(f func()) time.Duration { f(); return 3 * ms }}, 27 * ms},
	} {
		r := runPlan(t, Config{Truth: p, Arrivals: every(time.Second, 3), Planning: c.planning}, plan, g)
		require.Equal(t, c.want, r.Latency.Max)
		require.Equal(t, c.want-24*ms, r.PlanningTime, "charged to every request, also to those whose plan is reused")
	}
}

// A leader makes one plan at a time.
func TestRequestsWaitForThePlanner(t *testing.T) {
	p, g, plan := relay(t)
	r := runPlan(t, Config{Truth: p, Arrivals: every(0, 3), Planning: Planning{Mode: PlanningFixed, Fixed: 100 * ms}, Records: true}, plan, g)
	for i, rec := range r.Records {
		require.Equal(t, time.Duration(i+1)*100*ms, rec.Planned)
		require.Equal(t, rec.Planned+24*ms, rec.Finish)
	}
}

func TestALostNodeFailsWhoNeedsIt(t *testing.T) {
	p, g, plan := relay(t)
	cfg := Config{Truth: p, Arrivals: every(100*ms, 4), Faults: Faults{Nodes: []NodeLoss{{At: 115 * ms, Node: 1}}}, Records: true, TraceLimit: -1}
	r := runPlan(t, cfg, plan, g)
	require.Equal(t, []int64{1, 3}, []int64{r.Completed, r.Failed})
	require.Equal(t, []Failure{{Reason: "node n1 lost at 115ms", Node: "n1", Requests: 3}}, r.Failures)
	require.Equal(t, 115*ms, r.Records[1].Finish, "the one under way fails at once")
	require.Equal(t, 200*ms, r.Records[2].Finish, "later ones at their arrival")
	require.True(t, r.Nodes[1].Lost)
	require.Equal(t, 13*ms, r.Nodes[1].Clusters[0].Busy)
	require.InEpsilon(t, 0.115, r.Nodes[1].Idle, 1e-9)

	cfg = Config{Truth: p, Arrivals: every(100*ms, 4), Faults: Faults{Nodes: []NodeLoss{{At: 115 * ms, Node: 2}}}}
	require.Zero(t, runPlan(t, cfg, plan, g).Failed, "a node nobody needs")
	cfg = Config{Truth: p, Arrivals: every(100*ms, 4), Faults: Faults{Nodes: []NodeLoss{{At: 115 * ms, Node: 0}}}}
	require.Equal(t, int64(3), runPlan(t, cfg, plan, g).Failed, "the leader")
}

// avoider plans for node 1 while it can be reached, and for the leader alone when it cannot.
type avoider struct{ t *testing.T }

func (a avoider) Plan(r plan.Problem, b *plan.Belief) (*plan.Plan, error) {
	n := 0
	if b.Platform.Network.Connected(0, 1) {
		n = 1
	}
	return chainPlan(a.t, b.Platform, r.Graph, 0, at{n, 0}, at{n, 0}), nil
}

func TestLeadersPlanAroundALostNode(t *testing.T) {
	p, g, _ := relay(t)
	r, err := Run(context.Background(), Config{Truth: p, Strategy: avoider{t}, Models: []*workloads.Graph{g}, Arrivals: every(100*ms, 4),
		Faults: Faults{Nodes: []NodeLoss{{At: 110 * ms, Node: 1}}}, Records: true})
	require.NoError(t, err)
	require.Equal(t, int64(1), r.Failed)
	require.Equal(t, 24*ms, r.Records[0].Finish)
	require.Equal(t, 220*ms, r.Records[2].Finish)
}

func TestLinksThatAreCutAndMended(t *testing.T) {
	p, g, plan := relay(t)
	// Node 0's uplink is cut when half of the 1 kB from it is through (at 10.5 ms), until 20 ms.
	cut := CapacityChange{Resource: 0, From: 10*ms + ms/2, To: 20 * ms}
	r := runPlan(t, Config{Truth: p, Arrivals: once(), Faults: Faults{Resources: []CapacityChange{cut}}}, plan, g)
	require.Equal(t, 24*ms+9*ms+ms/2, r.Latency.Mean)
	// At a quarter of its capacity for good, the other half takes 2 ms instead of 0.5.
	slow := CapacityChange{Resource: 0, From: 10*ms + ms/2, Capacity: 0.25e6}
	r = runPlan(t, Config{Truth: p, Arrivals: once(), Faults: Faults{Resources: []CapacityChange{slow}}}, plan, g)
	require.Equal(t, 24*ms+3*ms/2, r.Latency.Mean)
	cut.To = 0
	r, err := RunPlan(context.Background(), Config{Truth: p, Arrivals: every(100*ms, 2), Faults: Faults{Resources: []CapacityChange{cut}}}, plan, g)
	var deadlock *DeadlockError
	require.ErrorAs(t, err, &deadlock)
	require.ErrorContains(t, err, "2 requests unfinished and nothing left to happen; request 0 waits for a transfer from n0 to n1")
	require.Equal(t, []int64{2, 0, 2}, []int64{r.Arrived, r.Completed, r.InFlight})
}

// A transfer that moves, but for longer than the clock can count, is too slow and no deadlock: both over a link that flows share and
// beside other resources.
func TestASlowNetworkIsNoDeadlock(t *testing.T) {
	p, g, plan := relay(t)
	slow := CapacityChange{Resource: 0, From: 10*ms + ms/2, Capacity: 1e-12}
	_, err := RunPlan(context.Background(), Config{Truth: p, Arrivals: once(), Faults: Faults{Resources: []CapacityChange{slow}}}, plan, g)
	var horizon *HorizonError
	require.ErrorAs(t, err, &horizon)
	require.EqualError(t, err, "the transfer from n0 to n1 is too slow to end within the 292 years that the clock can count: "+
		"1 requests are under way for ever")
}

func TestHorizonEndsTheRun(t *testing.T) {
	p, g, plan := relay(t)
	r, err := RunPlan(context.Background(), Config{Truth: p, Arrivals: every(100*ms, 4), Horizon: 205 * ms, TraceLimit: -1}, plan, g)
	var horizon *HorizonError
	require.ErrorAs(t, err, &horizon)
	require.Equal(t, int64(1), horizon.Unfinished)
	require.Equal(t, []int64{3, 2, 1}, []int64{r.Arrived, r.Completed, r.InFlight})
	require.Equal(t, 205*ms, r.Makespan)
	require.Equal(t, 25*ms, r.Nodes[0].Clusters[0].Busy)
	r, err = RunPlan(context.Background(), Config{Truth: p, Arrivals: every(100*ms, 4), Horizon: 150 * ms}, plan, g)
	require.NoError(t, err, "nothing was under way")
	require.Equal(t, int64(2), r.Completed)
}

func TestMemory(t *testing.T) {
	p := plainPlatform(1, 1)
	b := workloads.NewBuilder("fat", workloads.Shape{C: 1000, H: 1, W: 1})
	b.Linear("fc", 0, 1000, workloads.NoAct)
	g, err := b.Build()
	require.NoError(t, err)
	made := chainPlan(t, p, g, 0, at{1, 0})
	need := plan.Memory(made, g, 2)
	require.Equal(t, int64(1001*1000*4), need[1].Weights)

	p.Nodes[1].Memory = need[1].Total()
	r := runPlan(t, Config{Truth: p, Arrivals: once()}, made, g)
	require.Equal(t, need[1].Total(), r.Nodes[1].PeakMemory)
	require.Empty(t, r.Warnings)

	r = runPlan(t, Config{Truth: p, Arrivals: every(0, 5)}, made, g)
	require.Equal(t, need[1].Weights+5*need[1].Activations, r.Nodes[1].PeakMemory, "weights once, activations per request")
	require.Len(t, r.Warnings, 1)
	require.Contains(t, r.Warnings[0], "node n1")

	p.Nodes[1].Memory--
	_, err = RunPlan(context.Background(), Config{Truth: p, Arrivals: once()}, made, g)
	var full *OutOfMemoryError
	require.ErrorAs(t, err, &full)
	require.Equal(t, "n1", full.Node)
}

func TestCancelledRunReturnsWhatItHas(t *testing.T) {
	p, g, plan := relay(t)
	ctx, cancel := context.WithCancel(context.Background())
	var seen int64
	cfg := Config{Truth: p, Arrivals: every(time.Second, 1_000_000), Observe: Observer{Progress: func(x Progress) {
		if seen = x.Completed; seen > 2000 {
			cancel()
		}
	}}}
	r, err := RunPlan(ctx, cfg, plan, g)
	require.ErrorIs(t, err, context.Canceled)
	require.Greater(t, r.Completed, int64(2000))
	require.Less(t, r.Completed, int64(20_000))
	require.Equal(t, 24*ms, r.Latency.Mean)
}

// spy notes which platforms it is shown.
type spy struct {
	plan.Planner
	seen []*devices.Platform
}

func (s *spy) Plan(r plan.Problem, b *plan.Belief) (*plan.Plan, error) {
	s.seen = append(s.seen, b.Platform)
	return s.Planner.Plan(r, b)
}

// Strategies see the belief and nothing else; plans run on the truth.
func TestStrategiesSeeTheBeliefOnly(t *testing.T) {
	p, g, plan := relay(t)
	belief := faster(p, 2)
	s := &spy{Planner: fixedPlan{plan}}
	r, err := Run(context.Background(), Config{Truth: p, Belief: belief, Strategy: s, Models: []*workloads.Graph{g}, Arrivals: once()})
	require.NoError(t, err)
	require.Equal(t, 24*ms, r.Latency.Mean)
	require.Len(t, s.seen, 1)
	require.Same(t, belief, s.seen[0])
}

type infeasible struct{}

func (infeasible) Plan(plan.Problem, *plan.Belief) (*plan.Plan, error) {
	return nil, &plan.InfeasibleError{Reason: "too big"}
}

func TestInfeasibleAndInvalid(t *testing.T) {
	p, g, made := relay(t)
	_, err := Run(context.Background(), Config{Truth: p, Strategy: infeasible{}, Models: []*workloads.Graph{g}, Arrivals: once()})
	var e *plan.InfeasibleError
	require.True(t, errors.As(err, &e))

	bad := *made
	bad.Ops = append([]plan.Op(nil), made.Ops...)
	bad.Ops[1].Node = 7
	_, err = RunPlan(context.Background(), Config{Truth: p, Arrivals: once()}, &bad, g)
	require.ErrorContains(t, err, "op 1: node 7")

	_, err = RunPlan(context.Background(), Config{Truth: p, Faults: Faults{Nodes: []NodeLoss{{Node: 9}}}, Horizon: -1}, made, g)
	var config *ConfigError
	require.ErrorAs(t, err, &config)
	require.Len(t, config.Faults, 3)
}

func TestClosedLoopClientsWaitAndThink(t *testing.T) {
	p, g, plan := relay(t)
	clients, err := workloads.Closed{Clients: 1, Think: 6 * ms}.Loop(1, workloads.Mix{}, workloads.Limit{Requests: 4})
	require.NoError(t, err)
	r := runPlan(t, Config{Truth: p, Clients: clients, Records: true}, plan, g)
	require.Equal(t, int64(4), r.Completed)
	for i, rec := range r.Records {
		require.Equal(t, time.Duration(i)*30*ms, rec.Arrival)
		require.Equal(t, rec.Arrival+24*ms, rec.Finish)
	}
}

// The noise of links does not depend on what is sent over others: the n-th message from one node to another meets the same.
func TestNoiseIsCommonToAllStrategies(t *testing.T) {
	draws := func(pairs ...[2]int32) []time.Duration {
		n := noise{seed: 5, nodes: plainPlatform(1, 1, 1).Nodes}
		var out []time.Duration
		for _, p := range pairs {
			if d := n.exponential(p[0], p[1], ms); p == [2]int32{0, 1} {
				out = append(out, d)
			}
		}
		return out
	}
	a, b := [2]int32{0, 1}, [2]int32{1, 2}
	require.Equal(t, draws(a, a, a, a), draws(b, a, b, b, a, a, b, a))
	require.NotEqual(t, draws(a, a)[0], draws(a, a)[1])
}

func TestHistogramTakesOverFromSamples(t *testing.T) {
	var exact, binned statistics
	for i := range 3000 {
		exact.complete(time.Duration(i)*ms, 0)
	}
	binned.samples = make([]time.Duration, 0)
	for i := range exactSamples + 1000 {
		binned.complete(time.Duration(i%3000)*ms, 0)
	}
	e, b := exact.latency(), binned.latency()
	require.NotNil(t, binned.histogram)
	for _, x := range [][2]time.Duration{{e.P50, b.P50}, {e.P95, b.P95}, {e.P99, b.P99}, {e.Mean, b.Mean}} {
		require.InEpsilon(t, x[0], x[1], 0.002)
	}
	require.Equal(t, e.Max, b.Max)
}
