package single

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/strategies"
	"hidp/strategies/conformance"
	"hidp/strategies/plan"
)

// The methods are forms of one: single-best is never behind either of the others, and its choice is what the forecast says.
func TestBestIsBest(t *testing.T) {
	compared := 0
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		g, b := conformance.RandomGraph(rng), plan.NewBelief(conformance.RandomPlatform(rng))
		r := plan.Problem{Graph: g, Batch: 1 + rng.IntN(4), Leader: b.Platform.Leader}
		var latency []float64
		for _, e := range Entries() {
			s, err := e.New(nil)
			require.NoError(t, err)
			p, err := s.Plan(r, b)
			if err != nil {
				require.ErrorAs(t, err, new(*plan.InfeasibleError))
				break
			}
			require.NoError(t, plan.Validate(p, g, b.Platform))
			latency = append(latency, float64(plan.Forecast(p, g, b).Latency))
		}
		if len(latency) == 3 {
			require.LessOrEqual(t, latency[2], min(latency[0], latency[1])+3)
			compared++
		}
	}
	require.Greater(t, compared, 200)
}

func TestNoOptions(t *testing.T) {
	for _, e := range Entries() {
		_, err := e.New(strategies.Options{"speed": "9"})
		require.ErrorContains(t, err, `has no option "speed"`)
	}
}
