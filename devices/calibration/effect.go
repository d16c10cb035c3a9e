package calibration

import (
	"math"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize"
)

// Residuals are what a model leaves of measured rows: log measured - log modelled, by set and network. NaN stands for
// no row.
type Residuals struct {
	Sets     []*Set
	Networks []string
	Values   [][]float64 // [set][network]
}

// Effects is a Gaussian process over sets. It says how far the residual of a network in one set tells the residual of
// the same network in another: the more the two sets have in common, the further.
type Effects struct {
	variances [components + 1]float64 // the last is the noise
}

// What two sets may have in common, each with a variance of its own.
const (
	anything   = iota
	threading  // the runtime, and whether one thread works or several
	precision  // fp32 or fp16
	sameCore   // the kind of core or of GPU
	sameChip   // the chip
	components // how many
)

func common(a, b *Set) (c [components]float64) {
	is := func(v bool) float64 {
		if v {
			return 1
		}
		return 0
	}
	c[anything] = 1
	c[threading] = is(a.Runtime == b.Runtime && (a.Threads == 1) == (b.Threads == 1))
	c[precision] = is(a.Precision == b.Precision)
	c[sameCore] = is(a.Core == b.Core)
	c[sameChip] = is(a.Chip == b.Chip)
	return c
}

func (e *Effects) kernel(a, b *Set) (k float64) {
	c := common(a, b)
	for i := range c {
		k += float64(e.variances[i] * c[i])
	}
	return k
}

// Residuals beyond these do not teach the process: such rows are faults of their sources more often than effects of
// networks.
const (
	clipLearning = .7
	clipEffect   = 1.2
)

// LearnEffects finds the variances by maximum likelihood, with a weak prior around e^-4.
func LearnEffects(r *Residuals) *Effects {
	columns := r.columns(clipLearning)
	problem := optimize.Problem{Func: func(x []float64) float64 {
		var e Effects
		for i := range e.variances {
			e.variances[i] = math.Exp(x[i])
		}
		value := 0.0
		for i := range columns {
			value += e.unlikely(&columns[i])
		}
		for i := range x {
			value += 0.05 * (x[i] + 4) * (x[i] + 4)
		}
		return value
	}}
	start := make([]float64, components+1)
	for i := range start {
		start[i] = math.Log(.004)
	}
	start[anything], start[components] = math.Log(.02), math.Log(.006)
	settings := &optimize.Settings{FuncEvaluations: 400, Converger: &optimize.FunctionConverge{Absolute: 1e-2, Iterations: 40}}
	result, err := optimize.Minimize(problem, start, settings, &optimize.NelderMead{})
	if result == nil {
		panic("calibration: effects of networks: " + err.Error())
	}
	e := &Effects{}
	for i := range e.variances {
		e.variances[i] = math.Exp(result.X[i])
	}
	return e
}

// column is the residuals of one network.
type column struct {
	sets   []*Set
	values *mat.VecDense
}

func (r *Residuals) columns(clip float64) []column {
	var out []column
	for n := range r.Networks {
		if c := r.column(n, clip, func(*Set) bool { return true }); c.values != nil && len(c.sets) > 1 {
			out = append(out, c)
		}
	}
	return out
}

func (r *Residuals) column(n int, clip float64, keep func(*Set) bool) column {
	var c column
	var values []float64
	for i, s := range r.Sets {
		if v := r.Values[i][n]; !math.IsNaN(v) && keep(s) {
			c.sets = append(c.sets, s)
			values = append(values, min(max(v, -clip), clip))
		}
	}
	if len(values) > 0 {
		c.values = mat.NewVecDense(len(values), values)
	}
	return c
}

func (e *Effects) factorize(sets []*Set) *mat.Cholesky {
	k := mat.NewSymDense(len(sets), nil)
	for i, a := range sets {
		for j := range i + 1 {
			k.SetSym(i, j, e.kernel(a, sets[j]))
		}
		k.SetSym(i, i, k.At(i, i)+e.variances[components]+1e-9)
	}
	var factors mat.Cholesky
	if !factors.Factorize(k) {
		return nil
	}
	return &factors
}

// unlikely is the negative logarithm of a column's likelihood.
func (e *Effects) unlikely(c *column) float64 {
	factors := e.factorize(c.sets)
	if factors == nil {
		return math.Inf(1)
	}
	var solved mat.VecDense
	if factors.SolveVecTo(&solved, c.values) != nil {
		return math.Inf(1)
	}
	return (mat.Dot(c.values, &solved) + factors.LogDet()) / 2
}

// Unknown returns the variance of the effect on set s of a network that was measured nowhere.
func (e *Effects) Unknown(s *Set) float64 { return e.kernel(s, s) + e.variances[components] }

// leastChips is on how many other chips a network must have been measured before its effect is used: with one other
// chip the effect made predictions worse.
const leastChips = 3

// Of returns the effect of network n on set s, as a mean and a variance of the logarithm, from the rows of sets that
// keep accepts. With rows on fewer than three chips the mean is 0.
func (e *Effects) Of(r *Residuals, s *Set, n int, keep func(*Set) bool) (mean, variance float64) {
	prior := e.Unknown(s)
	c := r.column(n, clipEffect, keep)
	chips := map[string]bool{}
	for _, other := range c.sets {
		chips[other.Chip] = true
	}
	if len(chips) < leastChips {
		return 0, prior
	}
	factors := e.factorize(c.sets)
	k := mat.NewVecDense(len(c.sets), nil)
	for i, other := range c.sets {
		k.SetVec(i, e.kernel(s, other))
	}
	var weights mat.VecDense
	if factors == nil || factors.SolveVecTo(&weights, k) != nil {
		return 0, prior
	}
	return mat.Dot(&weights, c.values), prior - mat.Dot(&weights, k)
}
