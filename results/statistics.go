package results

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// Confidence is the level of every interval in the project.
const Confidence = 0.95

// Estimate is the mean of a sample with Student's t interval at the level Confidence, which assumes independent, roughly
// normal observations.
type Estimate struct {
	N         int
	Mean      float64
	Low, High float64 // NaN where Warning says why
	Warning   string
}

// Mean estimates the mean of the population a sample was drawn from. It panics on an empty sample.
func Mean(sample []float64) Estimate {
	mean, deviation := moments(sample)
	e := Estimate{N: len(sample), Mean: mean}
	if e.N < 2 {
		e.Low, e.High, e.Warning = math.NaN(), math.NaN(), "one observation has no interval"
		return e
	}
	half := float64(studentT(e.N-1).Quantile((1+Confidence)/2)*deviation) / math.Sqrt(float64(e.N))
	e.Low, e.High = mean-half, mean+half
	return e
}

// Paired is a comparison of two samples whose observations belong together: same seed, same arrivals.
type Paired struct {
	Estimate         // of the differences
	P        float64 // of a mean difference this far from zero if there were none (two-sided t test); NaN for one pair
}

// Difference compares a with b pair by pair and estimates a-b. The error says that they do not pair up.
func Difference(a, b []float64) (Paired, error) {
	d, err := pairs(a, b)
	if err != nil {
		return Paired{}, err
	}
	for i := range d {
		d[i] = a[i] - b[i]
	}
	p := Paired{Estimate: Mean(d), P: math.NaN()}
	_, deviation := moments(d)
	switch {
	case len(d) < 2:
	case deviation == 0 && p.Mean == 0:
		p.P = 1
	case deviation == 0:
		p.P = 0
	default:
		t := math.Abs(p.Mean) / (deviation / math.Sqrt(float64(len(d))))
		p.P = 2 * studentT(len(d)-1).Survival(t)
	}
	return p, nil
}

// GeometricMean returns the geometric mean of positive values; the error names a value that is not.
func GeometricMean(sample []float64) (float64, error) {
	if len(sample) == 0 {
		return 0, fmt.Errorf("results: no values to average")
	}
	sum := 0.0
	for i, x := range sample {
		if !(x > 0) {
			return 0, fmt.Errorf("results: value %d is %v; a geometric mean needs positive values", i, x)
		}
		sum += math.Log(x)
	}
	return math.Exp(sum / float64(len(sample))), nil
}

// Percentile returns the nearest-rank percentile of a sample: the smallest value that at least p in a hundred do not exceed. It
// panics on an empty sample and on p outside 0 to 100.
func Percentile(sample []float64, p float64) float64 {
	if len(sample) == 0 || !(p >= 0 && p <= 100) {
		panic(fmt.Sprintf("results: percentile %v of %d values", p, len(sample)))
	}
	sorted := slices.Sorted(slices.Values(sample))
	return sorted[max(0, int(math.Ceil(float64(p*float64(len(sorted)))/100))-1)]
}

// Spread is a sample in three numbers.
type Spread struct{ Min, Median, Max float64 }

// Spreads returns the smallest, middle and largest value of a sample (the lower middle of an even number); it panics on an
// empty one.
func Spreads(sample []float64) Spread {
	return Spread{Percentile(sample, 0), Percentile(sample, 50), Percentile(sample, 100)}
}

func pairs(a, b []float64) ([]float64, error) {
	if len(a) != len(b) || len(a) == 0 {
		return nil, fmt.Errorf("results: %d and %d observations do not pair up", len(a), len(b))
	}
	return make([]float64, len(a)), nil
}

// moments returns mean and sample standard deviation (0 for one value).
func moments(sample []float64) (mean, deviation float64) {
	if len(sample) == 0 {
		panic("results: mean of no values")
	}
	for _, x := range sample {
		mean += x - sample[0] // so that equal values have no deviation, not one of rounding
	}
	mean = sample[0] + mean/float64(len(sample))
	if len(sample) < 2 {
		return mean, 0
	}
	squares := 0.0
	for _, x := range sample {
		squares += float64((x - mean) * (x - mean))
	}
	return mean, math.Sqrt(squares / float64(len(sample)-1))
}

func studentT(freedom int) distuv.StudentsT { return distuv.StudentsT{Sigma: 1, Nu: float64(freedom)} }
