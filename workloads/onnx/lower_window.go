package onnx

import (
	"fmt"

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
	if v.constant || !c.fixed(1) || !image(v) {
		c.opaque(dims, workloads.Layer{Class: convClass(w.dims, group), MACs: macs, FLOPs: 2*macs + n})
		return nil
	}
	below, window := c.through(v, s.window())
	out := c.draft(c, workloads.Layer{Op: workloads.OpConv, Window: window, Groups: int(group), Bias: c.has(2)}, c.out[0], dims[0], below)
	c.learn(c.drafts[out.layer], true)
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
	if v.constant || !c.fixed(1) || !image(v) {
		c.opaque(dims, l)
		return nil
	}
	c.settle(v)
	l.Op, l.Window, l.Groups = workloads.OpConvTranspose, s.window(), int(group)
	out := c.draft(c, l, c.out[0], dims[0], v)
	c.learn(c.drafts[out.layer], true)
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
	if !image(v) || c.used(1) {
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
	if v.padded() && window.Ceil {
		c.m.assume("%v rounds up and stands behind a padding: its output has the dimensions %v, as the specification has it; ONNX Runtime's "+
			"optimiser joins the two and may make another number of rows or columns", c.node.Node, dims[0])
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
