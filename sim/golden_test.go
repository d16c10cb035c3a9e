package sim

import (
	"cmp"
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

	"hidp/devices"
	"hidp/sim/trace"
	"hidp/workloads"
)

var update = flag.Bool("update", false, "write the files that tests compare with")

// digest is the hash of everything that a run has put out: result, records and trace; but for the number of events, which is a
// measure of the work done, the last digits of bytes carried, and the plans, which strategies put out.
func digest(tb testing.TB, r *Result, err error) string {
	copied := *r
	copied.Events, copied.Resources = 0, slices.Clone(r.Resources)
	for i := range copied.Resources {
		copied.Resources[i].Bytes = math.Round(copied.Resources[i].Bytes)
	}
	if copied.Trace != nil {
		t := *copied.Trace
		t.Plans, copied.Trace = nil, &t
	}
	bytes, fault := json.Marshal(copied)
	require.NoError(tb, fault)
	return fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(bytes, " %v", err)))[:24]
}

// outline is what a person can review of a run. Latencies are means of completed requests.
func outline(r *Result) string {
	latency := "-"
	if r.Completed > 0 {
		latency = r.Latency.Mean.String()
	}
	return fmt.Sprintf("arrived %d completed %d failed %d left %d latency %s makespan %v serving %.4g J platform %.4g J", r.Arrived, r.Completed,
		r.Failed, r.InFlight, latency, r.Makespan, r.ServingJoules, r.EnergyPlatform)
}

// What runs put out stays the same to the last byte, whatever is done for speed: random runs with faults, jitter and planning
// time, in hundreds; the ring workload; a strategy that looks at the backlog; clients on a crowded radio channel. A change of the model
// changes the file: look at what moved, then write it anew with -update. A line of the file ends in the digest of everything.
func TestResultsAreThoseOfTheGolden(t *testing.T) {
	var lines []string
	note := func(name string, cfg Config) {
		cfg.TraceLimit, cfg.Records = -1, true
		r, err := Run(context.Background(), cfg)
		lines = append(lines, fmt.Sprintf("%-9s %s %s", name, outline(r), digest(t, r, err)))
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

// The traces of three short runs, as a person reads them: one that loses nodes, one that its horizon ends, one undisturbed.
func TestTracesAreThoseOfTheGolden(t *testing.T) {
	for _, seed := range []uint64{1, 2, 6} {
		cfg := faultyRun(seed)
		cfg.TraceLimit = -1
		r, _ := Run(context.Background(), cfg) // that a horizon ends a run is in the other golden
		file := fmt.Sprintf("testdata/trace-random%d.txt", seed)
		got := story(cfg.Truth, r.Trace)
		if *update {
			require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
		}
		want, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, string(want), got)
	}
}

// story tells a trace in lines, in the order of their ends.
func story(p *devices.Platform, tr *trace.Trace) string {
	type line struct {
		at   time.Duration
		text string
	}
	var lines []line
	add := func(at time.Duration, format string, args ...any) {
		lines = append(lines, line{at, fmt.Sprintf(format, args...)})
	}
	wasted := map[bool]string{true: ", wasted"}
	for _, x := range tr.Computes {
		n := p.Nodes[x.Node]
		add(x.End, "request %d op %d: %s/%s computed from %v, ready at %v%s", x.Request, x.Op, n.Name, n.Clusters[x.Cluster].Name, x.Start, x.Ready,
			wasted[x.Wasted])
	}
	for _, x := range tr.Transfers {
		add(x.Arrive, "request %d op %d: %d bytes from %s to %s, on the network %v to %v, ready at %v%s", x.Request, x.Op, x.Bytes,
			p.Nodes[x.From].Name, p.Nodes[x.To].Name, x.Start, x.End, x.Ready, wasted[x.Wasted])
	}
	for _, x := range tr.Requests {
		outcome := "done"
		if x.Failed != "" {
			outcome = "failed: " + x.Failed
		}
		add(x.Finish, "request %d of %v %s", x.ID, x.Arrival, outcome)
	}
	slices.SortStableFunc(lines, func(a, b line) int { return cmp.Compare(a.at, b.at) })
	var text strings.Builder
	for _, l := range lines {
		fmt.Fprintf(&text, "%v %s\n", l.at, l.text)
	}
	return text.String()
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
