package submodel

import (
	"slices"

	"hidp/workloads"
	"hidp/workloads/onnx"
)

// batches reports whether the nodes of a slice compute several samples at once as they compute one. The import reads a file for
// one sample, so that what it says of dimensions holds for a batch only if the first is the batch and stays it.
func (s *Source) batches(work workloads.Work) bool {
	for _, parts := range [][]workloads.Part{work.Inputs, work.Layers} {
		for _, p := range parts {
			l := &s.tensors[p.Layer]
			if len(l.dims) == 0 || l.dims[0] != 1 || l.how == onnx.Permuted && l.perm[0] != 0 {
				return false
			}
		}
	}
	for _, p := range work.Layers {
		for _, i := range s.nodes[p.Layer] {
			if !s.batchwise(&s.Model.Nodes[i]) {
				return false
			}
		}
	}
	return true
}

// batchwise reports whether a node treats the samples of a batch alike and apart.
func (s *Source) batchwise(n *onnx.Node) bool {
	ints := func(name string, otherwise int64) int64 {
		for _, a := range n.Attrs {
			if a.Name == name {
				return a.I
			}
		}
		return otherwise
	}
	switch n.OpType {
	case "Conv", "ConvTranspose", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool":
		return true
	case "Add", "Sub", "Mul", "Div", "Sum", "Max", "Min", "Mean", "PRelu", "Pow":
		return true
	case "Transpose":
		for _, a := range n.Attrs {
			if a.Name == "perm" {
				return len(a.Ints) > 0 && a.Ints[0] == 0
			}
		}
		return false
	case "Flatten":
		return ints("axis", 1) == 1
	case "Concat":
		return ints("axis", 0) > 0
	case "Softmax", "LogSoftmax":
		return ints("axis", 1) != 0 && s.Model.Opset >= 13 || ints("axis", 1) == 1
	case "Gemm":
		return ints("transA", 0) == 0
	case "MatMul":
		return !s.constant(n.Inputs[0]) && s.constant(n.Inputs[1]) && len(s.constantDims(n.Inputs[1])) == 2
	case "Unsqueeze", "Squeeze":
		axes := s.axes(n)
		return len(axes) > 0 && slices.Min(axes) > 0
	case "Resize":
		return len(n.Inputs) == 3
	case "Reshape":
		to, _ := s.views.Last(n.Inputs[1])
		return to.Known && len(to.Values) > 0 && to.Values[0] == 0
	}
	return n.Rowwise(onnx.View{})
}

// axes returns the axes of a Squeeze or Unsqueeze: an attribute or, in later operator sets, an input.
func (s *Source) axes(n *onnx.Node) []int64 {
	for _, a := range n.Attrs {
		if a.Name == "axes" {
			return a.Ints
		}
	}
	var axes []int64
	if len(n.Inputs) > 1 {
		list, _ := s.views.Last(n.Inputs[1])
		for _, v := range list.Values {
			axes = append(axes, int64(v))
		}
	}
	return axes
}
