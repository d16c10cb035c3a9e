package sim

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/sim/laws"
	"hidp/sim/trace"
	"hidp/strategies/conformance"
	"hidp/strategies/plan"
	"hidp/workloads"
)

// planPerModel answers each model with its own plan.
type planPerModel map[*workloads.Graph]*plan.Plan

func (m planPerModel) Plan(r plan.Problem, _ *plan.Belief) (*plan.Plan, error) {
	return m[r.Graph], nil
}

// randomRun draws a run of one to three models with queueing requests, now and then with jitter, planning time, lost nodes.
func randomRun(seed uint64) Config {
	rng := rand.New(rand.NewPCG(seed, 18))
	s := randomScenario(seed)
	cfg := Config{Truth: s.platform, Batch: s.plan.Batch, Leader: s.plan.Leader, Seed: seed, TraceLimit: -1, Models: []*workloads.Graph{s.graph}}
	plans := planPerModel{s.graph: s.plan}
	for n := rng.IntN(3); n > 0; n-- {
		g := conformance.RandomGraph(rng)
		p := randomPlan(rng, plan.Problem{Graph: g, Batch: cfg.Batch, Leader: cfg.Leader}, s.platform)
		if p != nil && plan.Validate(p, g, s.platform) == nil {
			cfg.Models = append(cfg.Models, g)
			plans[g] = p
		}
	}
	cfg.Strategy = plans
	gap := plan.Forecast(s.plan, s.graph, plan.NewBelief(s.platform)).Latency * time.Duration(rng.IntN(3)) / 2
	a := &fixedArrivals{models: len(cfg.Models)}
	at := time.Duration(rng.IntN(1000))
	for n := 1 + rng.IntN(12); n > 0; n-- {
		a.at = append(a.at, at)
		if rng.IntN(5) > 0 { // or the next one comes at the same time
			at += time.Duration(rng.ExpFloat64() * float64(gap))
		}
	}
	cfg.Arrivals = a
	if rng.IntN(4) == 0 {
		addJitter(cfg.Truth, time.Duration(rng.IntN(2_000_000)))
	}
	if rng.IntN(4) == 0 {
		cfg.Planning = Planning{Mode: PlanningFixed, Fixed: gap / 4}
	}
	if rng.IntN(4) == 0 {
		cfg.Faults.Nodes = []NodeLoss{{At: time.Duration(rng.Float64() * float64(at+gap)), Node: rng.IntN(len(cfg.Truth.Nodes))}}
	}
	return cfg
}

func addJitter(p *devices.Platform, mean time.Duration) {
	for u := range p.Network.Paths {
		for v := range p.Network.Paths[u] {
			p.Network.Paths[u][v].Jitter = mean
		}
	}
}

// Every law, on random runs. A failure names the seed.
func TestLawsHoldOnRandomRuns(t *testing.T) {
	var failed, completed int64
	for seed := range uint64(2000) {
		cfg := randomRun(seed)
		r, err := Run(context.Background(), cfg)
		require.NoError(t, err, "seed %d", seed)
		require.NoError(t, laws.Check(r.Trace, cfg.Truth), "seed %d", seed)
		checkConservation(t, seed, cfg, r)
		checkEnergy(t, seed, cfg, r)
		checkMemory(t, seed, cfg, r)
		failed += r.Failed
		completed += r.Completed

		again, err := Run(context.Background(), randomRun(seed))
		require.NoError(t, err)
		require.Equal(t, r.Trace.Requests, again.Trace.Requests, "seed %d: not deterministic", seed)
		require.Equal(t, r.Trace.Computes, again.Trace.Computes, "seed %d: not deterministic", seed)
		r.Trace, again.Trace = nil, nil
		require.Equal(t, r, again, "seed %d: not deterministic", seed)
	}
	require.Greater(t, failed, int64(150), "too few failures to test them")
	require.Greater(t, completed, int64(4000))
}

// checkConservation: what arrived was finished or failed, and every failure has a reason.
func checkConservation(t *testing.T, seed uint64, cfg Config, r *Result) {
	require.Equal(t, int64(len(cfg.Arrivals.(*fixedArrivals).at)), r.Arrived, "seed %d", seed)
	require.Equal(t, r.Arrived, r.Completed+r.Failed, "seed %d", seed)
	require.Zero(t, r.InFlight)
	require.Len(t, r.Trace.Requests, int(r.Arrived))
	var reasons int64
	for _, f := range r.Failures {
		reasons += f.Requests
	}
	require.Equal(t, r.Failed, reasons)
	if len(cfg.Faults.Nodes) == 0 {
		require.Zero(t, r.Failed, "seed %d", seed)
	}
}

// checkEnergy: the energies are those that the trace adds up to, and never below idle.
func checkEnergy(t *testing.T, seed uint64, cfg Config, r *Result) {
	var platform float64
	for j, a := range r.Trace.Accounts(cfg.Truth, r.Makespan) {
		on := r.Makespan
		for _, f := range cfg.Faults.Nodes {
			if f.Node == j {
				on = min(on, f.At)
			}
		}
		want := a.Energy(&cfg.Truth.Nodes[j], on)
		got := r.Nodes[j].Energy() - r.Nodes[j].Planning
		require.InDelta(t, want, got, 1e-9*math.Max(1, want), "seed %d node %d", seed, j)
		require.GreaterOrEqual(t, got, cfg.Truth.Nodes[j].IdlePower*on.Seconds())
		platform += r.Nodes[j].Energy()
	}
	require.InDelta(t, platform, r.EnergyPlatform, 1e-9*math.Max(1, platform))
	require.LessOrEqual(t, r.ServingJoules, r.EnergyPlatform*(1+1e-12))
	checkServing(t, seed, cfg, r)
}

// checkServing: the energy of the nodes while they take part in requests is what an integral over the trace gives, and so is that
// of a request.
func checkServing(t *testing.T, seed uint64, cfg Config, r *Result) {
	ends := make([]time.Duration, len(r.Nodes))
	for j := range ends {
		ends[j] = r.Makespan
		for _, f := range cfg.Faults.Nodes {
			if f.Node == j {
				ends[j] = min(ends[j], f.At)
			}
		}
	}
	var sum float64
	for j, want := range laws.ServingEnergy(r.Trace, cfg.Truth, cfg.Planning.Fixed, ends) {
		require.InDelta(t, want, r.Nodes[j].ServingEnergy(), 1e-9*math.Max(1, want), "seed %d node %d", seed, j)
		sum += want
	}
	if r.Completed > 0 {
		require.InDelta(t, sum/float64(r.Completed), float64(r.EnergyServing()), 1e-9*math.Max(1, sum), "seed %d", seed)
	} else {
		require.False(t, r.EnergyServing().Known(), "seed %d", seed)
	}
}

// checkMemory: the peak is that of the trace, and a node that has too little is named in a warning.
func checkMemory(t *testing.T, seed uint64, cfg Config, r *Result) {
	warned := 0
	for j := range r.Nodes {
		if r.Nodes[j].PeakMemory > cfg.Truth.Nodes[j].Memory {
			warned++
		}
		require.GreaterOrEqual(t, r.Nodes[j].PeakMemory, int64(0))
	}
	require.GreaterOrEqual(t, len(r.Warnings), warned, "seed %d", seed)
}

// The laws must notice: each way of cooking the books of an honest run is caught.
func TestLawsCatchCookedBooks(t *testing.T) {
	cook := map[string]func(*trace.Trace) bool{
		"an op that ended early":       func(x *trace.Trace) bool { x.Computes[0].End -= 10; return true },
		"an op that started late":      func(x *trace.Trace) bool { last(x.Computes).Start += 3; return true },
		"an op that ran twice":         func(x *trace.Trace) bool { x.Computes = append(x.Computes, x.Computes[0]); return true },
		"an op that never ran":         func(x *trace.Trace) bool { x.Computes = x.Computes[1:]; return true },
		"a request that ended later":   func(x *trace.Trace) bool { last(x.Requests).Finish += 1; return true },
		"a phase that ended early":     func(x *trace.Trace) bool { x.Phases[0].End -= 1; return true },
		"a transfer that was too fast": func(x *trace.Trace) bool { return slip(x, func(m *trace.Transfer) { m.Start += 5000 }) },
		"a transfer that was too slow": func(x *trace.Trace) bool { return slip(x, func(m *trace.Transfer) { m.Start -= 5000 }) },
		"a message without latency":    func(x *trace.Trace) bool { return slip(x, func(m *trace.Transfer) { m.End = m.Arrive }) },
	}
	for name, spoil := range cook {
		caught, tried := 0, 0
		for seed := range uint64(60) {
			cfg := randomRun(seed)
			cfg.Faults = Faults{}
			r, err := Run(context.Background(), cfg)
			require.NoError(t, err)
			if !spoil(r.Trace) {
				continue
			}
			tried++
			if laws.Check(r.Trace, cfg.Truth) != nil {
				caught++
			}
		}
		require.Greater(t, tried, 10, name)
		require.Equal(t, tried, caught, name)
	}
}

func last[T any](list []T) *T { return &list[len(list)-1] }

// slip changes the first transfer, if there is one.
func slip(x *trace.Trace, change func(*trace.Transfer)) bool {
	if len(x.Transfers) == 0 || x.Transfers[0].Arrive == x.Transfers[0].End {
		return false
	}
	change(&x.Transfers[0])
	return true
}
