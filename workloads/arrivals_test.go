package workloads_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	. "hidp/workloads"
)

func drain(s Source) []Arrival {
	var all []Arrival
	for {
		a, ok := s.Next()
		if !ok {
			return all
		}
		all = append(all, a)
	}
}

func must(t require.TestingT, s Source, err error) Source {
	require.NoError(t, err)
	return s
}

func TestPeriodic(t *testing.T) {
	s, err := Periodic{Interval: 10 * time.Millisecond}.Source(1, Equal(2), Limit{Requests: 4})
	require.Equal(t, []Arrival{{0, 0}, {10e6, 1}, {20e6, 0}, {30e6, 1}}, drain(must(t, s, err)))
	s, err = Periodic{Interval: 10 * time.Millisecond}.Source(1, Mix{}, Limit{Horizon: 20 * time.Millisecond})
	require.Equal(t, []Arrival{{0, 0}, {10e6, 0}}, drain(must(t, s, err)), "the horizon itself is out")
	_, ok := s.Next()
	require.False(t, ok, "an end is an end")
}

func TestJitterStaysInsideTheInterval(t *testing.T) {
	s, err := Periodic{Interval: 1000, Jitter: 400}.Source(7, Mix{}, Limit{Requests: 5000})
	seen := map[time.Duration]bool{}
	for i, a := range drain(must(t, s, err)) {
		late := a.At - time.Duration(i)*1000
		require.True(t, late >= 0 && late < 400)
		seen[late] = true
	}
	require.Greater(t, len(seen), 390)
}

// Intervals of a Poisson process have mean 1/λ and standard deviation 1/λ, and counts per window have mean and variance λ·w. The
// bounds are 4 standard errors, under a fixed seed.
func TestPoissonMoments(t *testing.T) {
	const rate, n = 50.0, 40000
	s, err := Poisson{Rate: rate}.Source(3, Mix{}, Limit{Requests: n})
	all := drain(must(t, s, err))
	require.Len(t, all, n)
	var gaps, squares, last float64
	counts := make([]float64, int(all[n-1].At/time.Second))
	for _, a := range all {
		at := a.At.Seconds()
		gaps += at - last
		squares += (at - last) * (at - last)
		last = at
		if w := int(at); w < len(counts) {
			counts[w]++
		}
	}
	mean := gaps / n
	variance := squares/n - mean*mean
	require.InDelta(t, 1/rate, mean, 4/rate/math.Sqrt(n))
	require.InDelta(t, 1/(rate*rate), variance, 4*math.Sqrt(8.0/n)/(rate*rate), "the variance of a squared exponential is 8/λ⁴")
	windows := float64(len(counts))
	var sum, sum2 float64
	for _, c := range counts {
		sum += c
		sum2 += c * c
	}
	perWindow := sum / windows
	require.InDelta(t, rate, perWindow, 4*math.Sqrt(rate/windows))
	require.InDelta(t, 1, (sum2/windows-perWindow*perWindow)/perWindow, 4*math.Sqrt(2/windows), "index of dispersion")
}

func TestMixProportions(t *testing.T) {
	const n = 20000
	mix := Mix{Weights: []float64{1, 0, 2, 5}}
	s, err := Periodic{Interval: 1}.Source(5, mix, Limit{Requests: n})
	counts := make([]float64, 4)
	for _, a := range drain(must(t, s, err)) {
		counts[a.Model]++
	}
	for i, w := range mix.Weights {
		p := w / 8
		require.InDelta(t, p*n, counts[i], 4*math.Sqrt(n*p*(1-p)))
	}
	require.Equal(t, 4, mix.Models())
	require.Equal(t, 1, Mix{}.Models())
}

func TestRoundRobinWithWeights(t *testing.T) {
	s, err := Periodic{Interval: 1}.Source(5, Mix{Weights: []float64{2, 0, 1}, RoundRobin: true}, Limit{Requests: 7})
	var models []int
	for _, a := range drain(must(t, s, err)) {
		models = append(models, a.Model)
	}
	require.Equal(t, []int{0, 0, 2, 0, 0, 2, 0}, models)
}

// Same seed, same arrivals, in order; another seed, others; and the mix has no influence on the times.
func TestArrivalsAreReproducible(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		limit := Limit{Requests: rapid.IntRange(1, 50).Draw(t, "n")}
		p := Poisson{Rate: rapid.Float64Range(0.01, 1e6).Draw(t, "rate")}
		start := func(seed uint64, mix Mix) []Arrival {
			s, err := p.Source(seed, mix, limit)
			return drain(must(t, s, err))
		}
		mix := Mix{Weights: []float64{1, 2}}
		first := start(seed, mix)
		require.Len(t, first, limit.Requests)
		require.Equal(t, first, start(seed, mix))
		require.NotEqual(t, first[0].At, start(seed+1, mix)[0].At)
		for i, a := range start(seed, Equal(3)) {
			require.Equal(t, first[i].At, a.At)
			require.True(t, i == 0 || first[i-1].At <= a.At)
		}
	})
}

// The streams are part of the file formats: a seed must mean the same next year.
func TestStreamIsPinned(t *testing.T) {
	r := Stream(7, "arrivals")
	require.Equal(t, []uint64{0x631fc37666ddf8cf, 0xee8a4b213a71c8b7}, []uint64{r.Uint64(), r.Uint64()})
	require.NotEqual(t, Stream(7, "arrivals").Uint64(), Stream(7, "mix").Uint64())
	require.NotEqual(t, Stream(7, "arrivals").Uint64(), Stream(8, "arrivals").Uint64())
}

func TestClosedLoop(t *testing.T) {
	l, err := Closed{Clients: 2, Think: 5}.Loop(1, Equal(3), Limit{Requests: 4})
	require.NoError(t, err)
	require.Equal(t, []Arrival{{0, 0}, {0, 1}}, l.Start())
	a, ok := l.Completed(100, 0)
	require.True(t, ok)
	require.Equal(t, Arrival{105, 2}, a)
	a, ok = l.Completed(101, 0)
	require.True(t, ok)
	require.Equal(t, Arrival{106, 0}, a)
	_, ok = l.Completed(200, 0)
	require.False(t, ok, "four requests were sent")

	l, err = Closed{Clients: 3}.Loop(1, Mix{}, Limit{Requests: 2})
	require.NoError(t, err)
	require.Len(t, l.Start(), 2)

	l, err = Closed{Clients: 1, Think: 10}.Loop(1, Mix{}, Limit{Horizon: 50})
	require.NoError(t, err)
	require.Len(t, l.Start(), 1)
	_, ok = l.Completed(40, 0)
	require.False(t, ok, "the next request would arrive at the horizon")
	_, ok = l.Completed(39, 0)
	require.True(t, ok)
}

func TestImpossibleWorkloads(t *testing.T) {
	ok := Limit{Requests: 1}
	fails := func(want string, err error) {
		t.Helper()
		require.ErrorContains(t, err, want)
	}
	source := func(_ Source, err error) error { return err }
	loop := func(_ *Loop, err error) error { return err }
	fails("interval is 0s", source(Periodic{}.Source(1, Mix{}, ok)))
	fails("jitter is 2ns", source(Periodic{Interval: 1, Jitter: 2}.Source(1, Mix{}, ok)))
	fails("rate is -1", source(Poisson{Rate: -1}.Source(1, Mix{}, ok)))
	fails("rate is NaN", source(Poisson{Rate: math.NaN()}.Source(1, Mix{}, ok)))
	fails("rate is +Inf", source(Poisson{Rate: math.Inf(1)}.Source(1, Mix{}, ok)))
	fails("number of clients is 0", loop(Closed{}.Loop(1, Mix{}, ok)))
	fails("think time is -1ns", loop(Closed{Clients: 1, Think: -1}.Loop(1, Mix{}, ok)))
	fails("never ends", source(Poisson{Rate: 1}.Source(1, Mix{}, Limit{})))
	fails("never ends", loop(Closed{Clients: 1}.Loop(1, Mix{}, Limit{})))
	fails("number of requests is -1", source(Poisson{Rate: 1}.Source(1, Mix{}, Limit{Requests: -1})))
	fails("horizon is -1ns", source(Poisson{Rate: 1}.Source(1, Mix{}, Limit{Horizon: -1})))
	fails("weight of model 1 is -2", source(Poisson{Rate: 1}.Source(1, Mix{Weights: []float64{1, -2}}, ok)))
	fails("weight of model 0 is NaN", Mix{Weights: []float64{math.NaN()}}.Validate())
	fails("whole numbers", Mix{Weights: []float64{0.5}, RoundRobin: true}.Validate())
	fails("all weights of the mix are 0", Mix{Weights: []float64{0, 0}}.Validate())
}

func BenchmarkPoisson(b *testing.B) {
	s, err := Poisson{Rate: 100}.Source(1, Mix{Weights: []float64{1, 2, 3, 4}}, Limit{Requests: 1e8})
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		s.Next()
	}
}

// Clients with models of their own keep to them whatever completes first.
func TestClientsKeepToTheirModels(t *testing.T) {
	l, err := Closed{Clients: 5, Own: true}.Loop(1, Equal(3), Limit{Requests: 100})
	require.NoError(t, err)
	var models []int
	for _, a := range l.Start() {
		models = append(models, a.Model)
	}
	require.Equal(t, []int{0, 1, 2, 0, 1}, models)
	for _, model := range []int{2, 2, 0, 1} {
		a, ok := l.Completed(10, model)
		require.True(t, ok)
		require.Equal(t, model, a.Model)
	}
}

// A source is the same in memory that another one had, also where that one was not at its end.
func TestRoomForgetsTheLastSource(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var r Room
		for range 4 {
			seed, mix, limit := rapid.Uint64().Draw(t, "seed"), Equal(rapid.IntRange(0, 3).Draw(t, "models")), Limit{Requests: rapid.IntRange(1, 9).Draw(t, "requests")}
			p := Periodic{Interval: time.Second, Jitter: time.Duration(rapid.IntRange(0, 1e9).Draw(t, "jitter"))}
			q := Poisson{Rate: rapid.Float64Range(0.1, 10).Draw(t, "rate")}
			in, own := p.SourceIn, p.Source
			if rapid.Bool().Draw(t, "poisson") {
				in, own = q.SourceIn, q.Source
			}
			want, err := own(seed, mix, limit)
			require.NoError(t, err)
			got, err := in(&r, seed, mix, limit)
			require.NoError(t, err)
			for range rapid.IntRange(0, 12).Draw(t, "taken") {
				a, more := want.Next()
				b, also := got.Next()
				require.Equal(t, a, b)
				require.Equal(t, more, also)
			}
		}
	})
}
