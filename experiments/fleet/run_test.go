package fleet

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hidp/devices"
	"hidp/sim"
	"hidp/strategies/catalog"
)

const village = `
title = "A village"
duration = "3 h"
seed = 5

[strategy]
name = "hidp"

[workload]
models = ["squeezenet1_1", "resnet18"]
weights = [2, 1]
input = "uint8"

[load]
requests_per_day = 4000
swing = "50 %"
peak = "1 h"

[[site]]
name = "farm"
count = 6
runtime = "tensorflow/fp32"
leader = "pi-1"
[site.cell]
rate = "40 Mbit/s"
latency = "3 ms"
jitter = "1 ms"
via_access_point = true
[[site.node]]
name = "pi"
board = "raspberry-pi-4b"
count = 2

[[site]]
name = "mill"
count = 3
runtime = "tensorflow/fp32"
leader = "tx2"
load = 3
offset = "2 h"
[site.cell]
rate = "80 Mbit/s"
latency = "3 ms"
[[site.node]]
name = "tx2"
board = "jetson-tx2"
[[site.node]]
name = "nano"
board = "jetson-nano"

[cloud]
board = "jetson-agx-orin"
runtime = "tensorflow/fp32"
rate = "20 Mbit/s"
latency = "10 ms"
`

func open(t require.TestingT) *Description {
	d, err := Parse("village.toml", []byte(village))
	require.NoError(t, err)
	return d
}

// output is all that a run puts out, as one text.
func output(r *Result) string {
	var out bytes.Buffer
	for _, f := range r.Files() {
		fmt.Fprintf(&out, "== %s\n%s", f.Name, f.Data)
	}
	return out.String()
}

func finish(t require.TestingT, d *Description, o Options) *Result {
	r, err := Run(context.Background(), d, o)
	require.NoError(t, err)
	return r
}

// stopAfter runs until some sites are done, as an interrupt would.
func stopAfter(t require.TestingT, d *Description, o Options, sites int) *Result {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	o.Progress = func(p Progress) {
		if p.SitesDone >= sites {
			cancel()
		}
	}
	r, err := Run(ctx, d, o)
	require.ErrorIs(t, err, context.Canceled)
	return r
}

func TestResultsDoNotDependOnTheWorkers(t *testing.T) {
	d := open(t)
	want := output(finish(t, d, Options{}))
	for _, jobs := range []int{2, 5} {
		require.Equal(t, want, output(finish(t, d, Options{Jobs: jobs})))
	}
	require.NotEqual(t, want, output(finish(t, d.WithSeed(6), Options{Jobs: 2})))
}

// A site is a simulation of its own: alone, without a cache, it has the same requests, latencies and energy.
func TestFleetIsTheUnionOfItsSites(t *testing.T) {
	d := open(t)
	r := finish(t, d, Options{Jobs: 2})
	require.Len(t, r.Rows, 9)
	var total sim.Result
	var sum time.Duration
	for _, row := range r.Rows {
		class := &d.Classes[slices.IndexFunc(d.Classes, func(c Class) bool { return c.Name == row.Class })]
		s, err := catalog.New(d.Strategy, d.Options)
		require.NoError(t, err)
		cfg, err := d.config(class, row.Number, s, nil)
		require.NoError(t, err)
		one, err := sim.Run(context.Background(), cfg)
		require.NoError(t, err)
		require.Equal(t, one.Completed, row.Completed)
		require.InDelta(t, one.Latency.Mean.Seconds(), row.Latency.Mean, 1e-9)
		require.InEpsilon(t, one.Latency.P50.Seconds(), row.Latency.P50, 1.1e-3)
		require.InEpsilon(t, one.Latency.P99.Seconds(), row.Latency.P99, 1.1e-3)
		require.Equal(t, one.Latency.Max.Seconds(), row.Latency.Max)
		require.Equal(t, one.EnergyPlatform, row.EnergyPlatform)
		total.Completed += one.Completed
		total.EnergyPlatform += one.EnergyPlatform
		total.ServingJoules += one.ServingJoules
		sum += one.Latency.Mean * time.Duration(one.Completed)
	}
	require.Equal(t, total.Completed, r.Total.Completed)
	require.Equal(t, total.EnergyPlatform, r.Total.EnergyPlatform)
	require.InEpsilon(t, total.ServingJoules/float64(total.Completed), float64(r.Total.EnergyServing), 1e-12)
	require.InEpsilon(t, sum.Seconds()/float64(total.Completed), r.Total.Latency.Mean, 1e-6)
	completed := int64(0)
	for _, h := range r.Hours {
		completed += h.Completed
	}
	require.Equal(t, total.Completed, completed)
}

// Percentiles of a fleet are those of all its requests together.
func TestPercentilesAreOfAllRequests(t *testing.T) {
	d := open(t)
	var all []time.Duration
	for k := range d.Classes {
		for n := range d.Classes[k].Sites {
			s, err := catalog.New(d.Strategy, d.Options)
			require.NoError(t, err)
			cfg, err := d.config(&d.Classes[k], n, s, nil)
			require.NoError(t, err)
			cfg.Observe.Request = func(r sim.Record) { all = append(all, r.Finish-r.Arrival) }
			_, err = sim.Run(context.Background(), cfg)
			require.NoError(t, err)
		}
	}
	slices.Sort(all)
	r := finish(t, d, Options{})
	require.Len(t, all, int(r.Total.Completed))
	for share, got := range map[float64]float64{0.5: r.Total.Latency.P50, 0.95: r.Total.Latency.P95, 0.99: r.Total.Latency.P99} {
		require.InEpsilon(t, all[int(share*float64(len(all)-1))].Seconds(), got, 2e-3)
	}
	require.Equal(t, all[len(all)-1].Seconds(), r.Total.Latency.Max)
}

// A class that grows keeps the sites it had.
func TestLargerFleetKeepsTheSitesOfASmallerOne(t *testing.T) {
	small := finish(t, open(t), Options{Jobs: 2})
	large := finish(t, open(t).Sized(36), Options{Jobs: 2})
	require.Equal(t, 18, large.Sites)
	for _, row := range small.Rows {
		require.Contains(t, large.Rows, row)
	}
}

func TestInterruptLeavesValidPartialResults(t *testing.T) {
	r := stopAfter(t, open(t), Options{Jobs: 2}, 4)
	require.GreaterOrEqual(t, r.SitesDone, 4)
	require.Less(t, r.SitesDone, r.Sites)
	require.Len(t, r.Rows, r.SitesDone)
	whole := finish(t, open(t), Options{})
	completed := int64(0)
	for _, row := range r.Rows {
		require.Contains(t, whole.Rows, row)
		completed += row.Completed
	}
	require.Equal(t, completed, r.Total.Completed)

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	none, err := Run(ctx, open(t), Options{})
	require.ErrorIs(t, err, context.Canceled)
	require.Zero(t, none.Total.Completed)
	require.Zero(t, none.Total.Requests)
	require.Len(t, none.Files(), 3)
}

func TestSiteThatCannotRun(t *testing.T) {
	d := open(t)
	p := *d.Classes[1].Platform
	p.Nodes = append([]devices.Node(nil), p.Nodes...)
	for j := range p.Nodes {
		p.Nodes[j].Memory = 1
	}
	d.Classes[1].Platform = &p
	r, err := Run(context.Background(), d, Options{Jobs: 2})
	var bad *SiteError
	require.ErrorAs(t, err, &bad)
	require.Equal(t, "mill", bad.Class)
	require.ErrorContains(t, err, fmt.Sprintf("site mill %d: ", bad.Number))
	require.Zero(t, r.Classes[1].SitesDone)
}

func TestProgress(t *testing.T) {
	d := open(t)
	var seen []Progress
	r := finish(t, d, Options{Jobs: 3, Progress: func(p Progress) { seen = append(seen, p) }})
	last := seen[len(seen)-1]
	require.Equal(t, 9, last.SitesDone)
	require.Equal(t, r.Total.Completed, last.Requests)
	require.InEpsilon(t, last.Expected, float64(r.Total.Requests), 0.1)
	require.Zero(t, last.Remaining(time.Minute))
	for i := 1; i < len(seen); i++ {
		require.GreaterOrEqual(t, seen[i].Requests, seen[i-1].Requests)
	}
	half := Progress{Sites: 4, SitesDone: 2, Requests: 600, Resumed: 100, Expected: 1100}
	require.Equal(t, 10*time.Second, half.Remaining(10*time.Second), "500 of the 1000 that were left took ten seconds")
	require.Zero(t, Progress{Sites: 1, Expected: 5}.Remaining(time.Second))
}

func TestHistogramsAsText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, want := newHistogram(), newClassBins()
		for _, v := range rapid.SliceOf(rapid.Int64Range(0, longest)).Draw(t, "values") {
			require.NoError(t, h.RecordValue(v))
		}
		copy(want, h.Export().Counts)
		got := newClassBins()
		require.NoError(t, unpack(pack(h), got))
		require.Equal(t, want, got)
	})
	for _, bad := range []string{"!", "gA", "AQ", "//////////8PAQ", "AYA"} {
		require.ErrorIs(t, unpack(bad, newClassBins()), errBins, bad)
	}
}

func TestScaling(t *testing.T) {
	costs := []Cost{{10, 2, 1000, 5000, time.Second, time.Second, 1 << 20}, {100, 20, 10_000, 50_000, 9 * time.Second, 5 * time.Second, 2 << 20}}
	require.Equal(t, "boards,sites,requests,events,cpu_s,wall_s,cpu_us_per_request,max_rss_mib\n10,2,1000,5000,1.000,1.000,1000.000,1.0\n"+
		"100,20,10000,50000,9.000,5.000,900.000,2.0\n", string(ScalingTable(costs)))
	svg, err := ScalingFigure(costs, "a note").Render("svg")
	require.NoError(t, err)
	require.Contains(t, string(svg), "</svg>")
}

// BenchmarkFleet simulates fleets of growing size with the same number of requests per board. One iteration is one fleet.
func BenchmarkFleet(b *testing.B) {
	city, err := Open("city.toml")
	require.NoError(b, err)
	for _, boards := range []int{100, 1000} {
		b.Run(fmt.Sprintf("boards=%d", boards), func(b *testing.B) {
			d := city.Sized(boards)
			d = d.WithRequests(1000 * float64(d.Boards()))
			b.ReportAllocs()
			done := int64(0)
			for b.Loop() {
				done += finish(b, d, Options{Jobs: 2}).Total.Completed
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(done), "ns/request")
		})
	}
}
