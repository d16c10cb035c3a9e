package onnx

import (
	"hidp/workloads"
)

// withConstant lowers an element-wise operator of v and a constant: part of the layer before it, or a layer.
func (c *call) withConstant(v *value, dims shapes) error {
	k, i := c.args[1], 1
	if k == v {
		k, i = c.args[0], 0
	}
	s := c.spread(v, k.dims)
	if s == perElement {
		return computes(c, dims)
	}
	d := c.absorber(v)
	if d != nil && d.Act == workloads.NoAct && c.takes(d, v, k, s, i) {
		c.learn(d, d.dense() || d.norm)
		c.set(0, c.absorb(c, d, v))
		return nil
	}
	weighted := c.drafts[v.layer].dense() && s <= perChannel // as a bias or scale is that the layer did not take in
	d = c.rowwise(v, workloads.Layer{Op: workloads.OpElementwise, FLOPs: v.elements()})
	d.Norm = c.scaling(s)
	c.learn(d, weighted)
	return nil
}

// scaling reports whether the node multiplies each channel by a constant: with the offset that follows, a normalisation.
func (c *call) scaling(s spread) bool {
	return s == perChannel && (c.fn == "Mul" || c.fn == "Div")
}

// takes reports whether layer d, which produces v, can do the work of the node with constant k, the i-th argument, and notes
// on it what it then does.
func (c *call) takes(d *draft, v, k *value, s spread, i int) bool {
	shift := c.fn == "Add" || c.fn == "Sub" && i == 1
	scale := c.fn == "Mul" || c.fn == "Div" && i == 1
	switch {
	case d.Op == workloads.OpElementwise:
		d.FLOPs += v.elements()
		d.Norm = d.Norm || c.scaling(s)
		return true
	case d.norm:
		return shift || scale
	case d.Op == workloads.OpOpaque && d.MACs > 0:
		last := v.dims[max(0, len(v.dims)-1)]
		if !shift || d.Bias || k.elements() != last {
			return false
		}
		d.Bias = true
		return true
	case !d.dense() || s > perChannel:
		return false
	case scale && !d.Norm:
		d.Norm, d.affine = s == perChannel, true
		return true
	case shift && d.affine:
		d.affine = false
		return true
	case shift && s == perChannel && !d.Bias && !d.Norm:
		d.Bias = true
		return true
	}
	return false
}
