package sim

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/workloads"
)

var update = flag.Bool("update", false, "write the files that tests compare with")

// digest is the hash of everything that a run has put out: result, records and trace; but for the number of events, which is a
// measure of the work done, and the last digits of bytes carried.
func digest(tb testing.TB, r *Result, err error) string {
	copied := *r
	copied.Events, copied.Resources = 0, slices.Clone(r.Resources)
	for i := range copied.Resources {
		copied.Resources[i].Bytes = math.Round(copied.Resources[i].Bytes)
	}
	bytes, fault := json.Marshal(copied)
	require.NoError(tb, fault)
	return fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(bytes, " %v", err)))[:24]
}

// What runs put out stays the same to the last byte, whatever is done for speed: random runs with faults, jitter and planning
// time, in hundreds; the ring workload; a strategy that looks at the backlog; clients on a crowded radio channel. A change of the model
// changes the file: look at what moved, then write it anew with -update.
func TestResultsAreThoseOfTheGolden(t *testing.T) {
	var lines []string
	note := func(name string, cfg Config) {
		cfg.TraceLimit, cfg.Records = -1, true
		r, err := Run(context.Background(), cfg)
		lines = append(lines, name+" "+digest(t, r, err))
	}
	for seed := range uint64(400) {
		note(fmt.Sprintf("random%d", seed), faultyRun(seed))
	}
	note("ring", ringConfig(t, 1, 300))
	note("loaded", loadedConfig(t))
	note("closed", closedConfig(t))
	const file = "testdata/results.txt"
	got := strings.Join(lines, "\n") + "\n"
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	for i, line := range strings.Split(strings.TrimSpace(string(want)), "\n") {
		require.Equal(t, line, lines[i])
	}
}

// faultyRun is randomRun with links that are cut, weakened and mended, horizons and traffic that is now and then much denser.
func faultyRun(seed uint64) Config {
	cfg := randomRun(seed)
	rng := workloads.Stream(seed, "faulty")
	if n := len(cfg.Truth.Network.Resources); n > 0 && rng.IntN(3) == 0 {
		a := cfg.Arrivals.(*fixedArrivals)
		for range 1 + rng.IntN(3) {
			r := rng.IntN(n)
			from := rng.Int64N(int64(a.at[len(a.at)-1]) + 1_000_000)
			to := from + 1 + rng.Int64N(20_000_000)
			cfg.Faults.Resources = append(cfg.Faults.Resources, CapacityChange{Resource: r, From: time.Duration(from), To: time.Duration(to),
				Capacity: cfg.Truth.Network.Resources[r].Capacity * float64(rng.IntN(3)) / 2})
		}
	}
	if rng.IntN(6) == 0 {
		a := cfg.Arrivals.(*fixedArrivals)
		cfg.Horizon = a.at[len(a.at)-1]/2 + 1_000_000
	}
	return cfg
}

// loadedConfig is a strategy that looks at the backlog, under load and with a loss.
func loadedConfig(t *testing.T) Config {
	models := []*workloads.Graph{tasks(t, 400, 64e6), tasks(t, 4000, 30e6)}
	source, err := workloads.Poisson{Rate: 60}.Source(3, workloads.Mix{Weights: []float64{2, 1}}, workloads.Limit{Requests: 300})
	require.NoError(t, err)
	return Config{Truth: plainPlatform(2, 1, 2), Strategy: &greedy{t: t}, Models: models, Arrivals: source,
		Faults: Faults{Nodes: []NodeLoss{{At: 2 * time.Second, Node: 1}}}}
}

// closedConfig is the realistic plan of BenchmarkRun asked for by clients in a loop, on one radio channel with jitter.
func closedConfig(t *testing.T) Config {
	p := benchPlatform()
	addJitter(p, 300*time.Microsecond)
	plan, g := benchPlan(t, p)
	clients, err := workloads.Closed{Clients: 12, Think: 30 * time.Millisecond}.Loop(4, workloads.Mix{}, workloads.Limit{Requests: 300})
	require.NoError(t, err)
	return Config{Truth: p, Strategy: fixedPlan{plan}, Models: []*workloads.Graph{g}, Clients: clients, Seed: 4}
}
