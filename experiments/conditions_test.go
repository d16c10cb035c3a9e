package experiments

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/devices"
)

// The caption of a figure speaks of what was run: other boards, another medium and another leader make another caption.
func TestCaptionsAreOfWhatWasRun(t *testing.T) {
	e, err := Get("fig5")
	require.NoError(t, err)
	text := strings.Join(e.base.conditions(), "; ")
	for _, part := range []string{"platform paper-wlan, 5 boards (jetson-tx2, ", "on one shared channel of 80 Mbit/s", "jetson-tx2 receives the requests",
		"tensorflow/fp32, float32 inputs, 1 request a run in batches of 1", "rates off by 10", "jitter of 1.48ms"} {
		require.Contains(t, text, part)
	}
	other := *e
	base := *e.base
	base.Platform, err = devices.Open("paper-gbe-3")
	require.NoError(t, err)
	base.Platform, err = base.Platform.WithLeader(base.Platform.Nodes[2].Name)
	require.NoError(t, err)
	base.BeliefError = 0
	base.Models = base.Models[:1]
	other.base, other.seeds, other.methods, other.rivals = &base, [2]int{1, 1}, e.methods[:4], e.rivals[:1]
	y, err := other.runBars(context.Background(), Options{Seed: 1, Jobs: 1}, nil)
	require.NoError(t, err)
	caption := strings.Join(y.tables[0].Notes, " ") + y.tables[0].Title
	require.Contains(t, caption, "platform paper-gbe-3, 3 boards (")
	require.Contains(t, caption, "on links of 940 Mbit/s; "+base.Platform.Nodes[2].Name+" receives the requests")
	for _, gone := range []string{"five", "Wi-Fi", "80 Mbit/s", "TX2", "paper-wlan", "jitter"} {
		require.NotContains(t, caption, gone)
	}
	for _, f := range y.files {
		if strings.HasSuffix(f.Name, ".svg") {
			require.NotContains(t, string(f.Data), "four DNNs")
		}
	}
}

// What takes too long, and what no board draws, is told with the line where it stands.
func TestWhatTakesTooLong(t *testing.T) {
	for text, want := range map[string]string{
		"planning = \"9e9 s\"\n": "x.toml:1: planning: 2500000h0m0s is too long; at most an hour",
		"planning = \"4e9 s\"\n": "too long",
		"jitter = \"1e9 s\"\n":   "x.toml:1: jitter: 277777h46m40s is too long; at most an hour",
	} {
		_, err := Parse("x.toml", []byte(text+head))
		require.ErrorContains(t, err, want)
	}
	_, err := Parse("x.toml", []byte("platform = \"paper-wlan-2\"\n[strategy]\nname = \"modnn\"\n[workload]\nmodels = [\"squeezenet1_1\"]\nrequests = 10000\n"+
		"[workload.arrivals]\nkind = \"periodic\"\ninterval = \"1000000 h\"\n"))
	require.ErrorContains(t, err, "x.toml:9: workload.arrivals.interval: interval of 1000000h0m0s is too long")
}
