package onnx

import (
	"fmt"

	"hidp/workloads"
)

// lowerCast lowers operators that change the element type, also those with a scale.
func lowerCast(c *call, dims shapes) error {
	v := c.args[0]
	if v.constant || !c.fixed(1) || !c.rowScales(v) {
		return computes(c, dims)
	}
	if v.kind == c.kind {
		return renames(c, dims)
	}
	if d := c.absorber(v); d != nil {
		a := c.absorb(c, d, v)
		a.kind, d.ElemBytes = c.kind, c.kind.Bytes()
		c.set(0, a)
		return nil
	}
	c.rowwise(v, workloads.Layer{Op: workloads.OpElementwise})
	return nil
}

// rowScales reports whether the scales of a quantisation, if the node is one, are the same for all rows of v.
func (c *call) rowScales(v *value) bool {
	if c.fn != "QuantizeLinear" && c.fn != "DequantizeLinear" || c.args[1].elements() == 1 {
		return true
	}
	k, err := axis(c.int("axis", 1), len(v.dims))
	if err != nil || c.int("block_size", 0) != 0 {
		return false
	}
	return c.spread(v, along(k, len(v.dims), v.dims[k])) <= perRow
}

// along returns the dimensions with which a vector of n numbers lies along axis k of rank.
func along(k, rank int, n int64) []int64 {
	dims := make([]int64, rank)
	for i := range dims {
		dims[i] = 1
	}
	dims[k] = n
	return dims
}

func quantized(c *call) (shapes, error) {
	c.kind = Uint8
	if t := c.int("output_dtype", 0); t != 0 {
		c.kind = DataType(t)
	}
	if c.has(2) {
		c.kind = c.args[2].kind
	}
	return c.scaled()
}

func dequantized(c *call) (shapes, error) {
	c.kind = c.args[1].kind
	if t := c.int("output_dtype", 0); t != 0 {
		c.kind = DataType(t)
	}
	return c.scaled()
}

// scaled checks that the scales of a quantisation fit its input, whose dimensions the output has.
func (c *call) scaled() (shapes, error) {
	if c.kind.Bytes() == 0 {
		return nil, fmt.Errorf("makes element type %d, which is not supported", c.kind)
	}
	dims, scale := c.args[0].dims, c.args[1]
	if len(scale.dims) == 1 && scale.elements() > 1 {
		k, err := axis(c.int("axis", 1), len(dims))
		if err != nil {
			return nil, err
		}
		if scale.elements() != dims[k] {
			return nil, fmt.Errorf("has %d scales for axis %d of %v", scale.elements(), k, dims)
		}
	}
	return one(dims...)
}
