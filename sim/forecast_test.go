package sim

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/strategies/plan"
)

// The fluid forecast and the event-driven simulator share nothing but the cost model, so their agreement on lone plans checks
// both. The simulator rounds every completion up to a nanosecond; that is all they may differ by, unless rounding turns a tie.
func TestLonePlansAgreeWithTheForecast(t *testing.T) {
	var worst, worstEnergy, sum float64
	var worstNs time.Duration
	const n = 2000
	for seed := range uint64(n) {
		s := randomScenario(seed)
		r, err := RunPlan(context.Background(), Config{Truth: s.platform, Arrivals: &fixedArrivals{at: []time.Duration{0}}}, s.plan, s.graph)
		require.NoError(t, err, "seed %d", seed)
		want := plan.Forecast(s.plan, s.graph, plan.NewBelief(s.platform))
		relative := math.Abs(float64(r.Latency.Mean-want.Latency)) / float64(want.Latency)
		energy := math.Abs(r.ServingJoules-want.Energy) / want.Energy
		require.Less(t, relative, 0.01, "seed %d: simulated %v, forecast %v", seed, r.Latency.Mean, want.Latency)
		require.Less(t, energy, 0.01, "seed %d: simulated %v J, forecast %v J", seed, r.ServingJoules, want.Energy)
		worst, worstEnergy, sum = max(worst, relative), max(worstEnergy, energy), sum+relative
		worstNs = max(worstNs, (r.Latency.Mean - want.Latency).Abs())
	}
	t.Logf("%d lone plans: latency differs by at most %.2g (%v), on average %.2g; energy by at most %.2g", n, worst, worstNs, sum/n, worstEnergy)
}
