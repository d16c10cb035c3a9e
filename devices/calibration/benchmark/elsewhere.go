package benchmark

import (
	"math"
	"slices"

	"hidp/devices/calibration"
)

// Elsewhere corrects left-out predictions by the effect that the same networks showed on other chips under the same group of
// runtimes. The process over sets is learned on one half of the networks and applied to the other.
func Elsewhere(predictions []Prediction) []Prediction {
	out := slices.Clone(predictions)
	byGroup := map[string][]int{}
	for i := range out {
		g := out[i].Set.Group()
		byGroup[g] = append(byGroup[g], i)
	}
	for _, rows := range byGroup {
		correct(out, rows)
	}
	return out
}

func correct(predictions []Prediction, rows []int) {
	r := residuals(predictions, rows)
	effects := [2]*calibration.Effects{calibration.LearnEffects(half(r, 1)), calibration.LearnEffects(half(r, 0))}
	for _, i := range rows {
		p := &predictions[i]
		n, _ := slices.BinarySearch(r.Networks, p.Row.Network)
		mean, variance := effects[n%2].Of(r, p.Set, n, func(s *calibration.Set) bool { return s.Chip != p.Set.Chip })
		p.Log += mean
		p.Variance += variance
	}
}

func residuals(predictions []Prediction, rows []int) *calibration.Residuals {
	r := &calibration.Residuals{}
	index := map[*calibration.Set]int{}
	for _, i := range rows {
		p := &predictions[i]
		if _, ok := index[p.Set]; !ok {
			index[p.Set] = len(r.Sets)
			r.Sets = append(r.Sets, p.Set)
		}
		r.Networks = append(r.Networks, p.Row.Network)
	}
	slices.Sort(r.Networks)
	r.Networks = slices.Compact(r.Networks)
	r.Values = make([][]float64, len(r.Sets))
	for i := range r.Values {
		r.Values[i] = make([]float64, len(r.Networks))
		for n := range r.Values[i] {
			r.Values[i][n] = math.NaN()
		}
	}
	for _, i := range rows {
		n, _ := slices.BinarySearch(r.Networks, predictions[i].Row.Network)
		r.Values[index[predictions[i].Set]][n] = predictions[i].Error()
	}
	return r
}

// half keeps every second network.
func half(r *calibration.Residuals, parity int) *calibration.Residuals {
	out := &calibration.Residuals{Sets: r.Sets, Values: make([][]float64, len(r.Sets))}
	for n, name := range r.Networks {
		if n%2 == parity {
			out.Networks = append(out.Networks, name)
			for i := range r.Sets {
				out.Values[i] = append(out.Values[i], r.Values[i][n])
			}
		}
	}
	return out
}
