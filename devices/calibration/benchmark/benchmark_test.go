package benchmark

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/devices/calibration"
)

func TestSetsOfTheBenchmark(t *testing.T) {
	rows := 0
	for _, s := range Sets() {
		rows += len(s.Rows)
	}
	require.Len(t, Sets(), 116)
	require.Equal(t, 3721, rows)
}

// few keeps the sets of one group of runtimes, so that a test is quick.
func few(group string) []*calibration.Set {
	var out []*calibration.Set
	for _, s := range Sets() {
		if s.Group() == group {
			out = append(out, s)
		}
	}
	return out
}

// The bound is a tenth above what was measured (7.4 %), so that a fault of the model fails the test and another order
// of folds does not.
func TestStrictErrorsOfOneRuntime(t *testing.T) {
	p := LeaveOut(few("opencl"), calibration.Network)
	require.Len(t, p, 340)
	s := Summarise(p)
	require.Less(t, s.Mean, .082)
	require.Less(t, s.Median, .055)
	cover := Coverage(p, SameNetwork)["opencl"]
	require.Greater(t, cover, .75)
	require.Less(t, cover, .85)
}

// A protocol leaks if a left-out row changes its own prediction.
func TestLeftOutRowsAreNotSeen(t *testing.T) {
	sets := few("eager")
	before := LeaveOut(sets, calibration.Network)
	victim := before[0].Row
	twins := victim.Twins
	for _, s := range sets {
		for i := range s.Rows {
			if s.Rows[i].Twins == twins {
				s.Rows[i].Log += 5
			}
		}
	}
	after := LeaveOut(sets, calibration.Network)
	for i := range before {
		if before[i].Row.Twins == twins {
			require.Equal(t, before[i].Log, after[i].Log, "%s on %s", before[i].Row.Network, before[i].Set.Name())
		}
	}
}

func TestSummary(t *testing.T) {
	set := &calibration.Set{}
	row := func(measured, predicted float64) Prediction {
		return Prediction{Set: set, Row: &calibration.Row{Log: math.Log(measured)}, Log: math.Log(predicted), Variance: 1}
	}
	s := Summarise([]Prediction{row(1, 1.1), row(1, .8), row(1, 1)})
	require.InDelta(t, .1, s.Mean, 1e-12)
	require.InDelta(t, .1, s.Median, 1e-12)
	require.InDelta(t, .2, s.Worst, 1e-12)
}

// The stored widths are those of the model. Half a width more or less would be another model.
func TestWidthsAreOfThisModel(t *testing.T) {
	sets := few("eager")
	p := Elsewhere(LeaveOut(sets, calibration.Network))
	var scores []float64
	for i := range p {
		scores = append(scores, p[i].Score())
	}
	require.InEpsilon(t, calibration.Quantile(scores), calibration.Width(sets[0], 10), .01)
	require.Greater(t, calibration.Width(sets[0], 0), calibration.Width(sets[0], 10))
	require.Equal(t, calibration.Width(&calibration.Set{Runtime: "onnxruntime"}, 2), calibration.Width(&calibration.Set{Runtime: "new"}, 1))
}
