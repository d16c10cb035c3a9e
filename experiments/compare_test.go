package experiments

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/results"
)

func compare(t *testing.T, o CompareOptions) *Comparison {
	o.Replications, o.Jobs = max(o.Replications, 1), max(o.Jobs, 2)
	x, err := Compare(context.Background(), o)
	require.NoError(t, err)
	return x
}

// A comparison is what single runs give, pair by pair; a strategy against itself differs in nothing, whatever is random.
func TestComparisonsAreThoseOfRuns(t *testing.T) {
	o := CompareOptions{Models: []string{"mobilenet_v2", "vgg19"}, Strategies: []string{"hidp", "hidp:objective=latency", "disnet"}, Replications: 5,
		Platforms: []string{"paper-wlan"}, Leaders: []string{"jetson-nano", "jetson-tx2"}, Sets: []Assignment{{"jitter", "2 ms"}}}
	x := compare(t, o)
	require.Len(t, x.Rows, 12)
	require.Equal(t, "hidp", x.Base)
	for _, r := range x.Rows {
		require.Empty(t, r.Failure)
		if r.Strategy == "hidp:objective=latency" {
			for _, c := range r.Change {
				require.Equal(t, Relative{P: 1}, *c)
			}
		}
	}
	tree, err := setAll(lonely(), []Assignment{{"jitter", "2 ms"}, {"leader", "jetson-nano"}, {"model", "vgg19"}})
	require.NoError(t, err)
	s, err := ParseTree("x", tree)
	require.NoError(t, err)
	latency := func(strategy string) (sample []float64) {
		for r := range 5 {
			out, err := s.Run(context.Background(), Overrides{Strategy: strategy, Replication: r})
			require.NoError(t, err)
			sample = append(sample, out.Summary.Latency.Mean)
		}
		return sample
	}
	a, b := latency("hidp"), latency("disnet")
	for i := range b {
		b[i] = b[i]/a[i] - 1
	}
	for _, r := range x.Rows {
		if r.Leader == "jetson-nano" && r.Model == "vgg19" && r.Strategy == "disnet" {
			want, err := results.Difference(b, make([]float64, len(b)))
			require.NoError(t, err)
			require.InDelta(t, want.Mean, float64(r.Change["latency"].Mean), 1e-12)
			require.InDelta(t, want.Low, float64(r.Change["latency"].Low), 1e-12)
			require.InDelta(t, want.P, float64(r.Change["latency"].P), 1e-12)
		}
	}
	require.Len(t, x.Mean, 2)
	require.Equal(t, 4, x.Mean[1].Cells)
	again := o
	again.Jobs = 1
	require.Equal(t, x, compare(t, again), "workers change nothing")
}

// What cannot run is told and compared with nothing.
func TestComparisonOfWhatCannotRun(t *testing.T) {
	x := compare(t, CompareOptions{Models: []string{"vgg19"}, Platforms: []string{"board:raspberry-pi-4b"}, Strategies: []string{"hidp", "modnn"}, Leaders: []string{"all"},
		Sets: []Assignment{{"batch", "4000"}}})
	require.Len(t, x.Rows, 2)
	for _, r := range x.Rows {
		require.NotEmpty(t, r.Failure)
		require.False(t, r.Latency.Mean.Known())
		require.Empty(t, r.Change)
	}
}

func TestComparisonsRefuseNonsense(t *testing.T) {
	for _, c := range []struct {
		o    CompareOptions
		want string
	}{
		{CompareOptions{Strategies: []string{"hidp"}}, "--strategies: name two or more"},
		{CompareOptions{Strategies: []string{"hidp", "hidp"}}, "hidp stands twice"},
		{CompareOptions{Strategies: []string{"hidp", "modn"}}, `did you mean "modnn"`},
		{CompareOptions{Strategies: []string{"hidp", "modnn:sync"}}, `option "sync" is not of the form OPTION=VALUE`},
		{CompareOptions{Strategies: []string{"hidp", "modnn:sink=layer"}}, "sink"},
		{CompareOptions{Strategies: []string{"hidp", "modnn"}, Models: []string{"vgg20"}}, "vgg20"},
		{CompareOptions{Strategies: []string{"hidp", "modnn"}, Leaders: []string{"nobody"}}, `no node "nobody"`},
		{CompareOptions{Strategies: []string{"hidp", "modnn"}, Scenario: "none.toml"}, "none.toml"},
		{CompareOptions{Strategies: []string{"hidp", "modnn"}, Sets: []Assignment{{"belief_error", "ten"}}}, "belief_error"},
	} {
		c.o.Replications, c.o.Jobs = 1, 1
		_, err := Compare(context.Background(), c.o)
		require.ErrorContains(t, err, c.want)
	}
	_, err := Compare(context.Background(), CompareOptions{Strategies: []string{"a", "b"}, Replications: -1, Jobs: 0})
	require.ErrorContains(t, err, "--replications -1")
	require.ErrorContains(t, err, "--jobs 0")
}
