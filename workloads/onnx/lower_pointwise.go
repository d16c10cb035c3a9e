package onnx

import (
	"errors"
	"slices"

	"hidp/workloads"
)

// rowwise adds a layer that does something to each element of v, whatever view of its layer v is.
func (c *call) rowwise(v *value, l workloads.Layer) *draft {
	c.whole(v)
	l.Class = workloads.ClassElementwise
	out := c.draft(c, l, c.out[0], v.dims, v)
	out.perm, out.scrambled = v.perm, v.scrambled
	d := c.drafts[out.layer]
	d.Out = c.drafts[v.layer].Out
	c.set(0, out)
	return d
}

// dense reports whether d is a layer of multiply-accumulates, to which runtimes fuse what follows.
func (d *draft) dense() bool {
	switch d.Op {
	case workloads.OpConv, workloads.OpConvTranspose, workloads.OpLinear:
		return true
	}
	return d.Op == workloads.OpOpaque && d.MACs > 0
}

// unary lowers an operator on each element: to the activation of the layer before it if it can be, else to a layer.
func unary(act workloads.Activation) func(c *call, dims shapes) error {
	return func(c *call, dims shapes) error {
		v := c.args[0]
		if v.constant || !c.fixed(1) {
			return computes(c, dims)
		}
		d := c.absorber(v)
		switch {
		case d == nil || d.Act != workloads.NoAct:
		case act != workloads.NoAct && (d.dense() || d.norm || d.Op == workloads.OpAdd || d.Op == workloads.OpElementwise):
			d.Act = act
			c.set(0, c.absorb(c, d, v))
			return nil
		case d.Op == workloads.OpElementwise:
			d.FLOPs += v.elements()
			c.set(0, c.absorb(c, d, v))
			return nil
		}
		c.rowwise(v, workloads.Layer{Op: workloads.OpElementwise, Act: act, FLOPs: v.elements()})
		return nil
	}
}

// lowerClip is unary for Clip, which is ReLU6 or ReLU with the right bounds.
func lowerClip(c *call, dims shapes) error {
	bound := func(name string, i int) (float64, bool) {
		if a, ok := c.attr(name); ok {
			return float64(a.F), true
		}
		if c.has(i) && c.args[i].known && len(c.args[i].list) == 1 {
			return c.args[i].list[0], true
		}
		return 0, false
	}
	lo, low := bound("min", 1)
	hi, high := bound("max", 2)
	act := workloads.NoAct
	switch {
	case low && lo == 0 && high && hi == 6:
		act = workloads.ReLU6
	case low && lo == 0 && !high && !c.has(2):
		act = workloads.ReLU
	}
	return unary(act)(c, dims)
}

// How a constant of an element-wise operator varies over the layer's tensor.
type spread int

const (
	perTensor  spread = iota // one number
	perChannel               // one number per channel
	perRow                   // something else, but the same for every row
	perElement               // different from row to row
)

// spread tells how a constant of dimensions k, broadcast to v, varies.
func (im *importer) spread(v *value, k []int64) spread {
	n := int64(1)
	for _, d := range k {
		n *= d
	}
	out := im.drafts[v.layer].Out
	switch {
	case n == 1:
		return perTensor
	case v.scrambled || v.padded():
		return perElement
	case out.H == 1 && out.W == 1:
		if n == int64(out.C) {
			return perChannel
		}
		return perRow
	case v.perm == nil && shape(v.dims) != out || len(v.dims) != 4 || len(k) > 4:
		if out.H == 1 {
			return perRow
		}
		return perElement
	}
	s := perChannel
	for i, d := range k {
		a := 4 - len(k) + i
		if v.perm != nil {
			a = v.perm[a]
		}
		switch {
		case d == 1 || a == 1:
		case a == 2 && out.H > 1:
			return perElement
		default:
			s = perRow
		}
	}
	return s
}

// lowerBinary lowers an element-wise operator of two or more inputs.
func lowerBinary(c *call, dims shapes) error {
	in := c.inputs()
	out := dims[0]
	if slices.Contains(c.args, nil) {
		return errors.New("one of its inputs is left out")
	}
	switch {
	case len(c.args) == 1 && len(in) == 1:
		return renames(c, dims)
	case len(in) == 1 && len(c.args) == 2 && slices.Equal(in[0].dims, out):
		return c.withConstant(in[0], dims)
	case len(in) == len(c.args) && len(in) == 2 && c.fn == "Mul" && c.gates(in, out):
		return nil
	case len(in) == len(c.args) && c.match(in, out):
		op := workloads.OpAdd // also for other operators: what counts is that row i of the output needs row i of each input
		if c.fn == "Mul" {
			op = workloads.OpMul
		}
		v := c.draft(c, workloads.Layer{Op: op}, c.out[0], out, in...)
		v.perm = in[0].perm
		c.drafts[v.layer].Out = c.drafts[in[0].layer].Out
		c.set(0, v)
		return nil
	}
	return computes(c, dims)
}

// match reports whether all inputs have dimensions dims and are views of the same kind of layers of one shape, so that the
// operator can work on the layers' tensors. Maps that are not are made so.
func (c *call) match(in []*value, dims []int64) bool {
	alike := true
	for _, v := range in {
		if !slices.Equal(v.dims, dims) {
			return false
		}
		alike = alike && !v.scrambled && !v.padded() && slices.Equal(v.perm, in[0].perm) && c.drafts[v.layer].Out == c.drafts[in[0].layer].Out
	}
	if alike || len(dims) != 4 || dims[0] != 1 {
		return alike
	}
	for _, v := range in {
		c.settle(v)
	}
	return true
}

// gates lowers the product of a map with one factor per channel (squeeze-excite) and reports whether it is one.
func (c *call) gates(in []*value, dims []int64) bool {
	for i, v := range in {
		f := in[1-i]
		if !slices.Equal(v.dims, dims) || slices.Equal(f.dims, dims) || v.padded() || v.scrambled {
			continue
		}
		s, fs := c.drafts[v.layer].Out, c.drafts[f.layer].Out
		vector := fs == workloads.Shape{C: s.C, H: 1, W: 1} && f.elements() == int64(s.C)
		if v.perm == nil && !c.plain(v) || !vector || f.padded() || s.H*s.W == 1 || c.spread(v, f.dims) != perChannel {
			continue
		}
		out := c.draft(c, workloads.Layer{Op: workloads.OpMul}, c.out[0], dims, v, f)
		out.perm = v.perm
		c.drafts[out.layer].Out = s
		c.set(0, out)
		return true
	}
	return false
}
