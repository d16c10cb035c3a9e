package validation

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func samples(t *rapid.T, label string, n int) []float64 {
	return rapid.SliceOfN(rapid.Float64Range(0.001, 1000), n, n).Draw(t, label)
}

func scaled(sample []float64, by float64) []float64 {
	out := make([]float64, len(sample))
	for i, x := range sample {
		out[i] = x * by
	}
	return out
}

func TestMedianRanksOfTables(t *testing.T) {
	// Ranks of the interval at 95 %, as in tables of the binomial distribution.
	for n, rank := range map[int]int{1: 0, 5: 0, 6: 1, 8: 1, 9: 2, 12: 3, 15: 4, 20: 6, 50: 18, 100: 40} {
		require.Equal(t, rank, medianRank(n), "n = %d", n)
	}
}

func TestMedianLaws(t *testing.T) {
	require.False(t, newMedian(nil).Middle.Known())
	require.Equal(t, Number(2), newMedian([]float64{3, 1, 2}).Middle)
	require.Equal(t, Number(2.5), newMedian([]float64{4, 1, 3, 2}).Middle)
	require.False(t, newMedian([]float64{1, 2, 3, 4, 5}).Low.Known(), "five observations have no interval at 95 %")
	rapid.Check(t, func(t *rapid.T) {
		s := samples(t, "sample", rapid.IntRange(6, 40).Draw(t, "n"))
		m, twice := newMedian(s), newMedian(scaled(s, 2))
		require.LessOrEqual(t, m.Low, m.Middle)
		require.LessOrEqual(t, m.Middle, m.High)
		require.Equal(t, 2*m.Middle, twice.Middle)
		require.Equal(t, 2*m.Low, twice.Low)
		below, above := 0, 0
		for _, x := range s {
			if Number(x) < m.Middle {
				below++
			} else if Number(x) > m.Middle {
				above++
			}
		}
		require.LessOrEqual(t, max(below, above), len(s)/2)
	})
}

// The interval holds the population's median as often as it says, or more: its level is a lower bound.
func TestMedianIntervalCovers(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const trials = 4000
	held := 0
	for range trials {
		s := make([]float64, 15)
		for i := range s {
			s[i] = rng.ExpFloat64()
		}
		if m := newMedian(s); float64(m.Low) <= math.Ln2 && math.Ln2 <= float64(m.High) {
			held++
		}
	}
	require.InDelta(t, 0.965, float64(held)/trials, 0.01, "1 - 2·P(B(15, ½) ≤ 3)")
}

func TestSlopeAndExponent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := []float64{1, 2, 5}
		x = append(x, samples(t, "x", rapid.IntRange(0, 20).Draw(t, "n"))...)
		k := rapid.Float64Range(0.2, 5).Draw(t, "k")
		require.InEpsilon(t, k, float64(slope(x, scaled(x, k))), 1e-9)
		require.InEpsilon(t, 1, float64(exponent(x, scaled(x, k))), 1e-9)
		squares := make([]float64, len(x))
		for i := range x {
			squares[i] = k * x[i] * x[i]
		}
		require.InEpsilon(t, 2, float64(exponent(x, squares)), 1e-9)
	})
	require.False(t, slope(nil, nil).Known())
	require.False(t, exponent([]float64{1, 2}, []float64{1, 2}).Known(), "two points always lie on a line")
	require.False(t, exponent([]float64{1, 1, 1}, []float64{1, 2, 3}).Known())
}

func TestRankCorrelations(t *testing.T) {
	up, down := []float64{1, 2, 3, 4}, []float64{9, 7, 5, 1}
	require.InDelta(t, 1, float64(kendall(up, up)), 1e-12)
	require.InDelta(t, -1, float64(kendall(up, down)), 1e-12)
	require.InDelta(t, -1, float64(spearman(up, down)), 1e-12)
	require.InDelta(t, 4.0/6, float64(kendall(up, []float64{1, 2, 4, 3})), 1e-12, "one of six pairs is swapped")
	require.InDelta(t, 0.8, float64(spearman(up, []float64{1, 2, 4, 3})), 1e-12, "1 - 6·2/(4·15)")
	require.InDelta(t, 5/math.Sqrt(5*6), float64(kendall([]float64{1, 1, 2, 3}, up)), 1e-12, "tau-b allows for a tie")
	require.False(t, kendall([]float64{1, 1}, []float64{1, 2}).Known())
	require.False(t, spearman([]float64{1}, []float64{1}).Known())
	require.Equal(t, []float64{1.5, 3, 1.5}, ranks([]float64{2, 5, 2}))
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 12).Draw(t, "n")
		a, b := samples(t, "a", n), samples(t, "b", n)
		for name, of := range map[string]func(a, b []float64) Number{"kendall": kendall, "spearman": spearman} {
			k := of(a, b)
			if !k.Known() {
				continue
			}
			require.LessOrEqual(t, math.Abs(float64(k)), 1+1e-9, name)
			require.InDelta(t, float64(k), float64(of(b, a)), 1e-9, "%s is symmetric", name)
			require.InDelta(t, float64(k), float64(of(scaled(a, 3), b)), 1e-9, "%s knows ranks only", name)
			require.InDelta(t, -float64(k), float64(of(scaled(a, -1), b)), 1e-9, name)
		}
	})
}

func TestMeanAbsolute(t *testing.T) {
	m, worst, n := meanAbsolute([]Number{0.1, unknown, -0.3})
	require.InDelta(t, 0.2, float64(m), 1e-12)
	require.Equal(t, Number(0.3), worst)
	require.Equal(t, 2, n, "what is not known is not counted")
	m, worst, n = meanAbsolute([]Number{unknown})
	require.False(t, m.Known() || worst.Known())
	require.Zero(t, n)
	require.Equal(t, Number(0.25), relative(5, 4))
	require.False(t, relative(1, 0).Known())
	require.False(t, relative(1, math.NaN()).Known())
}

func TestNumbersInJSON(t *testing.T) {
	text, err := json.Marshal([]Number{1.5, unknown, Number(math.Inf(1)), 0})
	require.NoError(t, err)
	require.Equal(t, "[1.5,null,null,0]", string(text))
	var back []Number
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, Number(1.5), back[0])
	require.False(t, back[1].Known())
	require.Error(t, json.Unmarshal([]byte(`["x"]`), &back))
}
