package validation

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// row is a measurement as a summary sees it.
func row(model, strategy string, measured, simulated float64) Row {
	r := blank(&planned{model: model, method: Method{Label: strategy}}, 1)
	r.Status, r.Attempts = statusOK, 1
	r.Latency.Measured, r.Latency.Simulated = Number(measured), Number(simulated)
	r.Latency.Error = relative(simulated, measured)
	r.Latency.Absolute = max(r.Latency.Error, -r.Latency.Error)
	r.Throughput.Error, r.Throughput.Pipelined = r.Latency.Error, true
	return r
}

func TestOrderThatIsFlippedIsFound(t *testing.T) {
	s := summarize([]Row{row("a", "x", 100, 120), row("a", "y", 110, 90), row("a", "z", 200, 200), row("b", "x", 1, 1)}, nil)
	require.Equal(t, 3, s.OrderPairs)
	require.InDelta(t, 2.0/3, float64(s.OrderAgreement), 1e-12)
	require.Equal(t, []Pair{{Model: "a", Faster: "x", Slower: "y", Measured: [2]Number{100, 110}, Simulated: [2]Number{120, 90}}}, s.Disagreements)
	require.InDelta(t, 1.0/3, float64(s.Ranks[0].Kendall), 1e-12)
	require.False(t, s.Ranks[1].Kendall.Known(), "one plan has no order")
}

func TestOrderOfNearlyEqualsDoesNotCount(t *testing.T) {
	s := summarize([]Row{row("a", "x", 100, 104), row("a", "y", 104.9, 100)}, nil)
	require.Zero(t, s.OrderPairs)
	require.Equal(t, 1, s.OrderSkipped)
	require.Equal(t, Number(1), s.OrderAgreement, "nothing to disagree about")
	s = summarize([]Row{row("a", "x", 100, 104), row("a", "y", 105.1, 104)}, nil)
	require.Equal(t, 1, s.OrderPairs)
	require.Zero(t, s.OrderAgreement, "a tie is not the measured order")
}

func TestPlansThatAreTheSameCountOnce(t *testing.T) {
	twin := row("a", "twin", 100, 150)
	twin.SameAs = "x"
	once := summarize([]Row{row("a", "x", 100, 150), row("a", "y", 100, 100)}, nil)
	both := summarize([]Row{row("a", "x", 100, 150), twin, row("a", "y", 100, 100)}, nil)
	require.Equal(t, once.LatencyMAPE, both.LatencyMAPE)
	require.InDelta(t, 0.25, float64(both.LatencyMAPE), 1e-12)
	require.Equal(t, once.OrderPairs, both.OrderPairs)
	require.Equal(t, 3, both.Cases)
	require.Equal(t, 2, both.DistinctPlans)
	require.Equal(t, 2, both.Runs)
}

func TestInvalidAndInfeasibleAreInNoAverage(t *testing.T) {
	bad, none := row("a", "bad", 100, 900), row("a", "none", 100, 900)
	bad.Status, bad.Attempts = statusInvalid, 2
	none.Status, none.Attempts = statusInfeasible, 0
	s := summarize([]Row{row("a", "x", 100, 110), bad, none}, []Invalid{{Model: "a", Strategy: "bad", Attempt: 1}, {Model: "a", Strategy: "bad", Attempt: 2}})
	require.InDelta(t, 0.1, float64(s.LatencyMAPE), 1e-12)
	require.InDelta(t, 0.1, float64(s.LatencyWorst), 1e-12)
	require.Equal(t, "a under x", s.LatencyWorstCase)
	require.InDelta(t, 2.0/3, float64(s.InvalidRuns), 1e-12)
	require.Equal(t, []int{1, 1, 1, 3}, []int{s.Compared, s.GivenUp, s.Infeasible, s.Runs})
	require.Zero(t, s.OrderPairs)
}

func TestPipelinedPlansAreApart(t *testing.T) {
	alone := row("a", "alone", 100, 150)
	alone.Throughput.Pipelined = false
	s := summarize([]Row{alone, row("a", "x", 100, 90)}, nil)
	require.InDelta(t, 0.1, float64(s.ThroughputMAPE), 1e-12)
	require.InDelta(t, 0.3, float64(s.ThroughputMAPEAll), 1e-12)
	require.Equal(t, 1, s.ThroughputCases)
	s = summarize([]Row{alone}, nil)
	require.InDelta(t, 0.5, float64(s.ThroughputMAPE), 1e-12, "better than nothing")
	require.Zero(t, s.ThroughputCases)
}

func TestNothingMeasuredIsNotPerfect(t *testing.T) {
	s := summarize(nil, nil)
	require.False(t, s.LatencyMAPE.Known())
	require.Zero(t, s.InvalidRuns)
	for _, v := range s.Verdicts()[:3] {
		require.False(t, v.Met(), v.Name)
	}
}

func TestSummaryLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var rows, slow []Row
		for i := range rapid.IntRange(1, 12).Draw(t, "rows") {
			model, label := string(rune('a'+i%3)), string(rune('p'+i))
			m, s := rapid.Float64Range(0.1, 10).Draw(t, "measured"), rapid.Float64Range(0.1, 10).Draw(t, "simulated")
			rows, slow = append(rows, row(model, label, m, s)), append(slow, row(model, label, 2*m, 2*s))
		}
		s := summarize(rows, nil)
		require.LessOrEqual(t, float64(s.LatencyMAPE), float64(s.LatencyWorst)+1e-12)
		require.LessOrEqual(t, float64(max(s.LatencyBias, -s.LatencyBias)), float64(s.LatencyMAPE)+1e-12)
		require.True(t, s.OrderAgreement >= 0 && s.OrderAgreement <= 1)
		require.Len(t, s.Disagreements, s.OrderPairs-int(float64(s.OrderAgreement)*float64(s.OrderPairs)+0.5))
		twice := summarize(slow, nil)
		require.InDelta(t, float64(s.LatencyMAPE), float64(twice.LatencyMAPE), 1e-9, "errors have no unit")
		require.Equal(t, s.OrderPairs, twice.OrderPairs)
		require.InDelta(t, float64(s.Slope), float64(twice.Slope), 1e-9*float64(s.Slope))
	})
}
