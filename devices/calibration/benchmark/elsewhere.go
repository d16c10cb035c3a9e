package benchmark

import (
	"slices"

	"hidp/devices/calibration"
)

// Elsewhere corrects left-out predictions by the effect that the same networks showed on other chips under the same
// group of runtimes. The process over sets is learned on one half of the networks and applied to the other.
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
	group := make([]Prediction, len(rows))
	for i, row := range rows {
		group[i] = predictions[row]
	}
	r := calibration.ResidualsOf(group)
	effects := [2]*calibration.Effects{calibration.LearnEffects(half(r, 1)), calibration.LearnEffects(half(r, 0))}
	for _, i := range rows {
		p := &predictions[i]
		n, _ := slices.BinarySearch(r.Networks, p.Row.Network)
		mean, variance := effects[n%2].Of(r, p.Set, n, func(s *calibration.Set) bool { return s.Chip != p.Set.Chip })
		p.Log += mean
		p.Variance += variance
	}
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
