package sweep

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// An axis over a short name gives the scenarios of the axis over the path.
func TestShortNamesOfAxes(t *testing.T) {
	brief, err := Parse("brief.toml", []byte(`
axis = [{ field = "model", values = ["squeezenet1_1", "resnet18"] }, { field = "load", values = ["1 /s", "2 /s"] }]
[scenario]
platform = "paper-wlan"
strategy = "hidp"
requests = 2
models = ["resnet50"]
`))
	require.NoError(t, err)
	long, err := Parse("long.toml", []byte(`
axis = [{ field = "workload.models", values = [["squeezenet1_1"], ["resnet18"]] }, { field = "workload.arrivals.rate", values = ["1 /s", "2 /s"] }]
[scenario]
platform = "paper-wlan"
strategy = { name = "hidp" }
workload = { requests = 2, models = ["resnet50"], arrivals = { kind = "poisson", rate = "1 /s" } }
`))
	require.NoError(t, err)
	one, other := newEvaluator(brief).worker(), newEvaluator(long).worker()
	for point := range int64(4) {
		a, b := make([]setting, 2), make([]setting, 2)
		one.space.settings(point, a, nil)
		other.space.settings(point, b, nil)
		s, err := one.scenario(a)
		require.NoError(t, err)
		want, err := other.scenario(b)
		require.NoError(t, err)
		require.Equal(t, want.ModelNames(), s.ModelNames())
		require.Equal(t, want.Arrivals, s.Arrivals)
		require.Equal(t, want.Limit, s.Limit)
	}
	_, err = Parse("twice.toml", []byte(`
axis = [{ field = "model", values = ["resnet18"] }, { field = "workload.models", values = [["resnet50"]] }]
scenario = { platform = "paper-wlan", strategy = "hidp", requests = 1 }
`))
	require.ErrorContains(t, err, "workload.models has an axis already")
}
