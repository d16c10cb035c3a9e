package experiments

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/sim"
	"hidp/strategies"
	"hidp/strategies/plan"
)

// What runs share changes nothing of what they put out: summary, requests, trace.
func TestSharingChangesNothing(t *testing.T) {
	files, err := filepath.Glob("scenarios/*.toml")
	require.NoError(t, err)
	require.Greater(t, len(files), 5)
	var shared Shared
	var cache sim.Cache
	for _, f := range files {
		s, err := Load(f)
		require.NoError(t, err)
		if s.Limit.Requests > 500 {
			s.Limit.Requests = 500
		}
		for _, o := range []Overrides{{}, {Strategy: "omniboost"}, {Strategy: "modnn", Options: strategies.Options{"sync": "layer"}}, {Strategy: "modnn"}} {
			for _, seed := range []uint64{3, 4, 3} {
				o.Seed, o.Records, o.Trace = &seed, true, -1
				lone, together := o, o
				together.Shared, together.Cache = &shared, &cache
				want, wantErr := s.Run(context.Background(), lone)
				got, err := s.Run(context.Background(), together)
				require.Equal(t, fmt.Sprint(wantErr), fmt.Sprint(err), "%s with %s", f, o.Strategy)
				if want != nil {
					// A run that completed nothing has NaN for its latency, which equals nothing: texts are compared.
					require.Equal(t, fmt.Sprintf("%+v", want.Summary), fmt.Sprintf("%+v", got.Summary), "%s with %s", f, o.Strategy)
					require.Equal(t, want.Result, got.Result, "%s with %s", f, o.Strategy)
				}
			}
		}
	}
	require.NotEmpty(t, shared.strategies)
}

// Only what plans depend on tells strategies apart: options, and the seed of those that have one.
func TestStrategiesAreSharedByOptionsAndSeed(t *testing.T) {
	var shared Shared
	p := new(devices.Platform)
	keys := map[string]plan.Planner{}
	ask := func(name string, options strategies.Options, seed uint64) string {
		s, key, err := shared.strategy(name, options, seed, p)
		require.NoError(t, err)
		if known, ok := keys[key]; ok {
			require.Same(t, known, s)
		}
		keys[key] = s
		return key
	}
	require.Equal(t, ask("modnn", nil, 1), ask("modnn", strategies.Options{}, 2))
	require.NotEqual(t, ask("modnn", nil, 1), ask("modnn", strategies.Options{"sync": "layer"}, 1))
	require.NotEqual(t, ask("omniboost", nil, 1), ask("omniboost", nil, 2))
	require.Equal(t, ask("omniboost", nil, 7), ask("omniboost", strategies.Options{"seed": "7"}, 8))
	_, _, err := shared.strategy("modn", nil, 1, p)
	require.ErrorContains(t, err, `did you mean "modnn"`)
	_, _, err = shared.strategy("omniboost", strategies.Options{"scop": "local"}, 1, p)
	require.ErrorContains(t, err, "scop")
}

func TestSharedIsBounded(t *testing.T) {
	var shared Shared
	p := new(devices.Platform)
	first, _, err := shared.strategy("hidp", nil, 1, p)
	require.NoError(t, err)
	for range 3 * mostPlatforms {
		_, _, err := shared.strategy("hidp", nil, 1, new(devices.Platform))
		require.NoError(t, err)
		require.LessOrEqual(t, len(shared.platforms), mostPlatforms)
	}
	next, _, err := shared.strategy("hidp", nil, 1, p)
	require.NoError(t, err)
	require.NotSame(t, first, next, "which would keep what it knows of all platforms")
	for seed := range uint64(3 * mostStrategies) {
		_, _, err := shared.strategy("omniboost", nil, seed, p)
		require.NoError(t, err)
		require.LessOrEqual(t, len(shared.strategies), mostStrategies)
	}
}

// A planner that is timed is asked anew, by a strategy that knows nothing yet; a belief that errs is met only once.
func TestMeasuredPlanningAndErringBeliefsShareNothing(t *testing.T) {
	s, err := Load("scenarios/mixed-load.toml")
	require.NoError(t, err)
	s.Limit.Requests = 3
	measured, erring := *s, *s
	measured.Planning, erring.BeliefError = Planning{Measured: true}, 0.1
	for _, c := range []struct {
		s     *Scenario
		holds int
	}{{&measured, 0}, {&erring, 0}, {s, 1}} {
		var shared Shared
		_, err = c.s.Run(context.Background(), Overrides{Shared: &shared, Cache: &sim.Cache{}})
		require.NoError(t, err)
		require.Len(t, shared.strategies, c.holds)
	}
}
