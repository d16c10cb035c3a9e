package calibration

import (
	"math"
	"strings"

	"gonum.org/v1/gonum/mat"
)

// Assumptions of the data-sheet prior, set by hand: the share of the peak that a class of layers reaches, the share of
// the memory's bandwidth that a cluster reaches, and overheads in seconds. They are medians; spread says how far off
// they may be.
var (
	cpuShare = map[Term]float64{RateConv3x3: .9, RateConvKxK: .45, RateConv1x1: .5, RateDepthwise: .15, RateGrouped: .15}
	gpuShare = map[Term]float64{RateConv3x3: .7, RateConvKxK: .35, RateConv1x1: .35, RateDepthwise: .08, RateGrouped: .1}
)

const (
	cpuMemoryShare = .25
	gpuMemoryShare = .7
	halfPrecision  = 2 // fp16 doubles rates, and halves bytes
)

// overheads of a convolution, of another layer and of an inference.
type overheads struct{ conv, other, invoke float64 }

func (s *Set) overheads() overheads {
	eager := StyleOf(s.Runtime).Eager
	switch {
	case s.GPU && eager:
		return overheads{250e-6, 60e-6, 1e-3}
	case s.GPU:
		return overheads{40e-6, 20e-6, .3e-3}
	case eager:
		return overheads{60e-6, 40e-6, 1e-3}
	}
	return overheads{15e-6, 8e-6, .1e-3}
}

// Sheet returns the medians that the data sheet of the set's cluster suggests.
func (s *Set) Sheet() Params {
	shares, memory, precision := cpuShare, cpuMemoryShare, 1.0
	if s.GPU {
		shares, memory = gpuShare, gpuMemoryShare
	}
	if s.Precision == "fp16" {
		precision = halfPrecision
	}
	var p Params
	for t, share := range shares {
		p[t] = -math.Log(s.Peak * precision * share)
	}
	if strings.HasPrefix(s.Runtime, "tflite") { // TFLite computes every convolution as a matrix product
		p[RateConv3x3], p[RateConvKxK] = p[RateConv1x1], p[RateConv1x1]
	}
	for _, t := range []Term{Activations, Weights, Elements, Im2col} {
		p[t] = -math.Log(s.Bandwidth * precision * memory)
	}
	p[Im2col] -= math.Ln2
	o := s.overheads()
	p[PerConv], p[PerOther], p[PerEager] = math.Log(o.conv), math.Log(o.other), math.Log(o.other)
	p[PerGroup], p[PerDetection], p[Invoke] = math.Log(o.conv/4), math.Log(o.conv), math.Log(o.invoke)
	return p
}

// Variances of the logarithms of the data-sheet prior, set by hand. What terms share moves them together: all rates by
// the board's real clocks, dense convolutions by the quality of one kernel, bandwidths by the memory.
const (
	rateShared, rateDense, rateOwn = 1.0, .27, .09
	memoryShared, memoryOwn        = .36, .25
	overheadShared, overheadOwn    = 1.0, .25
	invokeOwn                      = .25
)

// kind says which terms the prior moves together.
func kind(t Term) string {
	switch {
	case t <= RateGrouped:
		return "rate"
	case t <= Im2col:
		return "memory"
	case t < Invoke:
		return "overhead"
	}
	return "invoke"
}

// dense reports whether two rates belong to convolutions that one kind of kernel computes.
func dense(a, b Term) bool { return a == b || (a <= RateConv1x1 && b <= RateConv1x1) }

// spread is the covariance of the data-sheet prior.
func spread() *mat.SymDense {
	c := mat.NewSymDense(int(Terms), nil)
	for a := range Terms {
		for b := range a + 1 {
			c.SetSym(int(a), int(b), covariance(a, b))
		}
	}
	return c
}

func covariance(a, b Term) float64 {
	if kind(a) != kind(b) {
		return 0
	}
	own := func(v float64, anchor Term) float64 {
		if a == b && a != anchor { // the anchor's own part is what the others share with it
			return v
		}
		return 0
	}
	switch kind(a) {
	case "rate":
		v := rateShared + own(rateOwn, Terms)
		if dense(a, b) {
			v += rateDense
		}
		return v
	case "memory":
		return memoryShared + own(memoryOwn, Activations)
	case "overhead":
		return overheadShared + own(overheadOwn, PerConv)
	}
	return invokeOwn
}
