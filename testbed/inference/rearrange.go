package inference

import (
	"errors"
	"fmt"
	"slices"

	"hidp/workloads/onnx"
)

func concat(n *onnx.Node, in []*array) (*array, error) {
	axis := int(attribute(n, "axis", 1).I)
	dims := slices.Clone(in[0].dims)
	dims[axis] = 0
	for _, x := range in {
		dims[axis] += x.dims[axis]
	}
	y := floats(dims...)
	at := 0
	for o := range elements(dims[:axis]) {
		for _, x := range in {
			size := elements(x.dims[axis:])
			at += copy(y.f[at:], x.f[o*size:][:size])
		}
	}
	return y, nil
}

// slice takes parts along axes with step 1.
func slice(_ *onnx.Node, in []*array) (*array, error) {
	x := in[0]
	if len(in) > 4 && in[4] != nil && slices.ContainsFunc(in[4].i, func(step int64) bool { return step != 1 }) {
		return nil, errors.New("steps other than 1 are not supported")
	}
	for k, axis := range in[3].i {
		lo, hi := in[1].i[k], min(in[2].i[k], int64(x.dims[axis]))
		x = cut(x, int(axis), int(lo), int(hi))
	}
	return x, nil
}

// cut takes [lo, hi) of an axis.
func cut(x *array, axis, lo, hi int) *array {
	dims := slices.Clone(x.dims)
	dims[axis] = hi - lo
	y := floats(dims...)
	inner := elements(dims[axis+1:])
	size, part := x.dims[axis]*inner, dims[axis]*inner
	for o := range elements(dims[:axis]) {
		copy(y.f[o*part:][:part], x.f[o*size+lo*inner:])
	}
	return y
}

// pad surrounds with a constant.
func pad(n *onnx.Node, in []*array) (*array, error) {
	x, pads := in[0], in[1].i
	fill := float32(0)
	if len(in) > 2 && in[2] != nil {
		fill = in[2].f[0]
	}
	if mode := attribute(n, "mode").S; mode != "" && mode != "constant" {
		return nil, fmt.Errorf("mode %s is not supported", mode)
	}
	rank := len(x.dims)
	dims := slices.Clone(x.dims)
	for i := range dims {
		dims[i] += int(pads[i] + pads[rank+i])
	}
	y := floats(dims...)
	for i := range y.f {
		y.f[i] = fill
	}
	for i, v := range x.f {
		at, rest, stride := 0, i, 1
		for a := rank - 1; a >= 0; a-- {
			at += (rest%x.dims[a] + int(pads[a])) * stride
			rest /= x.dims[a]
			stride *= dims[a]
		}
		y.f[at] = v
	}
	return y, nil
}

// as returns x with other dimensions.
func as(x *array, dims []int) *array { return &array{dims, x.f, x.i} }

func reshape(_ *onnx.Node, in []*array) (*array, error) {
	x := in[0]
	dims, open, known := make([]int, len(in[1].i)), -1, 1
	for k, d := range in[1].i {
		switch {
		case d == 0:
			dims[k] = x.dims[k]
		case d < 0:
			open, dims[k] = k, 1
		default:
			dims[k] = int(d)
		}
		known *= dims[k]
	}
	if open >= 0 {
		dims[open] = elements(x.dims) / known
	}
	if elements(dims) != elements(x.dims) {
		return nil, fmt.Errorf("%v as %v", x.dims, dims)
	}
	return as(x, dims), nil
}

func flatten(n *onnx.Node, in []*array) (*array, error) {
	axis := int(attribute(n, "axis", 1).I)
	return as(in[0], []int{elements(in[0].dims[:axis]), elements(in[0].dims[axis:])}), nil
}

func unsqueeze(_ *onnx.Node, in []*array) (*array, error) {
	dims := slices.Clone(in[0].dims)
	for _, axis := range slices.Sorted(slices.Values(in[1].i)) {
		dims = slices.Insert(dims, int(axis), 1)
	}
	return as(in[0], dims), nil
}

func squeeze(_ *onnx.Node, in []*array) (*array, error) {
	var dims []int
	for a, d := range in[0].dims {
		if !slices.Contains(in[1].i, int64(a)) {
			dims = append(dims, d)
		}
	}
	return as(in[0], dims), nil
}

func transpose(n *onnx.Node, in []*array) (*array, error) {
	var perm []int
	for _, p := range attribute(n, "perm").Ints {
		perm = append(perm, int(p))
	}
	return permuted(in[0], perm), nil
}

// permuted returns x with axis i being its axis perm[i].
func permuted(x *array, perm []int) *array {
	dims, strides := make([]int, len(perm)), make([]int, len(perm))
	for i, p := range perm {
		dims[i], strides[i] = x.dims[p], elements(x.dims[p+1:])
	}
	y := floats(dims...)
	for i := range y.f {
		at, rest := 0, i
		for a := len(dims) - 1; a >= 0; a-- {
			at += rest % dims[a] * strides[a]
			rest /= dims[a]
		}
		y.f[i] = x.f[at]
	}
	return y
}

// reduceSum sums over rows and columns of a map.
func reduceSum(n *onnx.Node, in []*array) (*array, error) {
	axes := attribute(n, "axes").Ints
	if len(in) > 1 && in[1] != nil {
		axes = in[1].i
	}
	x := in[0]
	if len(x.dims) != 4 || !slices.Equal(axes, []int64{2, 3}) {
		return nil, errors.New("only sums over rows and columns are supported")
	}
	y := floats(x.dims[0], x.dims[1], 1, 1)
	plane := x.dims[2] * x.dims[3]
	for p := range y.f {
		sum := 0.0
		for _, v := range x.f[p*plane:][:plane] {
			sum += float64(v)
		}
		y.f[p] = float32(sum)
	}
	return y, nil
}
