package boards

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/devices/calibration"
	"hidp/devices/calibration/timings"
	"hidp/workloads"
	"hidp/workloads/zoo"
)

const five = "network,latency_ms,runtime,cluster\n" +
	"efficientnetv2_b0,79.1,ncnn/fp32,cpu\nblazeface,8.62,ncnn/fp32,cpu\n" +
	"mobilenet_yolo,270.89,ncnn/fp32,cpu\nalexnet,75.75,ncnn/fp32,cpu\nyolov4-tiny,205.95,ncnn/fp32,cpu\n"

func fitFive(t *testing.T, l *Library) (*devices.Board, *Fit) {
	t.Helper()
	base, err := devices.LoadBoard("raspberry-pi-4b")
	require.NoError(t, err)
	f, err := timings.Read("t.csv", []byte(five))
	require.NoError(t, err)
	fits, err := l.Fits(base, f, Options{})
	require.NoError(t, err)
	require.Len(t, fits, 1)
	return base, &fits[0]
}

// Five timings predict the other networks that were measured on that board. The bounds are twice what was measured
// (mean 10 %).
func TestFiveTimingsPredictTheOthers(t *testing.T) {
	l := NewLibrary()
	base, fit := fitFive(t, l)
	require.Equal(t, "bcm2711", fit.repeated, "the published rows of the same board must not vouch for their networks")
	var mean, inside, n float64
	for _, m := range base.Measurements() {
		if m.Runtime != "ncnn/fp32" {
			continue
		}
		for _, r := range m.Rows {
			e := fit.named(r.Model)
			if e.Measured {
				require.InDelta(t, r.Seconds, e.Latency, 1e-9)
				continue
			}
			n++
			mean += math.Abs(e.Latency/r.Seconds - 1)
			if e.Low <= r.Seconds && r.Seconds <= e.High {
				inside++
			}
		}
	}
	require.Equal(t, 12.0, n)
	t.Logf("mean %.1f %%, inside %.0f %%", 100*mean/n, 100*inside/n)
	require.Less(t, mean/n, .2)
	require.GreaterOrEqual(t, inside/n, .6)
}

// The board file that comes out prices every network of the zoo as the calibration predicts it, keeps what has nothing
// to do with the rows, and is read without warnings.
func TestTheBoardFilePricesAsPredicted(t *testing.T) {
	l := NewLibrary()
	base, fit := fitFive(t, l)
	text, err := devices.BoardText("raspberry-pi-4b")
	require.NoError(t, err)
	out, err := devices.Rewrite("mine.toml", text, "Mine", []devices.Calibrated{fit.Calibrated})
	require.NoError(t, err)
	b, err := devices.ParseBoard("mine.toml", out)
	require.NoError(t, err)
	require.Empty(t, b.Warnings)
	require.Equal(t, "Mine", b.Title)
	require.Equal(t, base.Runtimes, b.Runtimes)
	rows := func(b *devices.Board, runtime string) (n int) {
		for _, m := range b.Measurements() {
			if m.Runtime == runtime {
				n += len(m.Rows)
			}
		}
		return n
	}
	require.Equal(t, 5, rows(b, "ncnn/fp32"))
	require.Equal(t, rows(base, "tflite/fp32"), rows(b, "tflite/fp32"))
	s, err := l.Subject(b, "ncnn/fp32", "cpu")
	require.NoError(t, err)
	node, _, err := b.Node(devices.Setting{Name: "a", Runtime: "ncnn/fp32"})
	require.NoError(t, err)
	platform := &devices.Platform{Name: "a", Nodes: []devices.Node{node},
		Network: devices.Network{Paths: [][]devices.Path{{{}}}}}
	for _, name := range zoo.Names() {
		g, err := zoo.Get(name)
		require.NoError(t, err)
		e := s.Predict(g)
		last := len(g.Layers) - 1
		planned := devices.NewCosts(platform, g).Slice(0, 0, workloads.Slice{From: 1, To: last + 1, Out: g.Full(last,
			1)}).Seconds()
		require.InEpsilon(t, e.Latency, planned, .01, name)
		total := e.Invoke
		for _, layer := range e.Layers {
			total += layer.Seconds
			require.True(t, layer.Share >= 1/3.-1e-9 && layer.Share <= 1+1e-9, "%s of %s: %v", layer.Name, name, layer.Share)
		}
		require.InEpsilon(t, e.Latency, total, 1e-9, name)
		require.True(t, e.Low < e.Latency && e.Latency < e.High)
	}
	report, err := devices.FitReport(b)
	require.NoError(t, err)
	i := slices.IndexFunc(report, func(r devices.FitRow) bool { return r.Runtime == "ncnn/fp32" })
	require.InDelta(t, fit.Quality.LeftOut.Mean, report[i].LOOMean, 1e-4)
}

// A parameter that no row tells of stays where the prior has it, and is reported.
func TestUndeterminedParametersStayAtTheirPrior(t *testing.T) {
	_, fit := fitFive(t, NewLibrary())
	byName := map[string]Parameter{}
	for _, p := range fit.Parameters() {
		byName[p.Name] = p
	}
	invoke := byName[calibration.Invoke.String()] // a tenth of a millisecond of ten or more
	require.False(t, invoke.Determined())
	require.InDelta(t, 1, invoke.Factor, .2)
	rate := byName[calibration.RateConv1x1.String()]
	require.True(t, rate.Determined())
}

// Rows that are made from known parameters, with noise, give these parameters' times again.
func TestKnownTimesAreRecovered(t *testing.T) {
	l := NewLibrary()
	b, err := devices.LoadBoard("raspberry-pi-4b")
	require.NoError(t, err)
	truth, err := l.Subject(b, "ncnn/fp32", "cpu")
	require.NoError(t, err)
	var rows []devices.MeasuredRow
	for i, name := range []string{"vgg16", "resnet18", "mobilenet_v2", "squeezenet1_1", "densenet121", "googlenet"} {
		noise := map[bool]float64{true: 1.03, false: .97}[i%2 == 0]
		rows = append(rows, devices.MeasuredRow{Model: name, Seconds: 2 * noise * truth.named(name).Latency})
	}
	s, err := l.With(b, "ncnn/fp32", "cpu", rows)
	require.NoError(t, err)
	for _, name := range []string{"resnet50", "resnet101", "vgg19", "inception_v3"} {
		require.InEpsilon(t, 2*truth.named(name).Latency, s.named(name).Latency, .15, name)
	}
}
