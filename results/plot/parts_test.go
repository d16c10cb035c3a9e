package plot

import (
	"image"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/plot/vg"
	"pgregory.net/rapid"
)

func labels(a axis) []string {
	var list []string
	for _, t := range a.ticks {
		text := t.label
		if t.exponent != "" {
			text += "^" + t.exponent
		}
		list = append(list, text)
	}
	return list
}

func TestTicks(t *testing.T) {
	require.Equal(t, []string{"0", "2", "4", "6", "8", "10", "12"}, labels(linear(0, 11.4, 7)))
	require.Equal(t, []string{"−0.4", "−0.2", "0", "0.2"}, labels(linear(-0.31, 0.2, 4)))
	require.Equal(t, []string{"0", "0.1", "0.2", "0.3"}, labels(linear(0, 0.3, 4)), "without rounding noise")
	require.Equal(t, []string{"0", "5×10^5", "10^6"}, labels(linear(0, 1e6, 3)))
	require.Equal(t, []string{"1", "2", "3", "4", "5"}, labels(linear(3, 3, 5)))
	require.Equal(t, []string{"20", "50", "100", "200", "500", "1000"}, labels(logarithmic(20, 1000, 8)))
	require.Equal(t, []string{"1", "10", "100"}, labels(logarithmic(1.2, 130, 6)))
	require.Equal(t, []string{"10^−6", "0.001", "1", "1000"}, labels(logarithmic(1e-6, 1e5, 4)))
	require.Equal(t, []string{"5", "10"}, labels(logarithmic(6, 7, 8)))
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64][2]string{
		0: {"0", ""}, 1500: {"1500", ""}, -0.25: {"−0.25", ""}, 99999: {"99999", ""}, 100000: {"10", "5"},
		-1e6: {"−10", "6"}, 2.5e-5: {"2.5×10", "−5"}, 0.001: {"0.001", ""},
	} {
		label, exponent := number(v)
		require.Equal(t, want, [2]string{label, exponent})
	}
}

func TestAxesCoverTheirRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lo := rapid.Float64Range(-1e6, 1e6).Draw(t, "lo")
		hi := lo + math.Pow(10, rapid.Float64Range(-3, 7).Draw(t, "span"))
		n := rapid.IntRange(2, 12).Draw(t, "n")
		a := linear(lo, hi, n)
		slack := (hi - lo) * 1e-6
		require.LessOrEqual(t, a.min, lo+slack)
		require.GreaterOrEqual(t, a.max, hi-slack)
		require.LessOrEqual(t, len(a.ticks), n+2)
		require.GreaterOrEqual(t, len(a.ticks), 2)
		for i := 1; i < len(a.ticks); i++ {
			require.Greater(t, a.ticks[i].value, a.ticks[i-1].value)
		}
	})
}

func TestLogarithmicAxesCoverTheirRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lo := math.Pow(10, rapid.Float64Range(-9, 9).Draw(t, "lo"))
		hi := lo * math.Pow(10, rapid.Float64Range(0, 8).Draw(t, "decades"))
		n := rapid.IntRange(2, 12).Draw(t, "n")
		a := logarithmic(lo, hi, n)
		require.LessOrEqual(t, a.min, lo*(1+1e-6))
		require.GreaterOrEqual(t, a.max, hi*(1-1e-6))
		require.Less(t, a.min, a.max)
		require.NotEmpty(t, a.ticks)
		for _, tick := range a.ticks {
			at := a.at(tick.value)
			require.True(t, at > -1e-6 && at < 1+1e-6)
		}
	})
}

func TestHatchingStaysInside(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rectangle(10, 20, 10+vg.Length(rapid.Float64Range(0.1, 60).Draw(t, "w")), 20+vg.Length(rapid.Float64Range(0, 200).Draw(t, "h")))
		for h := plain; h < hatchings; h++ {
			path := h.lines(r)
			if h == dots {
				path = dotPattern(r)
			}
			for _, comp := range path {
				if comp.Type == vg.CloseComp {
					continue
				}
				const slack = 1e-9
				require.True(t, comp.Pos.X >= r.Min.X-slack-dotSize && comp.Pos.X <= r.Max.X+slack)
				require.True(t, comp.Pos.Y >= r.Min.Y-slack && comp.Pos.Y <= r.Max.Y+slack)
			}
		}
	})
}

func TestEverySeriesLooksDifferent(t *testing.T) {
	s := styles{series: map[string]int{}}
	seen := map[[3]any]bool{}
	for i := range 40 {
		name := string(rune('A' + i))
		s.series[name] = i
		look := [3]any{s.color(name), s.hatch(name), s.glyph(name)}
		require.False(t, seen[look], "series %d", i)
		seen[look] = true
	}
}

func TestNamesKeepTheirStyleInAllPanels(t *testing.T) {
	s := newStyles([]Panel{
		GroupedBars{Series: []Series{{Name: "b"}, {Name: "a"}}}, HeatMap{},
		Lines{Curves: []Curve{{Name: "c"}, {Name: "a"}}, References: []Reference{{Name: "r"}, {Name: "a"}}},
	})
	require.Equal(t, styles{
		series:     map[string]int{"b": 0, "a": 1, "c": 2},
		references: map[string]int{"r": 0, "a": 1},
		markers:    map[string]int{},
	}, s)
	require.NotEqual(t, s.reference("r"), s.reference("a"))
}

func TestHeatMapDarkensWithTheValue(t *testing.T) {
	for i := range 100 {
		require.Greater(t, luminance(ramp(float64(i)/100)), luminance(ramp(float64(i+1)/100)))
	}
	require.Equal(t, ramp(0), ramp(-3))
	require.Equal(t, ramp(1), ramp(3))
}

func TestRunsBreakAtNaN(t *testing.T) {
	nan := math.NaN()
	c := Curve{X: []float64{1, 2, 3, nan, 5, 6}, Y: []float64{1, nan, 3, 4, 5, 6}}
	require.Equal(t, [][2]int{{0, 1}, {2, 3}, {4, 6}}, c.runs())
	require.Empty(t, Curve{}.runs())
}

// The PDF canvas draws what no panel of ours needs, as the interface asks for it.
func TestPDFCanvasIsComplete(t *testing.T) {
	c := newPDF(100, 50)
	var path vg.Path
	path.Move(vg.Point{X: 10, Y: 10})
	path.QuadTo(vg.Point{X: 20, Y: 20}, vg.Point{X: 30, Y: 10})
	path.CubeTo(vg.Point{X: 20, Y: 20}, vg.Point{X: 25, Y: 20}, vg.Point{X: 30, Y: 10})
	path.Arc(vg.Point{X: 30, Y: 20}, 5, 0, math.Pi)
	c.SetColor(nil)
	c.Scale(2, 2)
	c.Stroke(path)
	c.SetLineWidth(0)
	c.Stroke(path)
	c.DrawImage(rectangle(0, 0, 10, 10), image.NewGray(image.Rect(0, 0, 2, 2)))
	data, err := c.bytes()
	require.NoError(t, err)
	require.Contains(t, string(data), "/Subtype /Image")
	require.Panics(t, func() { newPDF(1, 1).Stroke(vg.Path{{Type: 99}}) })
}

func TestAffine(t *testing.T) {
	c := newPDF(100, 100)
	c.Push()
	c.Translate(vg.Point{X: 10, Y: 20})
	c.Rotate(math.Pi / 2)
	x, y := c.place(vg.Point{X: 5, Y: 0})
	require.InDelta(t, 10, x, 1e-9)
	require.InDelta(t, 100-25, y, 1e-9, "the origin of the page is at the top")
	c.Pop()
	x, y = c.place(vg.Point{X: 5, Y: 0})
	require.Equal(t, [2]float64{5, 100}, [2]float64{x, y})
}

func TestBoxSummary(t *testing.T) {
	require.Equal(t, boxSummary{low: 1, first: 2, median: 3, third: 4, high: 5}, summarize([]float64{5, 1, 4, 2, 3}))
	require.Equal(t, boxSummary{low: 1, first: 1.75, median: 2.5, third: 3.25, high: 4}, summarize([]float64{4, 3, 2, 1}))
	require.Equal(t, boxSummary{low: 7, first: 7, median: 7, third: 7, high: 7}, summarize([]float64{7}))
	require.Equal(t, boxSummary{low: 1, first: 2, median: 3, third: 4, high: 4, outliers: []float64{50}}, summarize([]float64{1, 2, 3, 4, 50}))

	rapid.Check(t, func(t *rapid.T) {
		samples := rapid.SliceOfN(rapid.Float64Range(-100, 100), 1, 30).Draw(t, "samples")
		b := summarize(samples)
		require.True(t, b.low <= b.first && b.first <= b.median && b.median <= b.third && b.third <= b.high, "%+v", b)
	})
}
