package onnx

import (
	"slices"
)

// learntArguments says which arguments of an operator are learnt, if they are constant. Scales of a quantisation, bounds, regions,
// first states of a recurrent network and the like are not.
func learntArguments() map[string][]int {
	t := map[string][]int{"MatMul": {0, 1}, "MatMulInteger": {0, 1}, "QLinearMatMul": {0, 3}, "Gemm": {0, 1, 2}, "com.microsoft.FusedGemm": {0, 1, 2},
		"ConvInteger": {1}, "QLinearConv": {3, 8}, "PRelu": {1}, "RMSNormalization": {1}, "Gather": {0}, "GatherElements": {0}, "GatherND": {0},
		"Einsum": {0, 1, 2, 3}}
	for _, fn := range []string{"Conv", "ConvTranspose", "com.microsoft.FusedConv", "BatchNormalization", "InstanceNormalization",
		"GroupNormalization", "LayerNormalization"} {
		t[fn] = []int{1, 2}
	}
	for _, fn := range []string{"LSTM", "GRU", "RNN"} {
		t[fn] = []int{1, 2, 3, 7} // input weights, recurrent weights, biases, peepholes
	}
	return t
}

// mixes reports whether an operator brings several tensors together on equal terms. A constant among them may be learnt, as the
// embedding of a position is, or a table that people made, as the anchors of a detector are: what follows tells.
func mixes(fn string) bool {
	switch fn {
	case "Add", "Sub", "Mul", "Div", "Pow", "Mod", "Sum", "Max", "Min", "Mean", "Concat", "Where":
		return true
	}
	return false
}

// learn gives layer d the node's constant arguments as parameters, as far as they are learnt. Certain says that those of an operator
// that mixes are, for they become part of a layer that is. Scalars without dimensions are part of a formula, not learnt.
func (c *call) learn(d *draft, certain bool) {
	_, known := c.table[c.fn]
	for i, v := range c.args {
		if v == nil || !v.constant {
			continue
		}
		learnt := !known || slices.Contains(c.learnt[c.fn], i) || mixes(c.fn) && certain
		if !learnt && !mixes(c.fn) {
			continue
		}
		for _, t := range v.origins {
			switch {
			case len(t.Dims) == 0 || t.Type == Int64 || slices.Contains(d.weights, t):
			case learnt:
				d.weights = append(d.weights, t)
			case !t.generated && !slices.Contains(d.maybe, t):
				d.maybe = append(d.maybe, t)
			}
		}
	}
}

// settleLearnt makes parameters of what may be learnt in layers before those whose parameters are. Behind the last of those, a
// constant is part of a formula that treats the answer.
func (im *importer) settleLearnt(live []bool) {
	before := make([]bool, len(im.drafts))
	for i, d := range slices.Backward(im.drafts) {
		if !live[i] {
			continue
		}
		if before[i] {
			for _, t := range d.maybe {
				if !slices.Contains(d.weights, t) {
					d.weights = append(d.weights, t)
				}
			}
		}
		if before[i] || d.dense() && len(d.weights) > 0 {
			for _, in := range d.Inputs {
				before[in] = true
			}
		}
	}
}

// ancestry returns the weights that the outputs are computed from, without integers: those are shapes and indices.
func (c *call) ancestry() []*Tensor {
	const most = 64 // nobody computes one weight from more; bounds what a hostile file can make grow
	switch c.fn {
	case "Shape", "Size", "Range":
		return nil
	case "Constant":
		if a, ok := c.attr("value"); ok && a.Tensor != nil && a.Tensor.Type != Int64 && a.Tensor.Type != Bool {
			return []*Tensor{a.Tensor}
		}
		return nil
	case "ConstantOfShape":
		return c.generated()
	}
	var all []*Tensor
	for i, v := range c.args {
		if v == nil || !v.constant || i > 0 && !mixes(c.fn) && !slices.Contains(c.learnt[c.fn], i) {
			continue
		}
		for _, t := range v.origins {
			if len(all) < most && t.Type != Int64 && t.Type != Bool && !slices.Contains(all, t) {
				all = append(all, t)
			}
		}
	}
	return all
}

// generated returns a weight that the file does not hold, but says how to make: files without their weights are written so.
func (c *call) generated() []*Tensor {
	dims, _, err := c.list("", 0)
	if err != nil || !c.kind.real() {
		return nil
	}
	n, err := product(dims)
	if err != nil {
		return nil
	}
	return []*Tensor{{Name: c.out[0], Type: c.kind, Dims: dims, values: n, generated: true}}
}
