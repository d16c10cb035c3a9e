package hidp

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hidp/strategies"
	"hidp/strategies/conformance"
	"hidp/strategies/plan"
)

func build(t require.TestingT, e strategies.Entry, o strategies.Options) plan.Planner {
	s, err := e.New(o)
	require.NoError(t, err)
	return s
}

// instance is a random request on a random platform.
func instance(t *rapid.T) (plan.Problem, *plan.Belief) {
	rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
	g, p := conformance.RandomGraph(rng), conformance.RandomPlatform(rng)
	return plan.Problem{Graph: g, Batch: rapid.IntRange(1, 5).Draw(t, "batch"), Leader: p.Leader}, plan.NewBelief(p)
}

// planned returns the plan and its forecast, or ok false where the world allows none. It fails the test for a plan that is not valid.
func planned(t require.TestingT, s plan.Planner, r plan.Problem, b *plan.Belief) (plan.Prediction, *plan.Plan) {
	p, err := s.Plan(r, b)
	if err != nil {
		var none *plan.InfeasibleError
		require.True(t, errors.As(err, &none), "%v", err)
		return plan.Prediction{}, nil
	}
	require.NoError(t, plan.Validate(p, r.Graph, b.Platform))
	return plan.Forecast(p, r.Graph, b), p
}

func TestPlansAreValidWhateverTheOptions(t *testing.T) {
	entries := []strategies.Entry{Entry(), GlobalEntry(), LocalEntry()}
	rapid.Check(t, func(t *rapid.T) {
		r, b := instance(t)
		e := entries[rapid.IntRange(0, 2).Draw(t, "entry")]
		o := strategies.Options{}
		for _, d := range e.Options {
			if d.Values != nil {
				o[d.Name] = rapid.SampledFrom(d.Values).Draw(t, d.Name)
			}
		}
		_, p := planned(t, build(t, e, o), r, b)
		if p != nil && o["data"] != "rows-nohalo" {
			require.True(t, p.Exact())
		}
	})
}

func TestHiDPIsNeverWorseThanItsAblations(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, b := instance(t)
		whole, p := planned(t, build(t, Entry(), nil), r, b)
		for _, e := range []strategies.Entry{GlobalEntry(), LocalEntry()} {
			if part, q := planned(t, build(t, e, nil), r, b); q != nil {
				require.NotNil(t, p, e.Name)
				require.LessOrEqual(t, whole.Latency, part.Latency, e.Name)
			}
		}
	})
}
