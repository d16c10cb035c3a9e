package onnx

import (
	"slices"

	"hidp/workloads"
)

func lowerGemm(c *call, dims shapes) error {
	k := c.args[0].dims[1]
	if c.int("transA", 0) != 0 {
		k = c.args[0].dims[0]
	}
	return c.multiply(dims, k, c.has(2) && c.args[2].constant)
}

func lowerMatMul(c *call, dims shapes) error {
	a := c.args[0].dims
	return c.multiply(dims, a[len(a)-1], false)
}

// multiply lowers a matrix product over an inner extent of k. A vector times a weight matrix is a fully connected layer; other
// products, which cannot be split, are opaque layers of its cost class.
func (c *call) multiply(dims shapes, k int64, bias bool) error {
	n, err := product(dims[0])
	if err != nil {
		return err
	}
	macs, err := times(n, k)
	if err != nil {
		return err
	}
	v, w := c.args[0], c.args[1]
	l := workloads.Layer{Class: workloads.ClassFC, MACs: macs, FLOPs: 2*macs + n, Bias: bias}
	if v.constant || !c.fixed(1) || len(w.dims) != 2 || v.elements() != k || c.int("transA", 0) != 0 {
		c.opaque(dims, l)
		return nil
	}
	c.whole(v)
	l.Op = workloads.OpLinear
	out := c.draft(c, l, c.out[0], dims[0], v)
	d := c.drafts[out.layer]
	d.Out = workloads.Shape{C: int(n), H: 1, W: 1}
	c.learn(d, true)
	c.set(0, out)
	return nil
}

// lowerRecurrent lowers RNN, GRU and LSTM, whole: every step multiplies its input and the last state with their weights.
func lowerRecurrent(c *call, dims shapes) error {
	x, w, r := c.args[0], c.args[1], c.args[2]
	steps, err := times(x.dims[0], x.dims[1])
	if err != nil {
		return err
	}
	macs, err := times(steps, w.elements()+r.elements())
	if err != nil {
		return err
	}
	n, err := product(slices.Concat(x.dims[:2], r.dims[1:2]))
	if err != nil {
		return err
	}
	c.opaque(dims, workloads.Layer{Class: workloads.ClassFC, MACs: macs, FLOPs: 2*macs + n})
	return nil
}
