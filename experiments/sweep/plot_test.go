package sweep

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hidp/results/plot"
)

const plotted = `
[[axis]]
field = "strategy.name"
name = "strategy"
values = ["single-gpu", "single-cpu"]

[[axis]]
field = "workload.batch"
name = "batch"
values = [1, 2, 4]

[[axis]]
field = "workload.arrivals.rate"
name = "load"
from = "5 /s"
to = "40 /s"
steps = 4

[replications]
count = 3
`

// finished carries out the sweep of the figures.
func finished(t *testing.T) string {
	dir := filepath.Join(t.TempDir(), "out")
	_, err := Run(context.Background(), load(t, plotted), dir, Options{})
	require.NoError(t, err)
	return dir
}

func TestLineFigure(t *testing.T) {
	dir := finished(t)
	f, err := Figure(dir, PlotSpec{Kind: "line", X: "load", Y: "latency_p99", Series: "strategy", Where: "batch == 1"})
	require.NoError(t, err)
	p := f.Panels[0].(plot.Lines)
	require.Equal(t, []string{"single-cpu", "single-gpu"}, []string{p.Curves[0].Name, p.Curves[1].Name})
	require.Len(t, p.Curves[0].X, 4)
	require.InDelta(t, 5, p.Curves[0].X[0], 1e-9)
	require.Equal(t, []string{"load (1/s)", "latency p99 (s)"}, []string{p.XLabel, p.YLabel})
	for i := range p.Curves[0].X {
		require.LessOrEqual(t, p.Curves[0].Low[i], p.Curves[0].Y[i])
	}
	require.Contains(t, f.Note, "24 runs")

	svg := filepath.Join(t.TempDir(), "f.svg")
	require.NoError(t, Plot(dir, PlotSpec{Kind: "line", X: "load", Y: "latency_p99"}, svg))
	data, err := os.ReadFile(svg)
	require.NoError(t, err)
	require.Contains(t, string(data), "<svg")
}

func TestHeatMapFigure(t *testing.T) {
	f, err := Figure(finished(t), PlotSpec{Kind: "heatmap", X: "load", Y: "batch", Value: "latency_mean", Where: `strategy == "single-gpu"`})
	require.NoError(t, err)
	h := f.Panels[0].(plot.HeatMap)
	require.Equal(t, []string{"4", "2", "1"}, h.Rows)
	require.Equal(t, []string{"5", "16.7", "28.3", "40"}, h.Columns)
	require.Greater(t, h.Values[0][0], h.Values[2][0], "larger batches take longer")
	require.Contains(t, f.Note, "Averaged over strategy")
	_, err = f.Render("svg")
	require.NoError(t, err)
}

func TestParetoFigure(t *testing.T) {
	f, err := Figure(finished(t), PlotSpec{Kind: "pareto", X: "latency_mean", Y: "energy_serving", Series: "strategy"})
	require.NoError(t, err)
	p := f.Panels[0].(plot.Scatter)
	require.Equal(t, "dominated", p.Clouds[len(p.Clouds)-1].Name)
	_, err = f.Render("svg")
	require.NoError(t, err)
}

func TestFrontIsWhatNothingBeats(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := front{xSign: 1, ySign: -1, best: map[string][]spot{}}
		all := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) spot {
			return spot{float64(rapid.IntRange(0, 9).Draw(t, "x")), float64(rapid.IntRange(0, 9).Draw(t, "y"))}
		}), 1, 40).Draw(t, "points")
		for i, s := range all {
			f.add(int64(i), []string{"a", "b"}[i%2], s.x, s.y)
		}
		f.flush()
		var want []spot
		for _, s := range all {
			beaten := false
			for _, o := range all {
				beaten = beaten || f.beats(o, s)
			}
			if !beaten {
				want = append(want, s)
			}
		}
		require.ElementsMatch(t, want, append(append([]spot{}, f.best["a"]...), f.best["b"]...))
		require.Len(t, f.dominated, len(all)-len(want))
	})
}

func TestMomentsOfASample(t *testing.T) {
	m := &moments{}
	for _, x := range []float64{1, 2, 3, 4} {
		m.add(x)
	}
	require.InDelta(t, 2.5, m.mean, 1e-12)
	require.InDelta(t, 3.182446*math.Sqrt(5.0/3/4), m.half(), 1e-5, "t quantile 0.975 at 3 degrees of freedom")
}

func TestFiguresThatCannotBe(t *testing.T) {
	dir := finished(t)
	for _, c := range []struct {
		spec PlotSpec
		want string
	}{
		{PlotSpec{Kind: "lines"}, `did you mean "line"`},
		{PlotSpec{Kind: "line", X: "lod", Y: "latency_p99"}, `did you mean "load"`},
		{PlotSpec{Kind: "line", X: "load"}, "needs y, a metric"},
		{PlotSpec{Kind: "line", X: "load", Y: "latency_p99", Series: "requests"}, "is not an axis"},
		{PlotSpec{Kind: "heatmap", X: "load", Y: "batch"}, "needs value"},
		{PlotSpec{Kind: "line", X: "load", Y: "latency_p99", Where: "batch > 9"}, "nothing to draw"},
		{PlotSpec{Kind: "line", X: "load", Y: "latency_p99", Where: "batch >"}, "where \"batch >\" ends"},
		{PlotSpec{Kind: "line", X: "load", Y: "latency_p99", Where: "batch"}, "write a comparison"},
	} {
		_, err := Figure(dir, c.spec)
		var spec *SpecError
		require.ErrorAs(t, err, &spec)
		require.ErrorContains(t, err, c.want)
	}
	require.ErrorContains(t, Plot(dir, PlotSpec{Kind: "line", X: "load", Y: "latency_p99"}, "x.gif"), "unknown format")
	_, err := Figure(t.TempDir(), PlotSpec{Kind: "line"})
	require.ErrorContains(t, err, "holds no sweep")
}
