package submodel

import (
	"fmt"

	"hidp/testbed/inference"
	"hidp/workloads"
)

// Unsplit runs the network's file as it is on a batch of inputs of the dimensions samples × channels × rows × columns, and returns
// the output layer's tensor: what partitioned runs are compared with. Files with inputs or outputs that are not 32-bit floats, with
// several inputs, or that cannot compute several samples at once, are run as a slice of all layers.
func (r *Runner) Unsplit(input inference.Tensor) (inference.Tensor, error) {
	g := r.Source.Graph
	if len(input.Shape) != 4 {
		return inference.Tensor{}, fmt.Errorf("an input of shape %v instead of samples, channels, rows and columns", input.Shape)
	}
	batch := input.Shape[0]
	store := NewStore(g)
	if err := store.Put(workloads.Part{Layer: 0, Region: g.Full(0, batch)}, input); err != nil {
		return inference.Tensor{}, err
	}
	all := workloads.Slice{From: 1, To: len(g.Layers), Region: g.Full(g.Output(), batch)}
	if batch == 1 || r.Source.batches(g.Work(all)) {
		if session, err := r.Engine.Load(inference.Model{Path: r.Source.Model.Path}, r.Options); err == nil {
			defer session.Close()
			if len(session.Inputs()) == 1 {
				return r.file(session, input)
			}
		} // what is wrong with it, if anything, the slice of all layers tells as well
	}
	if err := r.Compute(all, store); err != nil {
		return inference.Tensor{}, err
	}
	out, _, err := store.Get(workloads.Part{Layer: g.Output(), Region: all.Region})
	return out, err
}

// file runs the file itself.
func (r *Runner) file(session inference.Session, input inference.Tensor) (inference.Tensor, error) {
	s, last := r.Source, r.Source.Graph.Output()
	in := &s.tensors[0]
	x := input
	if in.how == permuted {
		x = permute(x, in.perm)
	} else {
		x = x.Reshape(append([]int{x.Shape[0]}, toInts(in.dims[1:])...)...)
	}
	outputs, err := session.Run(map[string]inference.Tensor{session.Inputs()[0].Name: x}, nil)
	if err != nil {
		return inference.Tensor{}, err
	}
	shape := Shape(s.Graph, workloads.Part{Layer: last, Region: s.Graph.Full(last, input.Shape[0])})
	to := &s.tensors[last]
	switch {
	case s.joined(last):
		return join(outputs, s.outputs(), shape), nil
	case to.how == permuted:
		y := outputs[to.name]
		return permute(y, inverse(to.perm)), y.Check()
	}
	y := inference.Tensor{Shape: shape, Data: outputs[to.name].Data}
	return y, y.Check()
}

// join concatenates outputs, sample by sample.
func join(outputs map[string]inference.Tensor, names []string, shape []int) inference.Tensor {
	y := inference.Tensor{Shape: shape}
	for n := range shape[0] {
		for _, name := range names {
			data := outputs[name].Data
			size := len(data) / shape[0]
			y.Data = append(y.Data, data[n*size:(n+1)*size]...)
		}
	}
	return y
}

// permute returns a tensor of four axes with axis i being axis perm[i] of t.
func permute(t inference.Tensor, perm []int) inference.Tensor {
	stride := [4]int{t.Shape[1] * t.Shape[2] * t.Shape[3], t.Shape[2] * t.Shape[3], t.Shape[3], 1}
	shape := make([]int, 4)
	for i, p := range perm {
		shape[i] = t.Shape[p]
	}
	y := inference.NewTensor(shape...)
	at := 0
	for a := range shape[0] {
		for b := range shape[1] {
			for c := range shape[2] {
				for d := range shape[3] {
					y.Data[at] = t.Data[a*stride[perm[0]]+b*stride[perm[1]]+c*stride[perm[2]]+d*stride[perm[3]]]
					at++
				}
			}
		}
	}
	return y
}

func toInts(list []int64) []int {
	out := make([]int, len(list))
	for i, v := range list {
		out[i] = int(v)
	}
	return out
}
