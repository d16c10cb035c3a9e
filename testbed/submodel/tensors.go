package submodel

import (
	"slices"

	"hidp/workloads"
	"hidp/workloads/onnx"
)

// joined is the layer that package onnx puts behind a network of several outputs: it has no nodes.
func (s *Source) joined(layer int) bool {
	l := &s.Graph.Layers[layer]
	return layer == s.Graph.Output() && l.Op == workloads.OpOpaque && len(l.Nodes) == 0 && s.Model.Tensors[layer] == ""
}

// findReads returns the tensors that the nodes of a layer read and that are neither their own nor constant.
func (s *Source) findReads(layer int) map[string]int {
	reads := map[string]int{}
	add := func(name string) {
		if p := s.owner(name, s.Graph.Layers[layer].Inputs); p >= 0 {
			reads[name] = p
		}
	}
	switch {
	case layer == 0:
	case s.joined(layer):
		for _, out := range s.outputs() {
			add(out)
		}
	case len(s.nodes[layer]) == 0: // another arrangement of a tensor
		add(s.Model.Tensors[layer])
	}
	own := map[string]bool{}
	for _, i := range s.nodes[layer] {
		for _, out := range s.Model.Nodes[i].Outputs {
			own[out] = true
		}
	}
	for _, i := range s.nodes[layer] {
		for _, in := range s.Model.Nodes[i].Inputs {
			if in != "" && !own[in] && !s.constant(in) {
				add(in)
			}
		}
	}
	return reads
}

// owner returns which of the given layers a tensor belongs to, or -1. A tensor may be two layers': one that computes it, and one
// that stands for another arrangement of the same data.
func (s *Source) owner(name string, of []int) int {
	for _, p := range of {
		if s.Model.Tensors[p] == name {
			return p
		}
	}
	if v, ok := s.views[name]; ok && slices.Contains(of, v.Layer) {
		return v.Layer
	}
	for _, p := range of {
		if i, made := s.maker[name]; made && slices.Contains(s.nodes[p], i) {
			return p
		}
	}
	return -1
}

// outputs returns the names of the network's outputs that package onnx models, in its order.
func (s *Source) outputs() []string {
	var names []string
	var layers []int
	for _, out := range s.Model.Outputs {
		if v, ok := s.views[out.Name]; ok && !v.Constant && v.Layer > 0 && !slices.Contains(layers, v.Layer) {
			names, layers = append(names, out.Name), append(layers, v.Layer)
		}
	}
	return names
}

// arrangement says how a tensor of the file relates to C×H×W.
type arrangement uint8

const (
	direct   arrangement = iota // it is 1×C×H×W
	reshaped                    // the same order of elements, other dimensions
	permuted                    // 1×C×H×W with its axes in another order
	shuffled                    // some order that is not known: only to be moved whole
	missing                     // there is no single tensor to move
)

// layout describes the tensor that carries a layer's output from the nodes of one layer to those of others.
type layout struct {
	name string
	kind onnx.DataType
	dims []int64
	how  arrangement
	perm []int
}

// axis returns which axis of the tensor is the given axis of N×C×H×W, or -1.
func (l *layout) axis(of int) int {
	switch l.how {
	case direct:
		return of
	case permuted:
		return slices.Index(l.perm, of)
	}
	return -1
}

// findLayout finds the tensor that carries a layer's output: the one that its consumers read.
func (s *Source) findLayout(layer int) layout {
	out := s.Graph.Layers[layer].Out
	if s.joined(layer) {
		return layout{kind: onnx.Float, dims: []int64{1, int64(out.C)}, how: reshaped}
	}
	names := map[string]bool{}
	for _, c := range s.Graph.Consumers(layer) {
		for name, p := range s.reads[c] {
			if p == layer {
				names[name] = true
			}
		}
	}
	l := layout{how: missing}
	if layer == s.Graph.Output() {
		for _, name := range s.outputs() {
			names[name] = true
		}
	}
	if len(names) != 1 {
		return l
	}
	for name := range names {
		l.name = name
	}
	v := s.views[l.name]
	l.kind, l.dims, l.perm = v.Type, v.Dims, v.Perm
	n := int64(1)
	for _, d := range v.Dims {
		n *= d
	}
	if n != out.Elements() {
		return l
	}
	switch {
	case v.Layer != layer || v.Scrambled || v.Padded:
		l.how = shuffled
	case v.Perm != nil:
		l.how = permuted
	case slices.Equal(v.Dims, []int64{1, int64(out.C), int64(out.H), int64(out.W)}):
		l.how = direct
	default:
		l.how = reshaped
	}
	return l
}
