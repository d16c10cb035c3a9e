package experiments

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/internal/parts"
	"hidp/internal/units"
)

// synthetic is a grid of two readings, one question about the platform (two values) and one knob of rival a, on made-up records.
func synthetic() *grid {
	e := &Experiment{Name: "claims", Title: "T", subject: "hidp", rivals: []string{"modnn", "omniboost"}, seeds: [2]int{2, 1},
		methods:    []method{{Label: "H", Strategy: "hidp"}, {Label: "M", Strategy: "modnn"}, {Label: "O", Strategy: "omniboost"}},
		readings:   []reading{{Name: "rows", Batch: 1}, {Name: "samples", Batch: 4, Options: map[string]map[string]string{"modnn": {"split": "samples"}}}},
		open:       []openQuestion{{Name: "leader", Field: "leader", Values: []string{"x", "y"}}, {Name: "sync", Field: "option sync", Strategy: "modnn", Values: []string{"block", "once"}}},
		published:  []published{{Metric: "latency", Change: -0.38}, {Metric: "throughput", Change: 0.56}},
		throughput: saturation{Clients: 4, Horizon: units.Milliseconds(1000), QuickHorizon: units.Milliseconds(1000)}}
	e.base = &Scenario{Platform: &devices.Platform{Name: "p"}}
	g := &grid{e: e, models: []string{"m", "n"}, seeds: []Values{{"seed": "1", "replication": "0"}, {"seed": "1", "replication": "1"}}}
	fill := func(points []Values) (out []Record) {
		for _, v := range points {
			r := Record{Values: v, Latency: 1, Energy: 1, Throughput: 2}
			switch {
			case v["strategy"] == "modnn" && v["option sync"] == "once":
				r.Latency, r.Throughput = 4, 0.5
			case v["strategy"] == "modnn":
				r.Latency, r.Throughput = 2, 1
			case v["strategy"] == "omniboost" && v["replication"] == "0":
				r.Latency, r.Throughput = 1, 2
			case v["strategy"] == "omniboost":
				r.Latency, r.Throughput = 3, 2
			}
			if v["leader"] == "y" && v["strategy"] == "modnn" && v["model"] == "n" {
				r = Record{Values: v, Failed: "does not fit"}
			}
			out = append(out, r)
		}
		return out
	}
	g.keep(fill(g.lonePoints()), fill(g.loopPoints()))
	return g
}

func TestClaimsArithmetic(t *testing.T) {
	g := synthetic()
	claims := g.claims()
	require.Len(t, claims, 4)
	rows := claims[0]
	require.Equal(t, "latency", rows.metric)
	require.Equal(t, []float64{-0.5, -0.5}, rows.rivals) // 1/2 - 1 against modnn; 1/mean(1, 3) - 1 against omniboost
	require.Equal(t, -0.5, rows.mean)
	require.Equal(t, 4, rows.choices)
	// once at leader x: (-0.75-0.5)/2; at y one of four pairs is missing: (-0.75 - 0.5 - 0.5)/3 and (-0.5·3)/3.
	require.InDelta(t, -0.625, rows.spread.Min, 1e-12)
	require.InDelta(t, -0.5, rows.spread.Max, 1e-12)
	require.Equal(t, 2, rows.missing)
	require.Equal(t, 1.0, rows.reached)
	throughput := claims[2]
	require.Equal(t, []float64{1, 0}, throughput.rivals)
	require.Equal(t, 0.5, throughput.mean)
	require.Equal(t, 3, throughput.choices) // the base and two variations
	require.InDelta(t, 1.0/3, throughput.reached, 1e-12)
	require.Zero(t, claims[3].choices)
	require.True(t, claims[3].meanRan)
}

func TestShiftsAndMovers(t *testing.T) {
	g := synthetic()
	shifts := g.shifts()
	require.Len(t, shifts, 4)
	ranked := movers(shifts, 0)
	require.Equal(t, "sync", ranked[0].question)
	require.InDelta(t, 0.125, ranked[0].span, 1e-12)
	require.Equal(t, "leader", ranked[1].question)
	require.InDelta(t, 0, ranked[1].span, 1e-12)
	change, ok := g.leaveOut(metricOf("throughput"), "modnn")
	require.True(t, ok)
	require.Zero(t, change)
	change, ok = g.geometric(metricOf("throughput"))
	require.True(t, ok)
	require.InDelta(t, 0.41421356, change, 1e-8)
}

// Methods are simulated once per environment and own knobs, not once per combination.
func TestGridSharesSimulations(t *testing.T) {
	g := synthetic()
	// per reading and model: hidp 2 leaders; modnn 2 leaders × 2 knobs; omniboost 2 leaders × 2 seeds
	require.Len(t, g.lonePoints(), 2*2*(2+4+4))
	// loop: leader x (hidp 1, modnn 2, omniboost 2), leader y (1, 1, 2), and the base of the second reading (1, 1, 2)
	require.Len(t, g.loopPoints(), 5+4+4)
}

func TestClaimsReportSaysWhatFallsShort(t *testing.T) {
	y, err := synthetic().yield()
	require.NoError(t, err)
	require.Equal(t, "claims.md", y.files[1].Name)
	text := string(y.files[1].Data)
	require.Contains(t, text, "**throughput**: published +56.0 %, here +50.0 % under the base assumptions (rows): **a smaller effect than published**, by 6.0 percentage points.")
	require.Contains(t, text, "**latency**: published −38.0 %, here −50.0 % under the base assumptions (rows): a larger effect than published, by 12.0 percentage points.")
	require.Contains(t, text, "sync moves it most (12.5 percentage points between its values)")
	require.Contains(t, text, "this happened in 4 combinations") // two for each reading's latency
	for _, line := range strings.Split(string(y.files[0].Data), "\n") {
		require.NotContains(t, line, "NaN")
	}
}

// The real experiment on its quick grid: complete, and sane where the answer is known.
func TestQuickClaims(t *testing.T) {
	parts.Long(t, "simulates for several seconds")
	e, err := Get("claims")
	require.NoError(t, err)
	small := *e
	small.open = nil
	small.readings = []reading{e.readings[0], e.readings[2]}
	small.throughput.QuickHorizon = units.Milliseconds(5000)
	y, err := small.runClaims(context.Background(), Options{Seed: 1, Jobs: 2, Quick: true}, nil)
	require.NoError(t, err)
	require.Len(t, y.tables[0].Rows, len(e.published)*len(small.readings))
	for _, row := range y.tables[0].Rows {
		require.NotContains(t, row[:6], "–", "%v", row)
	}
}
