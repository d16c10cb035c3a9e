package onnx

import (
	"slices"

	"hidp/workloads"
)

// Arrangement says how a tensor of a file relates to the 1×C×H×W of a layer that it shows.
type Arrangement uint8

// The arrangements.
const (
	Direct   Arrangement = iota // it is 1×C×H×W
	Permuted                    // 1×C×H×W with its axes in another order
	Reshaped                    // the same order of elements, other dimensions
	Shuffled                    // some order that is not known, or more than the layer's elements: only to be moved whole
)

// Rows reports whether the tensor has an axis that is the layer's rows, and one that is its channels.
func (a Arrangement) Rows() bool { return a == Direct || a == Permuted }

// Arrangement returns how the tensor relates to a layer of the given output.
func (v *View) Arrangement(out workloads.Shape) Arrangement {
	n := int64(1)
	for _, d := range v.Dims {
		n *= d
	}
	switch {
	case v.Scrambled || v.Padded || n != out.Elements():
		return Shuffled
	case v.Perm != nil:
		return Permuted
	case slices.Equal(v.Dims, []int64{1, int64(out.C), int64(out.H), int64(out.W)}):
		return Direct
	}
	return Reshaped
}

// Axis returns which axis of a tensor of this view is the given axis of N×C×H×W of a layer of the given output, or -1. A vector's
// channels have an axis however it is reshaped.
func (v *View) Axis(of int, out workloads.Shape) int {
	switch v.Arrangement(out) {
	case Direct:
		return of
	case Permuted:
		return slices.Index(v.Perm, of)
	case Reshaped:
		if of == 1 && out.H*out.W == 1 {
			return slices.Index(v.Dims, int64(out.C))
		}
	}
	return -1
}

// Views says what each tensor of a file shows, by its name. A tensor may show several layers: the one that computes it, and others
// that are the same data in another arrangement.
type Views map[string][]View

// Of returns how a tensor shows a layer.
func (vs Views) Of(name string, layer int) (View, bool) {
	for _, v := range vs[name] {
		if !v.Constant && v.Layer == layer {
			return v, true
		}
	}
	return View{}, false
}

// Last returns what readers of a tensor that is none of a known layer's see: a constant, or its latest arrangement.
func (vs Views) Last(name string) (View, bool) {
	list := vs[name]
	if len(list) == 0 {
		return View{}, false
	}
	return list[len(list)-1], true
}

// Rearranges reports whether an operator may do nothing to its first input's elements but arrange them anew. It does so where both
// tensors show the same layer.
func (n *Node) Rearranges() bool {
	switch n.OpType {
	case "Identity", "Dropout", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Slice", "Split", "Expand", "Tile":
		return true
	}
	return false
}

// Rowwise reports whether an operator whose output has view v makes row y and channel c of it of row y and channel c of its inputs,
// or (concatenations, transpositions, normalisations across channels) can be asked for some of the rows by being given them.
func (n *Node) Rowwise(v View) bool {
	rows := func(axis int64) bool { // whether an axis of the output is its layer's rows
		if axis < 0 {
			axis += int64(len(v.Dims))
		}
		if v.Perm != nil && axis >= 0 && axis < int64(len(v.Perm)) {
			axis = int64(v.Perm[axis])
		}
		return axis == 2
	}
	switch n.OpType {
	case "LRN":
		return !rows(1)
	case "Concat":
		return !rows(n.int("axis", 1))
	case "QuantizeLinear", "DequantizeLinear":
		return !rows(n.int("axis", 1)) && n.int("block_size", 0) == 0
	case "BatchNormalization":
		return !n.trains()
	case "Identity", "Dropout", "Cast", "Transpose",
		"Add", "Sub", "Mul", "Div", "Pow", "Mod", "PRelu", "Sum", "Max", "Min", "Mean",
		"Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Ceil", "Celu", "Clip", "Cos", "Cosh", "Elu", "Erf", "Exp", "Floor", "Gelu",
		"HardSigmoid", "HardSwish", "LeakyRelu", "Log", "Mish", "Neg", "Not", "Reciprocal", "Relu", "Round", "Selu", "Shrink", "Sigmoid",
		"Sign", "Sin", "Sinh", "Softplus", "Softsign", "Sqrt", "Tan", "Tanh", "ThresholdedRelu":
		return true
	}
	return false
}

// trains reports whether a batch normalisation takes its statistics from the data, so that all rows and samples decide
// about each element. Before operator set 14 this is said by asking for the statistics.
func (n *Node) trains() bool {
	asked := slices.ContainsFunc(n.Outputs[min(1, len(n.Outputs)):], func(name string) bool { return name != "" })
	return n.int("training_mode", 0) != 0 || asked
}
