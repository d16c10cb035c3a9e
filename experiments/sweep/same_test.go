package sweep

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/experiments"
)

func TestSubstitutionIsReading(t *testing.T) {
	base := map[string]string{
		"poisson":  small,
		"periodic": strings.ReplaceAll(strings.ReplaceAll(small, `"poisson"`, `"periodic"`), `rate = "20 /s"`, "interval = \"50 ms\"\njitter = \"1 ms\""),
		"closed":   strings.ReplaceAll(strings.ReplaceAll(small, `"poisson"`, `"closed"`), `rate = "20 /s"`, "clients = 2"),
	}
	for _, c := range []struct{ kind, field, values string }{
		{"poisson", "seed", "[1, 2]"}, {"poisson", "rate", `["7 Mbit/s", "0.3 Gbit/s"]`}, {"poisson", "jitter", `["1 ms", "3 ms"]`},
		{"poisson", "leader", `["jetson-nano", "jetson-tx2"]`}, {"poisson", "strategy.name", `["single-best", "single-cpu"]`},
		{"poisson", "belief_error", `["20 %", 0.3]`}, {"poisson", "planning", `["1 ms", "20 ms"]`}, {"poisson", "workload.batch", "[2, 3]"},
		{"poisson", "workload.requests", "[3, 9]"}, {"poisson", "workload.horizon", `["100 ms", "0.2 s"]`},
		{"poisson", "workload.arrivals.rate", `["3 /s", "70 /min"]`}, {"periodic", "workload.arrivals.interval", `["3 ms", "70 ms"]`},
		{"periodic", "workload.arrivals.jitter", `["2 ms", "3 ms"]`}, {"closed", "workload.arrivals.clients", "[3, 4]"},
		{"closed", "workload.arrivals.think", `["3 ms", "4 ms"]`},
	} {
		scenario := strings.ReplaceAll(base[c.kind], "board:jetson-tx2", "paper-wlan-3")
		s, err := Load(write(t, "sweep.toml", "scenario = \"base.toml\"\n[[axis]]\nfield = \""+c.field+"\"\nvalues = "+c.values, "base.toml", scenario))
		require.NoError(t, err, c.field)
		w := newEvaluator(s).worker()
		require.NotNil(t, w.cheap[0], c.field)
		read, err := w.scenario(s.axes[0].values[:1])
		require.NoError(t, err)
		first, second := *read, s.axes[0].values[1:]
		w.key = w.key[:0]
		substituted, ok := w.substitute(&first, second)
		require.True(t, ok, c.field)
		fresh, err := s.scenario(second)
		require.NoError(t, err)
		a, err := substituted.Run(context.Background(), experiments.Overrides{})
		require.NoError(t, err)
		b, err := fresh.Run(context.Background(), experiments.Overrides{})
		require.NoError(t, err)
		require.Equal(t, b.Summary, a.Summary, c.field)
		old, err := first.Run(context.Background(), experiments.Overrides{})
		require.NoError(t, err)
		if c.field != "rate" && c.field != "jitter" && c.field != "belief_error" {
			require.NotEqual(t, old.Summary, a.Summary, c.field)
		}
	}
}
