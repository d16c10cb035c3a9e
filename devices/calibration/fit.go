package calibration

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// Gaussian is what is known of the parameters of a cluster: a mean and a covariance of their logarithms.
type Gaussian struct {
	Mean Params
	Cov  *mat.SymDense
}

// Variance returns the variance of the logarithm of the modelled time of what has the given shares (Counts.Gradient).
func (g *Gaussian) Variance(shares *[Terms]float64) float64 {
	v := mat.NewVecDense(int(Terms), shares[:])
	return mat.Inner(v, g.Cov, v)
}

const (
	studentNu = 4.0 // degrees of freedom of the noise of rows: a row that is far off counts little
	maxSteps  = 60
	longest   = 3.0 // of a step, in the logarithm of a parameter
)

// Fit returns the posterior of the parameters: the most probable point under the prior and rows whose noise in the
// logarithm has Student's distribution of scale sigma, and the Laplace covariance there. It starts at from and walks by
// Levenberg-Marquardt. Without rows the posterior is the prior.
func Fit(rows []*Row, prior *Gaussian, sigma float64, from Params) Gaussian {
	if len(rows) == 0 {
		return *prior
	}
	f := &fitting{rows: rows, prior: prior, precision: inverse(prior.Cov), sigma: sigma}
	at, damping := from, 1e-3
	value := f.value(&at)
	for range maxSteps {
		gradient, hessian := f.derivatives(&at)
		next, v, ok := f.step(&at, value, gradient, hessian, &damping)
		if !ok {
			break
		}
		done := value-v < 1e-7*math.Abs(value)+1e-9
		at, value = next, v
		damping = max(damping/5, 1e-9)
		if done {
			break
		}
	}
	_, hessian := f.derivatives(&at)
	return Gaussian{Mean: at, Cov: inverse(hessian)}
}

type fitting struct {
	rows      []*Row
	prior     *Gaussian
	precision *mat.SymDense
	sigma     float64
}

// value is twice the negative logarithm of the posterior density, up to a constant.
func (f *fitting) value(at *Params) float64 {
	var total float64
	scales := at.Scales()
	for _, r := range f.rows {
		z := (math.Log(r.Counts.Seconds(&scales)) - r.Log) / f.sigma
		total += (studentNu + 1) * math.Log1p(z*z/studentNu)
	}
	d := f.deviation(at)
	return total + mat.Inner(d, f.precision, d)
}

func (f *fitting) deviation(at *Params) *mat.VecDense {
	d := mat.NewVecDense(int(Terms), nil)
	for t := range at {
		d.SetVec(t, at[t]-f.prior.Mean[t])
	}
	return d
}

// derivatives returns the gradient and the Gauss-Newton Hessian of half of the value.
func (f *fitting) derivatives(at *Params) (*mat.VecDense, *mat.SymDense) {
	gradient := mat.NewVecDense(int(Terms), nil)
	gradient.MulVec(f.precision, f.deviation(at))
	hessian := mat.NewSymDense(int(Terms), nil)
	hessian.CopySym(f.precision)
	g, h := gradient.RawVector().Data, hessian.RawSymmetric()
	scales := at.Scales()
	for _, r := range f.rows {
		seconds, shares := r.Counts.Gradient(&scales)
		z := (math.Log(seconds) - r.Log) / f.sigma
		weight := (studentNu + 1) / (studentNu + z*z)
		for a, share := range shares {
			g[a] += float64(weight * z / f.sigma * share)
			row, by := h.Data[a*h.Stride:], weight/(f.sigma*f.sigma)*share
			for b := a; b < int(Terms); b++ { // the upper triangle
				row[b] += float64(by * shares[b])
			}
		}
	}
	return gradient, hessian
}

// step looks for a point of a smaller value, and damps until there is one.
func (f *fitting) step(at *Params, value float64, gradient *mat.VecDense, hessian *mat.SymDense, damping *float64) (Params, float64, bool) {
	var factors mat.Cholesky
	var delta mat.VecDense
	damped := mat.NewSymDense(int(Terms), nil)
	for ; *damping < 1e10; *damping *= 10 {
		damped.CopySym(hessian)
		for t := range int(Terms) {
			damped.SetSym(t, t, hessian.At(t, t)*(1+*damping))
		}
		if !factors.Factorize(damped) || factors.SolveVecTo(&delta, gradient) != nil {
			continue
		}
		next := *at
		for t := range next {
			next[t] -= min(max(delta.AtVec(t), -longest), longest)
		}
		if v := f.value(&next); v < value {
			return next, v, true
		}
	}
	return *at, value, false
}

func inverse(m *mat.SymDense) *mat.SymDense {
	var factors mat.Cholesky
	if !factors.Factorize(m) {
		panic("calibration: a covariance is not positive definite")
	}
	out := mat.NewSymDense(m.SymmetricDim(), nil)
	if err := factors.InverseTo(out); err != nil {
		panic("calibration: " + err.Error())
	}
	return out
}
