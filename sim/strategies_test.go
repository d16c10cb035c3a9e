package sim

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/sim/laws"
	"hidp/strategies/catalog"
	"hidp/strategies/conformance"
	"hidp/strategies/plan"
	"hidp/workloads"
)

// The plans of every strategy run, obey the laws, take as long as forecast when they are alone, and survive load.
func TestPlansOfEveryStrategy(t *testing.T) {
	var worst float64
	for _, entry := range catalog.Entries() {
		ran := 0
		for seed := range uint64(25) {
			rng := rand.New(rand.NewPCG(seed, 19))
			p, g := conformance.RandomPlatform(rng), conformance.RandomGraph(rng)
			strategy, err := entry.New(nil)
			require.NoError(t, err)
			cfg := Config{Truth: p, Leader: p.Leader, Strategy: strategy, Models: []*workloads.Graph{g}, Arrivals: once()}
			r, err := Run(context.Background(), cfg)
			if infeasible := (*plan.InfeasibleError)(nil); errors.As(err, &infeasible) {
				continue
			}
			require.NoError(t, err, "%s, seed %d", entry.Name, seed)
			belief := plan.NewBelief(p)
			made, err := strategy.Plan(plan.Problem{Graph: g, Batch: 1, Leader: p.Leader}, belief)
			require.NoError(t, err)
			want := plan.Forecast(made, g, belief).Latency
			off := math.Abs(float64(r.Latency.Mean-want)) / float64(want)
			require.Less(t, off, 0.01, "%s, seed %d: simulated %v, forecast %v", entry.Name, seed, r.Latency.Mean, want)
			worst = max(worst, off)
			ran++

			cfg.Arrivals, cfg.TraceLimit = every(want/2, 10), -1
			r, err = Run(context.Background(), cfg)
			require.NoError(t, err, "%s, seed %d", entry.Name, seed)
			require.Equal(t, int64(10), r.Completed)
			require.NoError(t, laws.Check(r.Trace, p), "%s, seed %d", entry.Name, seed)
		}
		require.Greater(t, ran, 5, entry.Name)
	}
	t.Logf("simulation and forecast of lone plans differ by at most %.2g", worst)
}
