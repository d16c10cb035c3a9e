package benchmark

import (
	"slices"

	"hidp/devices/calibration"
)

func chips(sets []*calibration.Set) []string {
	var out []string
	for _, s := range sets {
		out = append(out, s.Chip)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// world is what is known before a chip is seen: the rows of other chips. Few rows of each set of the chip are then given, which
// calibration.Design chooses. The given rows are not predicted.
type world struct {
	learned   *calibration.Learned
	residuals *calibration.Residuals
	effects   *calibration.Effects
}

// newWorld learns from the sets of other chips; nil if there are none.
func newWorld(group []*calibration.Set, chip string) *world {
	var others []*calibration.Set
	for _, s := range group {
		if s.Chip != chip {
			others = append(others, s)
		}
	}
	if len(others) == 0 {
		return nil
	}
	all := func(*calibration.Set, *calibration.Row) bool { return true }
	w := &world{learned: calibration.Learn(others, all)}
	var left []Prediction
	for _, s := range others {
		names := map[string]bool{}
		for i := range s.Rows {
			names[s.Rows[i].Twins] = true
		}
		left = append(left, leaveOutOf(s, w.learned, names, Network)...)
	}
	rows := make([]int, len(left))
	for i := range rows {
		rows[i] = i
	}
	w.residuals = residuals(left, rows)
	w.effects = calibration.LearnEffects(w.residuals)
	return w
}

// effect returns what other chips say of a network.
func (w *world) effect(s *calibration.Set, network string) (mean, variance float64) {
	n, ok := slices.BinarySearch(w.residuals.Networks, network)
	if !ok {
		return 0, w.effects.Unknown(s)
	}
	return w.effects.Of(w.residuals, s, n, func(*calibration.Set) bool { return true })
}

func (w *world) predict(s *calibration.Set, given int) []Prediction {
	prior := w.learned.Prior(s)
	counts := make([]calibration.Counts, len(s.Rows))
	for i := range s.Rows {
		counts[i] = s.Rows[i].Counts
	}
	chosen := calibration.Design(prior, w.learned.Sigma, counts, counts, given)
	var rows []*calibration.Row
	for _, i := range chosen {
		r := s.Rows[i]
		mean, _ := w.effect(s, r.Network)
		r.Log -= mean
		rows = append(rows, &r)
	}
	post := w.learned.Posterior(s, rows)
	var out []Prediction
	for i := range s.Rows {
		if r := &s.Rows[i]; !slices.ContainsFunc(chosen, func(c int) bool { return s.Rows[c].Twins == r.Twins }) {
			p := predict(s, r, &post, w.learned.Sigma)
			mean, variance := w.effect(s, r.Network)
			p.Log += mean
			p.Variance += variance
			out = append(out, p)
		}
	}
	return out
}
