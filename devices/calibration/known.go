package calibration

import (
	"math"
	"slices"
)

// Known is what measured sets of a group of runtimes say of sets that are still to be measured: a prior of their
// parameters, and the effects of networks.
type Known struct {
	*Learned
	Sets      []*Set
	residuals *Residuals
	effects   *Effects
}

// Know learns from sets of one group. Without sets what is known is the data sheet alone.
func Know(sets []*Set) *Known {
	k := &Known{Learned: Learn(sets, func(*Set, *Row) bool { return true }), Sets: sets, residuals: &Residuals{},
		effects: &Effects{}}
	if len(sets) == 0 {
		return k
	}
	var left []Prediction
	for _, s := range sets {
		left = append(left, k.LeaveOut(s, Network, func(*Row) bool { return true })...)
	}
	k.residuals = ResidualsOf(left)
	k.effects = LearnEffects(k.residuals)
	return k
}

// ResidualsOf sorts the errors of predictions by set and network.
func ResidualsOf(predictions []Prediction) *Residuals {
	r := &Residuals{}
	index := map[*Set]int{}
	for i := range predictions {
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
	for i := range predictions {
		n, _ := slices.BinarySearch(r.Networks, predictions[i].Row.Network)
		r.Values[index[predictions[i].Set]][n] = predictions[i].Error()
	}
	return r
}

// Effect returns what the known sets that keep accepts say of a network on set s, as a mean and a variance of the
// logarithm.
func (k *Known) Effect(s *Set, network string, keep func(*Set) bool) (mean, variance float64) {
	n, ok := slices.BinarySearch(k.residuals.Networks, network)
	if !ok {
		return 0, k.effects.Unknown(s)
	}
	return k.effects.Of(k.residuals, s, n, keep)
}

// Measured returns what is known of a set after some of its rows: the effects of their networks are taken off first.
func (k *Known) Measured(s *Set, rows []Row, keep func(*Set) bool) Gaussian {
	var corrected []*Row
	for _, r := range rows {
		mean, _ := k.Effect(s, r.Network, keep)
		r.Log -= mean
		corrected = append(corrected, &r)
	}
	return k.Posterior(s, corrected)
}

// PredictWith predicts a row from what is known of its set and from the effect of its network.
func (k *Known) PredictWith(s *Set, r *Row, post *Gaussian, keep func(*Set) bool) Prediction {
	p := k.Predict(s, r, post)
	mean, variance := k.Effect(s, r.Network, keep)
	p.Log += mean
	p.Variance += variance
	return p
}

// NewBoard predicts the rows of a set of which given are measured first, chosen by Design; those are not predicted.
func (k *Known) NewBoard(s *Set, given int) []Prediction {
	anything := func(*Set) bool { return true }
	counts := make([]Counts, len(s.Rows))
	for i := range s.Rows {
		counts[i] = s.Rows[i].Counts
	}
	chosen := Design(k.Prior(s), k.Sigma, counts, counts, given)
	var rows []Row
	for _, i := range chosen {
		rows = append(rows, s.Rows[i])
	}
	post := k.Measured(s, rows, anything)
	var out []Prediction
	for i := range s.Rows {
		if r := &s.Rows[i]; !slices.ContainsFunc(rows, func(c Row) bool { return c.Twins == r.Twins }) {
			out = append(out, k.PredictWith(s, r, &post, anything))
		}
	}
	return out
}
