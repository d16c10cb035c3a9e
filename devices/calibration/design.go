package calibration

import (
	"gonum.org/v1/gonum/mat"
)

// Design chooses k of the candidates to measure next on a cluster of which known is known: one after the other, the
// candidate that leaves the least mean variance of the predicted logarithms over all targets. Sigma is the noise of a
// row. Design looks at counts only, never at measured times. The returned indices are in the order in which they were
// chosen.
func Design(known *Gaussian, sigma float64, candidates, targets []Counts, k int) []int {
	cov := mat.NewSymDense(int(Terms), nil)
	cov.CopySym(known.Cov)
	options, goals := directions(known, candidates), directions(known, targets)
	var chosen []int
	taken := make([]bool, len(candidates))
	for range min(k, len(candidates)) {
		best, gain := -1, 0.0
		for i, j := range options {
			if taken[i] {
				continue
			}
			if g := reduction(cov, j, goals, sigma); best < 0 || g > gain {
				best, gain = i, g
			}
		}
		taken[best] = true
		chosen = append(chosen, best)
		j, along := options[best], mat.NewVecDense(int(Terms), nil)
		along.MulVec(cov, j)
		cov.SymRankOne(cov, -1/(sigma*sigma+mat.Dot(j, along)), along)
	}
	return chosen
}

// directions are the gradients of the predicted logarithms.
func directions(known *Gaussian, counts []Counts) []*mat.VecDense {
	out := make([]*mat.VecDense, len(counts))
	scales := known.Mean.Scales()
	for i := range counts {
		_, shares := counts[i].Gradient(&scales)
		out[i] = mat.NewVecDense(int(Terms), shares[:])
	}
	return out
}

// reduction is by how much the variances of the goals fall, together, when a row in direction j is measured.
func reduction(cov *mat.SymDense, j *mat.VecDense, goals []*mat.VecDense, sigma float64) (total float64) {
	along := mat.NewVecDense(int(Terms), nil)
	along.MulVec(cov, j)
	for _, g := range goals {
		d := mat.Dot(g, along)
		total += d * d
	}
	return total / (sigma*sigma + mat.Dot(j, along))
}

// Given returns what is known after a row of the given counts, whatever its time: the mean stays, the covariance
// shrinks.
func (g *Gaussian) Given(counts *Counts, sigma float64) Gaussian {
	out := Gaussian{Mean: g.Mean, Cov: mat.NewSymDense(int(Terms), nil)}
	out.Cov.CopySym(g.Cov)
	j, along := directions(g, []Counts{*counts})[0], mat.NewVecDense(int(Terms), nil)
	along.MulVec(g.Cov, j)
	out.Cov.SymRankOne(out.Cov, -1/(sigma*sigma+mat.Dot(j, along)), along)
	return out
}
