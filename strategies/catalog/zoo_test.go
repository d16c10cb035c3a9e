package catalog

import (
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/strategies/plan"
	"hidp/workloads/zoo"
)

// Every strategy plans every network of the zoo on the paper's boards; the forecasts are printed with -v.
func TestZooOnThePaperPlatform(t *testing.T) {
	plat, err := devices.Open("paper-wlan")
	require.NoError(t, err)
	for _, model := range zoo.Names() {
		g, err := zoo.Get(model)
		require.NoError(t, err)
		b := plan.NewBelief(plat)
		for _, name := range Names() {
			s, err := New(name, nil)
			require.NoError(t, err)
			p, err := s.Plan(plan.Problem{Graph: g, Batch: 1, Leader: plat.Leader}, b)
			require.NoError(t, err, "%s of %s", name, model)
			require.NoError(t, plan.Validate(p, g, plat), "%s of %s", name, model)
			require.True(t, p.Exact())
			x := plan.Forecast(p, g, b)
			t.Logf("%-16s %-12s %9.1f ms %7.2f J %8.2f MB sent in %4d ops", model, name, x.Latency.Seconds()*1e3, x.Energy,
				float64(p.SentBytes(g))/1e6, len(p.Ops))
		}
	}
}
