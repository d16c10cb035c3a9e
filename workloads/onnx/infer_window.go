package onnx

import (
	"fmt"
	"slices"

	"hidp/workloads"
)

// sliding is the geometry of a convolution or pooling over any number of spatial dimensions: one window for each, of which
// only the fields for rows are used.
type sliding []workloads.Window

// sliding reads the geometry of the node for an input of dimensions in (batch and channels included).
func (c *call) sliding(in, kernel []int64) (sliding, error) {
	n := len(in) - 2
	if n < 1 || len(kernel) != n {
		return nil, fmt.Errorf("its kernel %v does not fit an input of dimensions %v", kernel, in)
	}
	strides, err := c.perAxis("strides", n, 1)
	if err != nil {
		return nil, err
	}
	dilations, err := c.perAxis("dilations", n, 1)
	if err != nil {
		return nil, err
	}
	pads, err := c.perAxis("pads", 2*n, 0)
	if err != nil {
		return nil, err
	}
	auto := c.text("auto_pad", "NOTSET")
	s := make(sliding, n)
	for i := range s {
		for _, x := range []int64{kernel[i], strides[i], dilations[i]} {
			if x < 1 || x > 1<<15 {
				return nil, fmt.Errorf("has an impossible kernel, stride or dilation of %d", x)
			}
		}
		if min(pads[i], pads[n+i]) < 0 || max(pads[i], pads[n+i]) > 1<<15 || in[i+2] > maxExtent {
			return nil, fmt.Errorf("has an impossible padding of %d and %d for an extent of %d", pads[i], pads[n+i], in[i+2])
		}
		w := workloads.Window{KH: int(kernel[i]), SH: int(strides[i]), DH: int(dilations[i]), PadTop: int(pads[i]), PadBottom: int(pads[n+i]),
			Ceil: c.int("ceil_mode", 0) != 0}
		switch auto {
		case "NOTSET", "":
		case "VALID":
			w.PadTop, w.PadBottom = 0, 0
		case "SAME_UPPER", "SAME_LOWER":
			padSame(&w, int(in[i+2]), auto == "SAME_LOWER")
		default:
			return nil, fmt.Errorf("has the unknown auto_pad %s", quote(auto))
		}
		s[i] = w
	}
	return s, nil
}

// padSame sets the paddings with which the output has ⌈in/stride⌉ rows; an odd one goes to the end, or the start if lower.
func padSame(w *workloads.Window, in int, lower bool) {
	out := (in + w.SH - 1) / w.SH
	total := max(0, (out-1)*w.SH+(w.KH-1)*w.DH+1-in)
	w.PadTop = total / 2
	if lower {
		w.PadTop = total - total/2
	}
	w.PadBottom = total - w.PadTop
	w.Ceil = false
}

// perAxis returns an integer list attribute of n entries.
func (c *call) perAxis(name string, n int, otherwise int64) ([]int64, error) {
	a, ok := c.attr(name)
	if !ok || len(a.Ints) == 0 {
		list := make([]int64, n)
		for i := range list {
			list[i] = otherwise
		}
		return list, nil
	}
	if len(a.Ints) != n {
		return nil, fmt.Errorf("has %d %s, needs %d", len(a.Ints), name, n)
	}
	return a.Ints, nil
}

// extents returns the spatial output extents over input dimensions in.
func (s sliding) extents(in []int64) ([]int64, error) {
	var out []int64
	for i, w := range s {
		n := w.OutHeight(int(in[i+2]))
		if n < 1 {
			return nil, fmt.Errorf("its kernel is larger than its input of dimensions %v", in)
		}
		out = append(out, int64(n))
	}
	return out, nil
}

// window combines two windows to that of package workloads.
func (s sliding) window() workloads.Window {
	h, w := s[0], s[1]
	h.KW, h.SW, h.DW, h.PadLeft, h.PadRight = w.KH, w.SH, w.DH, w.PadTop, w.PadBottom
	return h
}

func inferConv(c *call) (shapes, error) { return c.convDims(c.args[1].dims) }

// convDims returns the dimensions of a convolution's output, for weights of dimensions w.
func (c *call) convDims(w []int64) (shapes, error) {
	in := c.args[0].dims
	if len(w) != len(in) || len(w) < 3 {
		return nil, fmt.Errorf("its input and weights have the dimensions %v and %v", in, w)
	}
	group := c.int("group", 1)
	if group < 1 || group > maxExtent || w[0]%group != 0 || in[1]%group != 0 || in[1]/group != w[1] {
		return nil, fmt.Errorf("weights %v in %d groups do not fit an input of dimensions %v", w, group, in)
	}
	if err := c.weightKernel(w); err != nil {
		return nil, err
	}
	s, err := c.sliding(in, w[2:])
	if err != nil {
		return nil, err
	}
	extents, err := s.extents(in)
	return shapes{append([]int64{in[0], w[0]}, extents...)}, err
}

// weightKernel compares the kernel_shape of a convolution, if it says one, with its weights of dimensions w.
func (c *call) weightKernel(w []int64) error {
	if a, there := c.attr("kernel_shape"); there && !slices.Equal(a.Ints, w[2:]) {
		return fmt.Errorf("its kernel_shape %v is not that of its weights of dimensions %v", a.Ints, w)
	}
	return nil
}

func inferPool(c *call) (shapes, error) {
	s, err := c.pool()
	if err != nil {
		return nil, err
	}
	in := c.args[0].dims
	outputs := 1
	if c.fn == "MaxPool" { // the second: where the largest elements were
		c.more, outputs = []DataType{Int64}, min(2, len(c.out))
	}
	extents, err := s.extents(in)
	return repeat(append([]int64{in[0], in[1]}, extents...), outputs), err
}

// pool returns the geometry of a pooling.
func (c *call) pool() (sliding, error) {
	a, ok := c.attr("kernel_shape")
	if !ok {
		return nil, fmt.Errorf("has no kernel_shape")
	}
	return c.sliding(c.args[0].dims, a.Ints)
}

func inferGlobal(c *call) (shapes, error) {
	in := c.args[0].dims
	if len(in) < 3 {
		return nil, fmt.Errorf("pools over the dimensions %v", in)
	}
	out := []int64{in[0], in[1]}
	for range in[2:] {
		out = append(out, 1)
	}
	return shapes{out}, nil
}

// inferConvTranspose follows the operator's specification: output_shape decides the paddings, or the paddings the output.
func inferConvTranspose(c *call) (shapes, error) {
	in, w := c.args[0].dims, c.args[1].dims
	group := c.int("group", 1)
	if len(w) != len(in) || len(w) < 3 || w[0] != in[1] || group < 1 || in[1]%group != 0 || w[1] > maxExtent || group > maxExtent {
		return nil, fmt.Errorf("weights %v in %d groups do not fit an input of dimensions %v", w, group, in)
	}
	if err := c.weightKernel(w); err != nil {
		return nil, err
	}
	s, err := c.sliding(in, w[2:])
	if err != nil {
		return nil, err
	}
	more, err := c.perAxis("output_padding", len(s), 0)
	if err != nil {
		return nil, err
	}
	out := []int64{in[0], w[1] * group}
	if a, ok := c.attr("output_shape"); ok {
		if len(a.Ints) != len(s) {
			return nil, fmt.Errorf("has %d output extents, needs %d", len(a.Ints), len(s))
		}
		return shapes{append(out, a.Ints...)}, nil
	}
	auto := c.text("auto_pad", "NOTSET")
	for i, w := range s {
		n := (in[i+2]-1)*int64(w.SH) + int64(w.KH-1)*int64(w.DH) + 1 + more[i]
		switch auto {
		case "SAME_UPPER", "SAME_LOWER":
			same := in[i+2] * int64(w.SH)
			if n < same {
				c.m.assume("%v: auto_pad %s asks for %d rows or columns of %d, which takes a padding of less than nothing; the specification "+
					"is followed, but ONNX Runtime makes %d", c.node.Node, auto, same, in[i+2], n)
			}
			n = same
		default:
			n -= int64(w.PadTop + w.PadBottom)
		}
		if n < 1 {
			return nil, fmt.Errorf("has an output of %d rows or columns", n)
		}
		out = append(out, n)
	}
	return shapes{out}, nil
}

func inferGemm(c *call) (shapes, error) {
	a, b := c.args[0].dims, c.args[1].dims
	if len(a) != 2 || len(b) != 2 {
		return nil, fmt.Errorf("multiplies tensors of dimensions %v and %v", a, b)
	}
	m, k := a[0], a[1]
	if c.int("transA", 0) != 0 {
		m, k = k, m
	}
	l, n := b[0], b[1]
	if c.int("transB", 0) != 0 {
		l, n = n, l
	}
	if k != l {
		return nil, fmt.Errorf("multiplies %v and %v, which do not fit", a, b)
	}
	return one(m, n)
}

func inferMatMul(c *call) (shapes, error) { return matMulDims(c.args[0].dims, c.args[1].dims) }

// matMulDims returns the dimensions of the matrix product of tensors.
func matMulDims(a, b []int64) (shapes, error) {
	if len(a) == 0 || len(b) == 0 {
		return nil, fmt.Errorf("multiplies a scalar")
	}
	rowVector, columnVector := len(a) == 1, len(b) == 1
	if rowVector {
		a = []int64{1, a[0]}
	}
	if columnVector {
		b = []int64{b[0], 1}
	}
	m, k := a[len(a)-2], a[len(a)-1]
	l, n := b[len(b)-2], b[len(b)-1]
	if k != l {
		return nil, fmt.Errorf("multiplies %v and %v, which do not fit", a, b)
	}
	out, err := joined(a[:len(a)-2], b[:len(b)-2])
	if !rowVector {
		out = append(out, m)
	}
	if !columnVector {
		out = append(out, n)
	}
	return shapes{out}, err
}

// inferRecurrent infers RNN, GRU and LSTM: all hidden states, the last one, and for LSTM the last cell state.
func inferRecurrent(c *call) (shapes, error) {
	x, r := c.args[0].dims, c.args[2].dims
	if len(x) != 3 || len(r) != 3 || len(c.args[1].dims) != 3 || c.int("layout", 0) != 0 {
		return nil, fmt.Errorf("has an input of dimensions %v and weights of %v, which is not supported", x, r)
	}
	all := shapes{{x[0], r[0], x[1], r[2]}, {r[0], x[1], r[2]}, {r[0], x[1], r[2]}}
	return all[:min(3, len(c.out))], nil
}

// inferDepth infers DepthToSpace and SpaceToDepth.
func inferDepth(c *call) (shapes, error) {
	in, b := c.args[0].dims, c.int("blocksize", 0)
	if len(in) != 4 || b < 1 || b > 1<<15 {
		return nil, fmt.Errorf("rearranges dimensions %v by blocks of %d", in, b)
	}
	if c.fn == "DepthToSpace" && in[1]%(b*b) != 0 || c.fn == "SpaceToDepth" && (in[2]%b != 0 || in[3]%b != 0) {
		return nil, fmt.Errorf("dimensions %v do not divide into blocks of %d", in, b)
	}
	if c.fn == "DepthToSpace" {
		return one(in[0], in[1]/(b*b), in[2]*b, in[3]*b)
	}
	return one(in[0], in[1]*b*b, in[2]/b, in[3]/b)
}
