package onnx

import (
	"fmt"
	"slices"

	"hidp/workloads"
)

// lowerSoftmax lowers operators that normalise over an axis and keep the shape.
func lowerSoftmax(c *call, dims shapes) error {
	v := c.args[0]
	if v.constant {
		return computes(c, dims)
	}
	c.rowwise(v, workloads.Layer{Op: workloads.OpSoftmax, FLOPs: v.elements()})
	return nil
}

// lowerNorm lowers normalisations whose statistics are taken from the data: they are executed whole.
func lowerNorm(c *call, dims shapes) error {
	const perElement = 5 // subtract, square, sum, scale, shift
	n, err := product(dims[0])
	d := c.opaque(dims, workloads.Layer{Class: workloads.ClassElementwise, FLOPs: perElement * n})
	d.norm = c.fn == "LayerNormalization" && len(c.args) == 1
	return err
}

// inferBatchNorm infers BatchNormalization: the normalised input, and statistics of each channel.
func inferBatchNorm(c *call) (shapes, error) {
	in := c.args[0].dims
	if len(in) < 2 {
		return nil, fmt.Errorf("normalises the dimensions %v, which have no channels", in)
	}
	for i, v := range c.args[1:] {
		if v == nil || v.elements() != in[1] {
			return nil, fmt.Errorf("its input %d does not have one number for each of the channels of %v", i+2, in)
		}
	}
	all := shapes{in}
	for range c.out[1:] {
		all = append(all, []int64{in[1]})
	}
	return all[:min(len(all), 5)], nil
}

// trains reports whether a batch normalisation takes its statistics from the data: all of it decides about each element.
// Before operator set 14 this is said by asking for the statistics.
func (c *call) trains() bool {
	asked := slices.ContainsFunc(c.out[1:], func(name string) bool { return name != "" })
	return c.int("training_mode", 0) != 0 || asked && c.m.Opset < 14
}

// lowerBatchNorm makes a batch normalisation part of the convolution before it, or a layer of its own. Its first two
// parameters are learnt, the running statistics are not.
func lowerBatchNorm(c *call, dims shapes) error {
	v := c.args[0]
	if v.constant || !c.fixed(1) || c.trains() || c.used(1) {
		if c.trains() {
			c.m.assume("%v normalises with the statistics of its input (training mode): it is executed whole", c.node.Node)
		}
		return computes(c, dims)
	}
	if c.spread(v, along(1, len(v.dims), v.dims[1])) > perRow {
		return computes(c, dims)
	}
	if d := c.absorber(v); d != nil && d.dense() && !d.Norm && d.Act == workloads.NoAct {
		d.Norm = true
		c.learn(d, true)
		c.set(0, c.absorb(c, d, v))
		return nil
	}
	d := c.rowwise(v, workloads.Layer{Op: workloads.OpElementwise, Norm: true, FLOPs: 2 * v.elements()})
	c.learn(d, true)
	return nil
}

// inferAxis infers operators that normalise along an axis and keep the shape: Softmax and the like.
func inferAxis(c *call) (shapes, error) {
	dims := c.args[0].dims
	otherwise := int64(-1)
	if c.m.Opset < 13 && c.fn != "LpNormalization" {
		otherwise = 1
	}
	if _, err := axis(c.int("axis", otherwise), len(dims)); err != nil {
		return nil, err
	}
	return one(dims...)
}

// inferMeanVariance infers MeanVarianceNormalization.
func inferMeanVariance(c *call) (shapes, error) {
	list, _, err := c.list("axes", -1)
	if err != nil {
		return nil, err
	}
	_, err = axes(list, len(c.args[0].dims))
	return shapes{c.args[0].dims}, err
}

// inferLRN infers LRN, which normalises by the channels around each: an odd number of them, with the channel itself in the middle.
func inferLRN(c *call) (shapes, error) {
	dims := c.args[0].dims
	if size := c.int("size", 0); size < 1 || size%2 == 0 || len(dims) < 3 {
		return nil, fmt.Errorf("normalises dimensions %v over %d channels; the number must be odd and positive", dims, size)
	}
	return one(dims...)
}

// inferLayerNorm infers LayerNormalization: the normalised input, and the mean and deviation of each part.
func inferLayerNorm(c *call) (shapes, error) {
	all := repeat(c.args[0].dims, min(3, len(c.out)))
	k, err := axis(c.int("axis", -1), len(c.args[0].dims))
	if err != nil {
		return nil, err
	}
	for i := range all[1:] {
		all[i+1] = slices.Clone(all[i+1])
		for n := range all[i+1][k:] {
			all[i+1][k+n] = 1
		}
	}
	return all, nil
}
