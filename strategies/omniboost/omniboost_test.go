package omniboost

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/strategies"
	"hidp/strategies/conformance"
	"hidp/strategies/plan"
	"hidp/workloads/zoo"
)

func method(t *testing.T, opts strategies.Options) *omniboost {
	s, err := newOmniBoost(opts)
	require.NoError(t, err)
	return s.(*omniboost)
}

// exhaustive returns the least period over all legal mappings.
func exhaustive(e *estimator) float64 {
	s := newSearch(e, 0, rand.New(rand.NewPCG(1, 1)))
	least := s.unit
	var walk func(depth int)
	walk = func(depth int) {
		if depth == len(s.mapping) {
			least = min(least, e.period(s.mapping))
			return
		}
		for _, d := range append([]int(nil), s.moves(depth)...) {
			fresh := !s.used[d]
			s.take(depth, d)
			walk(depth + 1)
			if fresh {
				s.used[d] = false
			}
		}
	}
	walk(0)
	return least
}

// On small instances the search is close to the exhaustive optimum, and with a large budget it finds it.
func TestSearchAgainstExhaustive(t *testing.T) {
	sum, n := 0.0, 0
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		b := plan.NewBelief(conformance.RandomPlatform(rng))
		r := plan.Problem{Graph: conformance.RandomGraph(rng), Batch: 1, Leader: b.Platform.Leader}
		e := method(t, nil).newEstimator(r, b)
		if len(e.devices) > 6 || len(e.chain) > 7 {
			continue
		}
		least := exhaustive(e)
		got := e.period(newSearch(e, 1.4, rand.New(rand.NewPCG(seed, 2))).run(500))
		require.GreaterOrEqual(t, got, least-1e-15)
		sum += least / got
		n++
		if n <= 15 {
			got = e.period(newSearch(e, 1.4, rand.New(rand.NewPCG(seed, 3))).run(20000))
			require.InEpsilon(t, least, got, 0.05, "seed %d", seed)
		}
	}
	require.Greater(t, n, 40)
	require.Greater(t, sum/float64(n), 0.95, "mean share of the optimal throughput")
	t.Logf("%d instances: on average %.3f of the optimal throughput", n, sum/float64(n))
}

// The budget is the number of evaluations; more never hurts, and the default framework's mapping is the least one gets.
func TestMoreBudgetIsNoWorse(t *testing.T) {
	g, err := zoo.Get("vgg19")
	require.NoError(t, err)
	b := plan.NewBelief(conformance.Boards(1e8, 1, 2, 3))
	e := method(t, nil).newEstimator(plan.Problem{Graph: g, Batch: 1}, b)
	last := newSearch(e, 1.4, rand.New(rand.NewPCG(1, 1))).unit
	for _, budget := range []int{1, 10, 100, 1000} {
		got := e.period(newSearch(e, 1.4, rand.New(rand.NewPCG(1, 1))).run(budget))
		require.LessOrEqual(t, got, last)
		last = got
	}
	require.Less(t, last, 0.4*newSearch(e, 1.4, rand.New(rand.NewPCG(1, 1))).unit, "three boards of speed 6 in all beat one of speed 1")
}

// The granularity is the paper's: 19 blocks of VGG19 and 17 of Inception-v3.
func TestBlocksOfThePaper(t *testing.T) {
	for model, want := range map[string]int{"vgg19": 19, "vgg16": 16, "inception_v3": 17, "resnet50": 18, "resnet101": 35, "resnet152": 52} {
		g, err := zoo.Get(model)
		require.NoError(t, err)
		require.Len(t, blocks(g), want, model)
	}
}

func TestLocalScopeStaysOnTheLeader(t *testing.T) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 1))
		b := plan.NewBelief(conformance.RandomPlatform(rng))
		r := plan.Problem{Graph: conformance.RandomGraph(rng), Batch: 1, Leader: b.Platform.Leader}
		p, err := method(t, strategies.Options{"scope": "local"}).Plan(r, b)
		if err == nil {
			require.Zero(t, p.SentBytes(r.Graph))
		}
	}
}

// The seed decides, the noise matters, and neither depends on anything else.
func TestSeedAndNoise(t *testing.T) {
	g, err := zoo.Get("resnet50")
	require.NoError(t, err)
	b := plan.NewBelief(conformance.Boards(1e8, 1, 2, 3))
	r := plan.Problem{Graph: g, Batch: 1}
	plan := func(opts strategies.Options) *plan.Plan {
		p, err := method(t, opts).Plan(r, b)
		require.NoError(t, err)
		return p
	}
	base := plan(nil)
	require.Equal(t, base, plan(strategies.Options{"seed": "1"}))
	require.NotEqual(t, base, plan(strategies.Options{"seed": "2"}))
	require.NotEqual(t, base, plan(strategies.Options{"noise": "0.5"}))
}

func BenchmarkPlanResNet152(b *testing.B) {
	g, err := zoo.Get("resnet152")
	require.NoError(b, err)
	s, err := newOmniBoost(nil)
	require.NoError(b, err)
	belief := plan.NewBelief(conformance.Boards(1e7, 5, 4, 3, 2, 1))
	for b.Loop() {
		if _, err := s.Plan(plan.Problem{Graph: g, Batch: 1}, belief); err != nil {
			b.Fatal(err)
		}
	}
}
