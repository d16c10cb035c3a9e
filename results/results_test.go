package results

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The classic example of a t table: 97.5 % quantiles 12.706 (1), 4.303 (2), 2.262 (9 degrees of freedom).
func TestMeanAgainstTheTable(t *testing.T) {
	two := Mean([]float64{0, 2}) // deviation √2, standard error 1
	require.InDelta(t, 1-12.7062, two.Low, 1e-4)
	require.InDelta(t, 1+12.7062, two.High, 1e-4)
	three := Mean([]float64{1, 2, 3}) // deviation 1
	require.InDelta(t, 2+4.30265/math.Sqrt(3), three.High, 1e-5)
	ten := Mean([]float64{0, 0, 0, 0, 0, 1, 1, 1, 1, 1})
	require.InDelta(t, 0.5+2.262157*math.Sqrt(2.5/9)/math.Sqrt(10), ten.High, 1e-6)
	one := Mean([]float64{7})
	require.Equal(t, 7.0, one.Mean)
	require.True(t, math.IsNaN(one.Low) && math.IsNaN(one.High))
	require.NotEmpty(t, one.Warning)
}

// Nine differences of mean 1 and deviation 3: t = 1 with 8 degrees of freedom, p = 0.3466.
func TestDifference(t *testing.T) {
	base := []float64{5, 6, 7, 8, 9, 10, 11, 12, 13}
	d := []float64{1, 1, 1, 4, 4, 4, -2, -2, -2}
	a := make([]float64, len(d))
	for i := range a {
		a[i] = base[i] + d[i]
	}
	got, err := Difference(a, base)
	require.NoError(t, err)
	require.Equal(t, 1.0, got.Mean)
	s := math.Sqrt(54.0 / 8)
	require.InDelta(t, 1+2.306004*s/3, got.High, 1e-5)
	require.InDelta(t, 0.2819, got.P, 1e-3) // t = 3/2.598 = 1.1547
	same, err := Difference(base, base)
	require.NoError(t, err)
	require.Equal(t, 1.0, same.P)
	_, err = Difference(a, base[1:])
	require.Error(t, err)
}

func TestGeometricMean(t *testing.T) {
	g, err := GeometricMean([]float64{2, 8})
	require.NoError(t, err)
	require.InDelta(t, 4, g, 1e-12)
	_, err = GeometricMean([]float64{1, -1})
	require.Error(t, err)
	_, err = GeometricMean(nil)
	require.Error(t, err)
}

func TestPercentiles(t *testing.T) {
	sample := []float64{15, 20, 35, 40, 50}
	for p, want := range map[float64]float64{0: 15, 5: 15, 30: 20, 40: 20, 50: 35, 100: 50} {
		require.Equal(t, want, Percentile(sample, p), "%v", p)
	}
	require.Equal(t, Spread{15, 35, 50}, Spreads(sample))
}

func TestIntervalsHoldTheMeanAndShiftWithTheSample(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SliceOfN(rapid.Float64Range(-1e3, 1e3), 2, 30).Draw(t, "sample")
		e := Mean(x)
		require.LessOrEqual(t, e.Low, e.Mean)
		require.GreaterOrEqual(t, e.High, e.Mean)
		y := make([]float64, len(x))
		for i := range x {
			y[i] = 2*x[i] + 5
		}
		f := Mean(y)
		require.InDelta(t, 2*e.Low+5, f.Low, 1e-6)
		require.InDelta(t, 2*e.High+5, f.High, 1e-6)
	})
}

func TestTable(t *testing.T) {
	tab := Table{Title: "Latency", Columns: []string{"strategy", "ms"}, Right: []string{"ms"}, Notes: []string{"A note."}}
	tab.Add("hidp", "1.2")
	tab.Add("modnn, slow", "123.4")
	require.Equal(t, "Latency\n\n strategy        ms\n hidp           1.2\n modnn, slow  123.4\n\nA note.\n", tab.Text(false))
	require.Contains(t, tab.Text(true), "\x1b[")
	require.Equal(t, tab.Text(false), tab.Narrow(0).Text(false))
	require.Equal(t, tab.Text(false), tab.Narrow(20).Text(false), "it fits")
	require.Equal(t, "Latency\n\n| strategy | ms |\n| --- | ---:|\n| hidp | 1.2 |\n| modnn, slow | 123.4 |\n\nA note.\n", tab.Markdown())
	require.Equal(t, "strategy,ms\nhidp,1.2\n\"modnn, slow\",123.4\n", string(tab.CSV()))
	require.Panics(t, func() { tab.Add("one") })
}

func TestNumbers(t *testing.T) {
	for x, want := range map[float64]string{0: "0", 1234.56: "1235", 0.0123456: "0.01235", 12.3: "12.30", 123456: "123456", 1e-9: "1e-09", -2.5: "-2.500"} {
		require.Equal(t, want, Number(x))
	}
	require.Equal(t, "–", Number(math.NaN()))
	require.Equal(t, "0.333333333", Exact(1.0/3))
	require.Empty(t, Exact(math.NaN()))
	require.Equal(t, "−38.0 %", Percent(-0.38))
	require.Equal(t, "+56.0 %", Percent(0.56))
	require.Equal(t, "+0.0 %", Percent(-1e-9))
}

// Equal values deviate by nothing, not by what rounding leaves.
func TestEqualValuesHaveNoInterval(t *testing.T) {
	e := Mean([]float64{0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1})
	require.Equal(t, 0.1, e.Low)
	require.Equal(t, 0.1, e.High)
}
