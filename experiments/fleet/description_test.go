package fleet

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hidp/internal/strict"
	"hidp/workloads"
)

func TestVillage(t *testing.T) {
	d := open(t)
	require.Equal(t, 9, d.Sites())
	require.Equal(t, 18, d.Boards())
	farm := d.Classes[0].Platform
	require.Equal(t, []string{"pi-1", "pi-2", "cloud"}, farm.NodeNames())
	require.Equal(t, 0, farm.Leader)
	paths := farm.Network.Paths
	require.Equal(t, 2.0, paths[0][1].Hops[0].Weight, "through the access point")
	require.Equal(t, 3*time.Millisecond, paths[0][1].Latency)
	require.Len(t, paths[0][2].Hops, 2)
	require.NotEqual(t, paths[0][2].Hops[1], paths[2][0].Hops[0], "up and down are apart")
	require.Equal(t, 13*time.Millisecond, paths[2][1].Latency)
	require.Equal(t, 2.5e6, farm.Network.Goodput(0, 2))
	require.Contains(t, d.Assumptions()[0], "sites do not contend")
	require.Contains(t, d.Assumptions()[1], "a cloud instance of its own")
	require.Equal(t, 3.0, d.Classes[1].Factor)
}

func TestCity(t *testing.T) {
	d, err := Open("city.toml")
	require.NoError(t, err)
	require.Equal(t, 10_000, d.Boards())
	require.InEpsilon(t, 1e8, d.Expected(), 1e-9)
	for _, n := range []int{1, 10, 100, 3000, 10_000} {
		s := d.Sized(n)
		require.InDelta(t, n, s.Boards(), 10)
		require.InEpsilon(t, 12345, s.WithRequests(12345).Expected(), 1e-9)
	}
}

func TestFaultsOfDescriptions(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{`duration = "3 h"`, `duration = "0 s"`, "village.toml:3: duration: is 0 ns"},
		{`duration = "3 h"`, `duration = 3`, "village.toml:3: duration:"},
		{`seed = 5`, `seed = -5`, "village.toml:4: seed: is -5"},
		{`seed = 5`, `sede = 5`, "village.toml:4: sede"},
		{`seed = 5`, `planning = "-1 s"`, "planning"},
		{`name = "hidp"`, `name = "hipd"`, `strategy.name: no strategy "hipd" (did you mean "hidp"?)`},
		{`name = "hidp"`, "name = \"hidp\"\noptions = {segment = [1], backlog = 7}", "strategy.options.segment: must be a text"},
		{`"resnet18"]`, `"resnet19"]`, "workload.models[1]"},
		{`weights = [2, 1]`, `weights = [2]`, "has 1 numbers for 2 models"},
		{`weights = [2, 1]`, `weights = [0, 0]`, "workload.weights"},
		{`input = "uint8"`, `input = "int4"`, "write float32 or uint8"},
		{`input = "uint8"`, `batch = 0`, "workload.batch: is 0"},
		{`requests_per_day = 4000`, `requests_per_day = 0`, "load.requests_per_day: is 0"},
		{`swing = "50 %"`, `swing = "150 %"`, "load.swing"},
		{`swing = "50 %"`, `hourly = [1, 2]`, "does not go with swing and peak"},
		{"swing = \"50 %\"\npeak = \"1 h\"", `hourly = [1, 2]`, "has 2 numbers; write one for each hour"},
		{`name = "mill"`, `name = "farm"`, `site[1].name: "farm" is taken`},
		{`count = 6`, `count = 0`, "site[0].count: is 0"},
		{`load = 3`, `load = 0`, "site[1].load: is 0"},
		{`offset = "2 h"`, `offset = "24 h"`, "site[1].offset"},
		{`leader = "tx2"`, `leader = "tx3"`, `site[1].leader: "tx3" is none of the nodes`},
		{`name = "nano"`, `name = "tx2"`, `site[1].node[1].name: "tx2" is taken`},
		{`name = "nano"`, `name = "cloud"`, `"cloud" is taken`},
		{`board = "jetson-nano"`, `board = "jetson-mano"`, "site[1].node[1].board"},
		{`board = "jetson-nano"`, `board = "none.toml"`, "site[1].node[1].board"},
		{`count = 2`, `count = 300`, "at most 256 boards"},
		{`rate = "40 Mbit/s"`, `rate = "1 bit/s"`, "site[0].cell.rate"},
		{`jitter = "1 ms"`, `jitter = "-1 ms"`, "is negative"},
		{`rate = "20 Mbit/s"`, `rate = "0 bit/s"`, "cloud.rate"},
		{`board = "jetson-agx-orin"`, `board = "x"`, "cloud.board"},
		{`runtime = "tensorflow/fp32"`, `runtime = "abacus"`, "abacus"},
		{"[cloud]", "[backbone]\nrate = \"1 bit/s\"\n[cloud]", "backbone.rate: is 1 bit/s"},
		{"[cloud]", "[backbone]\nrate = \"1 Mbit/s\"\n[cloud]", "less than cloud.rate"},
		{"[cloud]", "[cloud]\nnodes = 0", "cloud.nodes: is 0"},
		{"[cloud]", "[cloud]\nlink = \"1 Gbit/s\"", "goes with cloud.nodes"},
		{"[cloud]", "[cloud]\nnodes = 2\nlink = \"1 bit/s\"", "cloud.link: is 1 bit/s"},
	} {
		text := strings.Replace(village, c.old, c.new, 1)
		require.NotEqual(t, village, text, c.old)
		_, err := Parse("village.toml", []byte(text))
		require.ErrorContains(t, err, c.want)
		var faults *strict.Error
		require.True(t, errors.As(err, &faults), "%s: %v", c.new, err)
	}
	_, err := Open("missing.toml")
	require.ErrorContains(t, err, "missing.toml")
}

// times returns the arrivals of a load.
func times(t require.TestingT, l Load, seed uint64, duration, offset time.Duration) []workloads.Arrival {
	s, err := l.source(seed, workloads.Mix{Weights: []float64{1, 1}}, duration, offset)
	require.NoError(t, err)
	var out []workloads.Arrival
	for a, ok := s.Next(); ok; a, ok = s.Next() {
		out = append(out, a)
	}
	return out
}

// Requests per hour are Poisson with the mean that the load says: their normalised squared differences add up to about one an hour. The
// bound is five standard deviations of a chi-square sum, under a fixed seed.
func TestArrivalsFollowTheHours(t *testing.T) {
	hourly := make([]float64, 24)
	for h := range hourly {
		hourly[h] = float64(h % 7)
	}
	for _, l := range []Load{{PerDay: 50_000, Swing: 0.8, Peak: 14 * time.Hour}, {PerDay: 50_000, Hourly: hourly}, {PerDay: 50_000}} {
		const days = 3
		offset := 5 * time.Hour
		counts := make([]float64, days*24)
		for _, a := range times(t, l, 7, days*day, offset) {
			counts[a.At/time.Hour]++
		}
		chi, hours := 0.0, 0.0
		for h, n := range counts {
			mean := 0.0
			for m := range 60 {
				mean += l.rate(offset+time.Duration(h)*time.Hour+time.Duration(m)*time.Minute+30*time.Second) * 60
			}
			if mean == 0 {
				require.Zero(t, n)
				continue
			}
			chi += (n - mean) * (n - mean) / mean
			hours++
		}
		require.InDelta(t, hours, chi, 5*math.Sqrt(2*hours))
	}
}

func TestLoads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := Load{PerDay: rapid.Float64Range(1, 2000).Draw(t, "per day"), Swing: rapid.Float64Range(0, 1).Draw(t, "swing"),
			Peak: time.Duration(rapid.Int64Range(0, int64(day)).Draw(t, "peak"))}
		offset := time.Duration(rapid.Int64Range(0, int64(day)-1).Draw(t, "offset"))
		duration := time.Duration(rapid.Int64Range(1, int64(2*day)).Draw(t, "duration"))
		require.InEpsilon(t, l.PerDay, l.Expected(day, offset), 1e-9)
		require.InDelta(t, l.Expected(duration, offset)+l.Expected(day-duration%day, offset+duration), l.Expected(duration+day-duration%day, offset), 0.02*l.PerDay)
		require.LessOrEqual(t, l.rate(offset), l.highest()*(1+1e-12))
		first := times(t, l, 3, duration, offset)
		require.Equal(t, first, times(t, l, 3, duration, offset), "the same seed, the same arrivals")
		for i, a := range first {
			require.True(t, a.At >= 0 && a.At < duration && (i == 0 || a.At >= first[i-1].At))
		}
		require.Zero(t, Load{Hourly: append([]float64{1}, make([]float64, 23)...), PerDay: 5}.rate(time.Hour))
	})
	for want, hourly := range map[string][]float64{"3 numbers": {1, 2, 3}, "hour 1 is -1": append([]float64{1, -1}, make([]float64, 22)...), "all hours are 0": make([]float64, 24)} {
		require.ErrorContains(t, Load{Hourly: hourly}.checkHourly(), want)
	}
}
