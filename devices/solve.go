package devices

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"hidp/workloads"
)

// observation is a measured latency and the network it belongs to, in a power mode.
type observation struct {
	model   string
	net     *network
	seconds float64
	scale   scaling // of the row's mode
}

// rowSpread is the assumed standard deviation of the logarithm of measured over modelled latency.
const rowSpread = 0.1

// solve returns the parameters that minimise
//
//	Σ (ln(modelled/measured)/rowSpread)² + Σ (x/spread)²
//
// over the coordinates x: the posterior mode under log-normal errors, found by Levenberg and Marquardt's method. The costs are
// not smooth where a layer turns from compute to memory bound, so steps that do not improve are damped until they do. The result
// does not depend on the order of rows beyond rounding.
func solve(pr *prior, rows []observation) Params {
	var x [coordinates]float64
	if len(rows) == 0 {
		return pr.params
	}
	value, gradient, hessian := pr.linearise(&x, rows)
	for damping, round := 1e-3, 0; round < 200 && damping < 1e12; round++ {
		next, ok := step(&x, gradient, hessian, damping)
		if !ok {
			damping *= 10
			continue
		}
		v := pr.value(&next, rows)
		if !(v < value) {
			damping *= 10
			continue
		}
		done := value-v < 1e-12*value
		x = next
		value, gradient, hessian = pr.linearise(&x, rows)
		if damping /= 5; done {
			break
		}
	}
	return pr.at(&x)
}

// step solves (H + damping·diag H) d = -g.
func step(x *[coordinates]float64, gradient *mat.VecDense, hessian *mat.SymDense, damping float64) ([coordinates]float64, bool) {
	damped := mat.NewSymDense(coordinates, nil)
	damped.CopySym(hessian)
	for i := range coordinates {
		damped.SetSym(i, i, hessian.At(i, i)*(1+damping))
	}
	var chol mat.Cholesky
	if !chol.Factorize(damped) {
		return *x, false
	}
	var d mat.VecDense
	if err := chol.SolveVecTo(&d, gradient); err != nil {
		return *x, false
	}
	next := *x
	for i := range next {
		next[i] -= d.AtVec(i)
	}
	return next, true
}

// value returns the objective at x.
func (pr *prior) value(x *[coordinates]float64, rows []observation) float64 {
	p := pr.at(x)
	total := 0.0
	for i := range rows {
		scaled := rows[i].scale.apply(p)
		r := math.Log(rows[i].net.seconds(&scaled)/rows[i].seconds) / rowSpread
		total += float64(r * r)
	}
	for i := range x {
		r := x[i] / pr.spread[i]
		total += float64(r * r)
	}
	return total
}

// linearise returns the objective at x, half its gradient, and the Gauss-Newton approximation of half its Hessian.
func (pr *prior) linearise(x *[coordinates]float64, rows []observation) (float64, *mat.VecDense, *mat.SymDense) {
	g, h := mat.NewVecDense(coordinates, nil), mat.NewSymDense(coordinates, nil)
	for i := range coordinates {
		w := 1 / float64(pr.spread[i]*pr.spread[i])
		g.SetVec(i, x[i]*w)
		h.SetSym(i, i, w)
	}
	p := pr.at(x)
	for i := range rows {
		scaled := rows[i].scale.apply(p)
		modelled, slope := rows[i].net.slope(&scaled)
		r := math.Log(modelled/rows[i].seconds) / rowSpread
		j := mat.NewVecDense(coordinates, nil)
		for k := range slope {
			j.SetVec(k, slope[k]/modelled/rowSpread)
		}
		g.AddScaledVec(g, r, j)
		h.SymRankOne(h, 1, j)
	}
	return pr.value(x, rows), g, h
}

// slope returns the modelled latency and its derivatives by the coordinates.
func (n *network) slope(p *Params) (total float64, d [coordinates]float64) {
	total = p.InvokeOverhead
	d[coordInvoke] = p.InvokeOverhead
	for i := range n.features {
		f := &n.features[i]
		total += f.seconds(p)
		compute, act, weights := f.flops/p.Rate[f.class], f.act/p.ActBandwidth, f.weights/p.WeightBandwidth
		if compute >= act+weights {
			d[coordCommon] -= compute
			d[coordClass+int(f.class)] -= compute
		} else {
			d[coordAct] -= act + weights
			d[coordWeight] -= weights
		}
		if f.class <= workloads.ClassGrouped {
			d[coordConv] += f.layers * p.ConvOverhead
		} else {
			d[coordConv] += f.layers * p.OtherOverhead
			d[coordOther] += f.layers * p.OtherOverhead
		}
	}
	return total, d
}
