package validation

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"hidp/results"
)

// Number is a figure of a report. One that does not exist is NaN, which JSON writes as null.
type Number float64

// MarshalJSON implements json.Marshaler.
func (n Number) MarshalJSON() ([]byte, error) {
	if !n.Known() {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, float64(n), 'g', 9, 64), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (n *Number) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*n = unknown
		return nil
	}
	return json.Unmarshal(data, (*float64)(n))
}

// Known reports whether there is such a figure.
func (n Number) Known() bool { return !math.IsNaN(float64(n)) && !math.IsInf(float64(n), 0) }

// unknown is a figure that does not exist.
var unknown = Number(math.NaN())

// Median is the middle of a sample with an interval for the median of the population at the level results.Confidence. The interval
// is between two order statistics, whose ranks follow from the binomial distribution, so it assumes independent observations and
// nothing else (David and Nagaraja, "Order Statistics", 3rd edition, 2003, section 7.1). Low and High are NaN for fewer than six.
type Median struct {
	N         int    `json:"n"`
	Middle    Number `json:"median"`
	Low, High Number `json:"-"`
}

// newMedian returns the median of a sample; of an empty one, NaN.
func newMedian(sample []float64) Median {
	m := Median{N: len(sample), Middle: unknown, Low: unknown, High: unknown}
	if m.N == 0 {
		return m
	}
	sorted := slices.Sorted(slices.Values(sample))
	m.Middle = Number(middle(sorted))
	if rank := medianRank(m.N); rank > 0 {
		m.Low, m.High = Number(sorted[rank-1]), Number(sorted[m.N-rank])
	}
	return m
}

// middle returns the median of sorted values: the mean of the middle two of an even number.
func middle(sorted []float64) float64 {
	n := len(sorted)
	if n == 0 {
		return math.NaN()
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// medianRank returns the rank, from 1, of the lower end of the median's interval in a sample of n; 0 if there is none.
func medianRank(n int) int {
	tail := distuv.Binomial{N: float64(n), P: 0.5}
	rank := 0
	for rank < n/2 && tail.CDF(float64(rank)) <= (1-results.Confidence)/2 {
		rank++
	}
	return rank
}

// relative returns simulated/measured − 1; NaN if either is unknown or nothing was measured.
func relative(simulated, measured float64) Number {
	if !(measured > 0) {
		return unknown
	}
	return Number(simulated/measured - 1)
}

// meanAbsolute returns the mean and the largest absolute value of what is known, and how many that are.
func meanAbsolute(errors []Number) (mean, worst Number, n int) {
	sum := 0.0
	for _, e := range errors {
		if !e.Known() {
			continue
		}
		sum += math.Abs(float64(e))
		worst = Number(math.Max(float64(worst), math.Abs(float64(e))))
		n++
	}
	if n == 0 {
		return unknown, unknown, 0
	}
	return Number(sum / float64(n)), worst, n
}

// slope is the k of measured = k·simulated that is best by least squares on the logarithms, which weighs a small network like a large
// one: the geometric mean of measured/simulated.
func slope(simulated, measured []float64) Number {
	var ratios []float64
	for i := range simulated {
		ratios = append(ratios, measured[i]/simulated[i])
	}
	k, err := results.GeometricMean(ratios)
	if err != nil {
		return unknown
	}
	return Number(k)
}

// exponent is the b of measured = a·simulated^b that is best by least squares on the logarithms: 1 if the error does not depend on
// how long a request takes. It needs three points that are not all the same.
func exponent(simulated, measured []float64) Number {
	if len(simulated) < 3 {
		return unknown
	}
	x, y := make([]float64, len(simulated)), make([]float64, len(simulated))
	for i := range simulated {
		x[i], y[i] = math.Log(simulated[i]), math.Log(measured[i])
	}
	_, b := stat.LinearRegression(x, y, nil, false)
	return Number(b)
}

// kendall is Kendall's tau-b of two samples, which allows for ties; NaN where one sample is all the same.
func kendall(a, b []float64) Number {
	var agree, tiesA, tiesB, pairs float64
	for i := range a {
		for j := range i {
			pairs++
			x, y := sign(a[i]-a[j]), sign(b[i]-b[j])
			agree += float64(x * y)
			tiesA += 1 - x*x
			tiesB += 1 - y*y
		}
	}
	if pairs == tiesA || pairs == tiesB {
		return unknown
	}
	return Number(agree / math.Sqrt(float64((pairs-tiesA)*(pairs-tiesB))))
}

// spearman is Spearman's rank correlation of two samples, ties at their mean rank; NaN where one sample is all the same.
func spearman(a, b []float64) Number {
	if len(a) < 2 {
		return unknown
	}
	return Number(stat.Correlation(ranks(a), ranks(b), nil))
}

// ranks returns the rank of every value, from 1; equal values have their mean rank.
func ranks(sample []float64) []float64 {
	out := make([]float64, len(sample))
	for i, x := range sample {
		below, same := 0, 0
		for _, y := range sample {
			if y < x {
				below++
			} else if y == x {
				same++
			}
		}
		out[i] = float64(below) + float64(same+1)/2
	}
	return out
}

func sign(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return 0
}
