package calibration

import (
	"math"
	"slices"
)

// Nominal is the share of rows that an interval is to hold.
const Nominal = .8

// Quantile returns by how many times its standard deviation an error has to be widened so that a share of Nominal of the given
// errors lies within: split conformal prediction, with the correction for few errors. Scores are |log error| / standard
// deviation of rows that were left out. The list is sorted in place.
func Quantile(scores []float64) float64 {
	if len(scores) == 0 {
		return math.NaN()
	}
	slices.Sort(scores)
	rank := int(math.Ceil(Nominal * float64(len(scores)+1)))
	return scores[min(rank, len(scores))-1]
}
