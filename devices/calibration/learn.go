package calibration

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// Learned is what sets of one group of runtimes have in common: how far parameters lie from what data sheets suggest,
// how much they vary between boards, and the noise of rows.
type Learned struct {
	Offset Params        // of the logarithms, from Set.Sheet
	Cov    *mat.SymDense // of sets around Sheet + Offset
	Sigma  float64       // scale of the noise of rows, in the logarithm
	at     map[*Set]Params
}

// Prior returns what is known of a set before its rows are looked at.
func (l *Learned) Prior(s *Set) *Gaussian {
	p := s.Sheet()
	for t := range p {
		p[t] += l.Offset[t]
	}
	return &Gaussian{Mean: p, Cov: l.Cov}
}

// Posterior returns what is known of a set after the rows.
func (l *Learned) Posterior(s *Set, rows []*Row) Gaussian {
	prior := l.Prior(s)
	from, ok := l.at[s]
	if !ok {
		from = prior.Mean
	}
	return Fit(rows, prior, l.Sigma, from)
}

const (
	rounds                = 5
	firstSigma            = .1
	leastSigma, mostSigma = .02, .4
	sheetSets             = 1.0 // the data sheet counts as that many sets in the mean
	spreadSets            = 4.0 // and as that many in the covariance, of a quarter of its spread each
)

// Learn finds the prior of the sets by expectation-maximisation. Only rows that keep accepts are looked at.
func Learn(sets []*Set, keep func(*Set, *Row) bool) *Learned {
	l := &Learned{Cov: spread(), Sigma: firstSigma, at: map[*Set]Params{}}
	for range rounds {
		l.round(sets, keep)
	}
	return l
}

func (l *Learned) round(sets []*Set, keep func(*Set, *Row) bool) {
	var deviations []Params
	covs := mat.NewSymDense(int(Terms), nil)
	noise := noise{sigma: l.Sigma}
	for _, s := range sets {
		rows := kept(s, keep)
		post := l.Posterior(s, rows)
		l.at[s] = post.Mean
		sheet, d := s.Sheet(), post.Mean
		for t := range d {
			d[t] -= sheet[t]
		}
		deviations = append(deviations, d)
		covs.AddSym(covs, post.Cov)
		noise.add(rows, &post)
	}
	l.Offset = Params{}
	for i := range deviations {
		for t := range l.Offset {
			l.Offset[t] += deviations[i][t] / (float64(len(sets)) + sheetSets)
		}
	}
	for i := range deviations {
		for t := range deviations[i] {
			deviations[i][t] -= l.Offset[t]
		}
		covs.SymRankOne(covs, 1, mat.NewVecDense(int(Terms), deviations[i][:]))
	}
	covs.AddSym(covs, spread())
	covs.ScaleSym(1/(float64(len(sets))+spreadSets), covs)
	l.Cov = covs
	l.Sigma = noise.scale()
}

func kept(s *Set, keep func(*Set, *Row) bool) []*Row {
	var rows []*Row
	for i := range s.Rows {
		if keep(s, &s.Rows[i]) {
			rows = append(rows, &s.Rows[i])
		}
	}
	return rows
}

// noise estimates the scale of the noise of rows.
type noise struct {
	sigma float64
	sum   float64
	rows  int
}

func (n *noise) add(rows []*Row, post *Gaussian) {
	scales := post.Mean.Scales()
	for _, r := range rows {
		seconds, shares := r.Counts.Gradient(&scales)
		d := math.Log(seconds) - r.Log
		z := d / n.sigma
		n.sum += (studentNu+1)/(studentNu+z*z)*d*d + post.Variance(&shares)
		n.rows++
	}
}

func (n *noise) scale() float64 {
	if n.rows == 0 {
		return n.sigma
	}
	return math.Sqrt(min(max(n.sum/float64(n.rows), leastSigma*leastSigma), mostSigma*mostSigma))
}
