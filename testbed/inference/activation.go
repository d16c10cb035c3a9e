package inference

import (
	"math"

	"hidp/workloads/onnx"
)

// unaries returns the operators on each element.
func unaries() map[string]func(n *onnx.Node, in []*array) *array {
	plain := func(f func(x float64) float64) func(*onnx.Node, []*array) *array {
		return func(_ *onnx.Node, in []*array) *array { return each(in[0], f) }
	}
	return map[string]func(*onnx.Node, []*array) *array{
		"Relu":      plain(func(x float64) float64 { return math.Max(x, 0) }),
		"Sigmoid":   plain(func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }),
		"Tanh":      plain(math.Tanh),
		"Erf":       plain(math.Erf),
		"HardSwish": plain(func(x float64) float64 { return x * math.Max(0, math.Min(1, float64(x/6)+0.5)) }),
		"HardSigmoid": func(n *onnx.Node, in []*array) *array {
			alpha, beta := float64(attribute(n, "alpha").F), float64(attribute(n, "beta").F)
			return each(in[0], func(x float64) float64 { return math.Max(0, math.Min(1, float64(alpha*x)+beta)) })
		},
		"LeakyRelu": func(n *onnx.Node, in []*array) *array {
			alpha := float64(attribute(n, "alpha").F)
			return each(in[0], func(x float64) float64 {
				if x < 0 {
					return alpha * x
				}
				return x
			})
		},
		"Clip": func(_ *onnx.Node, in []*array) *array {
			lo, hi := math.Inf(-1), math.Inf(1)
			if len(in) > 1 && in[1] != nil {
				lo = float64(in[1].f[0])
			}
			if len(in) > 2 && in[2] != nil {
				hi = float64(in[2].f[0])
			}
			return each(in[0], func(x float64) float64 { return math.Min(math.Max(x, lo), hi) })
		},
	}
}

// each applies f to every element.
func each(x *array, f func(x float64) float64) *array {
	y := floats(x.dims...)
	for i, v := range x.f {
		y.f[i] = float32(f(float64(v)))
	}
	return y
}

// binaries returns the operators of two broadcast inputs; more are taken from left to right.
func binaries() map[string]func(a, b float64) float64 {
	add := func(a, b float64) float64 { return a + b }
	return map[string]func(a, b float64) float64{"Add": add, "Sum": add,
		"Sub": func(a, b float64) float64 { return a - b },
		"Mul": func(a, b float64) float64 { return a * b },
		"Div": func(a, b float64) float64 { return a / b },
		"Max": math.Max, "Min": math.Min,
	}
}

// fold combines the inputs element by element, broadcast to each other as ONNX does.
func fold(f func(a, b float64) float64, in []*array) *array {
	y := in[0]
	for _, x := range in[1:] {
		y = combine(f, y, x)
	}
	return y
}

func combine(f func(a, b float64) float64, a, b *array) *array {
	rank := max(len(a.dims), len(b.dims))
	dims, sa, sb := make([]int, rank), strides(a, rank), strides(b, rank)
	for i := range dims {
		dims[i] = max(extent(a, i, rank), extent(b, i, rank))
	}
	y := floats(dims...)
	for i := range y.f {
		ia, ib, rest := 0, 0, i
		for k := rank - 1; k >= 0; k-- {
			at := rest % dims[k]
			ia, ib, rest = ia+at*sa[k], ib+at*sb[k], rest/dims[k]
		}
		y.f[i] = float32(f(float64(a.f[ia]), float64(b.f[ib])))
	}
	return y
}

// extent returns dimension i of x as if it had rank dimensions.
func extent(x *array, i, rank int) int {
	if i -= rank - len(x.dims); i >= 0 {
		return x.dims[i]
	}
	return 1
}

// strides returns the distance of neighbours along each of rank axes; 0 where x is broadcast.
func strides(x *array, rank int) []int {
	list, stride := make([]int, rank), 1
	for i := rank - 1; i >= 0; i-- {
		if d := extent(x, i, rank); d > 1 {
			list[i] = stride
			stride *= d
		}
	}
	return list
}
