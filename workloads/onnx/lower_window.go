package onnx

import (
	"fmt"
	"math"

	"hidp/workloads"
)

const maxCount = 1 << 48 // operations of one layer, as package workloads has it

// times multiplies counts; it fails beyond maxCount.
func times(factors ...int64) (int64, error) {
	n := int64(1)
	for _, f := range factors {
		if f > maxCount || float64(n)*float64(f) > maxCount {
			return 0, fmt.Errorf("counts more operations than the %d supported", int64(maxCount))
		}
		n *= f
	}
	return n, nil
}

// image reports whether v is 1×C×H×W.
func image(v *value) bool { return len(v.dims) == 4 && v.dims[0] == 1 }

// through returns v, or the value below its padding, and the window enlarged by that padding. It settles what is no plain map.
func (c *call) through(v *value, w workloads.Window) (*value, workloads.Window) {
	if v.padded() && !w.Ceil {
		w.PadTop += int(v.pad[0])
		w.PadLeft += int(v.pad[1])
		w.PadBottom += int(v.pad[2])
		w.PadRight += int(v.pad[3])
		return v, w
	}
	c.settle(v)
	return v, w
}

func lowerConv(c *call, dims shapes) error {
	v, w := c.args[0], c.args[1]
	s, err := c.sliding(v.dims, w.dims[2:])
	if err != nil {
		return err
	}
	group := c.int("group", 1)
	n, err := product(dims[0])
	if err != nil {
		return err
	}
	macs, err := times(append([]int64{n}, w.dims[1:]...)...)
	if err != nil {
		return err
	}
	if v.constant || !w.constant || !image(v) {
		c.opaque(dims, workloads.Layer{Class: convClass(w.dims, group), MACs: macs, FLOPs: 2*macs + n})
		return nil
	}
	below, window := c.through(v, s.window())
	out := c.draft(c, workloads.Layer{Op: workloads.OpConv, Window: window, Groups: int(group), Bias: c.has(2)}, c.out[0], dims[0], below)
	c.learn(c.drafts[out.layer], 1)
	c.set(0, out)
	return nil
}

// convClass returns the cost class of a convolution that is executed whole (others get theirs from workloads.Builder).
func convClass(w []int64, group int64) workloads.Class {
	kernel, _ := product(w[2:])
	switch {
	case group > 1 && w[1] == 1:
		return workloads.ClassDepthwise
	case group > 1:
		return workloads.ClassGrouped
	case kernel == 1:
		return workloads.ClassConv1x1
	}
	return workloads.ClassConvKxK
}

// lowerConvTranspose counts, as the literature does, one multiply-accumulate per input element and weight of its channel.
func lowerConvTranspose(c *call, dims shapes) error {
	v, w := c.args[0], c.args[1]
	s, err := c.sliding(v.dims, w.dims[2:])
	if err != nil {
		return err
	}
	macs, err := times(append([]int64{v.elements()}, w.dims[1:]...)...)
	if err != nil {
		return err
	}
	n, err := product(dims[0])
	if err != nil {
		return err
	}
	group := c.int("group", 1)
	l := workloads.Layer{Class: convClass([]int64{w.dims[0], w.dims[1], 2}, group), MACs: macs, FLOPs: 2*macs + n, Bias: c.has(2)}
	if v.constant || !w.constant || !image(v) {
		c.opaque(dims, l)
		return nil
	}
	c.settle(v)
	l.Op, l.Window, l.Groups = workloads.OpConvTranspose, s.window(), int(group)
	out := c.draft(c, l, c.out[0], dims[0], v)
	c.learn(c.drafts[out.layer], 1)
	c.set(0, out)
	return nil
}

func lowerPool(c *call, dims shapes) error {
	v := c.args[0]
	s, err := c.pool()
	if err != nil {
		return err
	}
	n, err := product(dims[0])
	if err != nil {
		return err
	}
	counts := []int64{n}
	for _, w := range s {
		counts = append(counts, int64(w.KH))
	}
	if _, err := times(counts...); err != nil {
		return err
	}
	if !image(v) {
		return computes(c, dims)
	}
	window := s.window()
	average := c.fn == "AveragePool"
	window.CountPad = average && c.int("count_include_pad", 0) != 0
	unpadded := window.PadTop+window.PadLeft+window.PadBottom+window.PadRight == 0
	if average && unpadded && !v.padded() && int64(window.KH) == v.dims[2] && int64(window.KW) == v.dims[3] && window.DH*window.DW == 1 {
		return c.globalPool(v, dims[0])
	}
	if v.padded() && average {
		if !unpadded && !window.CountPad {
			c.settle(v)
		} else {
			window.CountPad = true
		}
	}
	op := workloads.OpMaxPool
	if average {
		op = workloads.OpAvgPool
	}
	below, window := c.through(v, window)
	c.set(0, c.draft(c, workloads.Layer{Op: op, Window: window}, c.out[0], dims[0], below))
	return nil
}

func lowerGlobal(c *call, dims shapes) error {
	v := c.args[0]
	if !image(v) || max(v.dims[2], v.dims[3]) > 1<<15 {
		return computes(c, dims)
	}
	if c.fn == "GlobalAveragePool" {
		c.settle(v)
		return c.globalPool(v, dims[0])
	}
	c.settle(v)
	window := workloads.Rect(int(v.dims[2]), int(v.dims[3]), 0, 0)
	c.set(0, c.draft(c, workloads.Layer{Op: workloads.OpMaxPool, Window: window}, c.out[0], dims[0], v))
	return nil
}

// lowerResize makes an enlargement by one whole factor whose row arithmetic package workloads has a layer of its own kind.
func lowerResize(c *call, dims shapes) error {
	v := c.args[0]
	in, out := v.dims, dims[0]
	if v.constant || !image(v) || in[0] != out[0] || in[1] != out[1] || out[2]%in[2] != 0 || out[2]/in[2]*in[3] != out[3] {
		return computes(c, dims)
	}
	f := out[2] / in[2]
	if f == 1 {
		return renames(c, dims)
	}
	nearest, bilinear := c.interpolation(f)
	if !nearest && !bilinear || f > 1<<15 {
		return computes(c, dims)
	}
	c.settle(v)
	n, err := product(out)
	l := workloads.Layer{Op: workloads.OpUpsample, Scale: int(f), Bilinear: bilinear, Class: workloads.ClassElementwise, FLOPs: n}
	c.set(0, c.draft(c, l, c.out[0], out, v))
	return err
}

// interpolation tells whether enlarging by factor f repeats every row f times, or interpolates with half-pixel centres.
func (c *call) interpolation(f int64) (nearest, bilinear bool) {
	mode := c.text("mode", "nearest")
	centres := c.text("coordinate_transformation_mode", "half_pixel")
	if c.fn == "Upsample" || c.m.Opset < 11 { // these had no such attribute
		centres = "asymmetric"
	}
	half := centres == "half_pixel" || centres == "pytorch_half_pixel"
	if mode == "linear" || mode == "bilinear" {
		return false, half
	}
	if mode != "nearest" || !half && centres != "asymmetric" {
		return false, false
	}
	rounding := c.text("nearest_mode", "round_prefer_floor")
	if c.fn == "Upsample" || c.m.Opset < 11 {
		rounding = "floor"
	}
	for i := range f {
		x := float64(i) / float64(f)
		if half {
			x = (float64(i)+0.5)/float64(f) - 0.5
		}
		switch rounding {
		case "floor":
			x = math.Floor(x)
		case "ceil":
			x = math.Ceil(x)
		case "round_prefer_ceil":
			x = math.Floor(x + 0.5)
		default:
			x = math.Ceil(x - 0.5)
		}
		if x != 0 { // row i of the first f is not row 0, and so for all others
			return false, false
		}
	}
	return true, false
}
