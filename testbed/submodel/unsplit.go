package submodel

import (
	"fmt"
	"path/filepath"
	"slices"

	"hidp/testbed/inference"
	"hidp/workloads"
	"hidp/workloads/onnx"
)

// Unsplit runs the network's file as it is on a batch of inputs of the dimensions samples × channels × rows × columns,
// and returns the output layer's tensor: what partitioned runs are compared with. A file that cannot compute several
// samples at once is run for each. Files with inputs or outputs that are not 32-bit floats, or with several inputs, are
// run as a slice of all layers.
func (r *Runner) Unsplit(input inference.Tensor) (inference.Tensor, error) {
	g := r.Source.Graph
	if len(input.Shape) != 4 {
		return inference.Tensor{}, fmt.Errorf("an input of shape %v instead of samples, channels, rows and columns", input.Shape)
	}
	batch := input.Shape[0]
	store := NewStore(g)
	if err := store.Put(g.Tensor(0, batch), input); err != nil {
		return inference.Tensor{}, err
	}
	all := workloads.Slice{From: 1, To: len(g.Layers), Out: g.Full(g.Output(), batch)}
	if session, err := r.Engine.Load(r.Source.whole(), r.Options); err == nil {
		defer session.Close()
		if in := session.Inputs(); len(in) == 1 {
			switch {
			case (batch == 1 || r.Source.batches(g.Work(all))) && r.takes(in[0].Shape, batch):
				return r.file(session, input)
			case r.takes(in[0].Shape, 1):
				return r.each(session, input)
			}
		}
	} // what is wrong with it, if anything, the slice of all layers tells as well
	if err := r.Compute(all, store); err != nil {
		return inference.Tensor{}, err
	}
	out, _, err := store.Get(all.Last())
	return out, err
}

// whole returns the network's file for an engine, without the weights that nobody reads if there are many.
func (s *Source) whole() inference.Model {
	if b, err := s.Model.WithoutUnused(s.file, s.size); err == nil && b != nil {
		return inference.Model{Bytes: b, Folder: filepath.Dir(s.Model.Path)}
	}
	return inference.Model{Path: s.Model.Path}
}

// each runs the file itself for one sample after the other.
func (r *Runner) each(session inference.Session, input inference.Tensor) (inference.Tensor, error) {
	n := input.Shape[0]
	var all inference.Tensor
	for i := range n {
		y, err := r.file(session, sample(input, input.Shape, i, n))
		if err != nil {
			return inference.Tensor{}, err
		}
		if i == 0 {
			all.Shape = append([]int{n}, y.Shape[1:]...)
		}
		all.Data = append(all.Data, y.Data...)
	}
	return all, nil
}

// file runs the file itself.
func (r *Runner) file(session inference.Session, input inference.Tensor) (inference.Tensor, error) {
	s, last := r.Source, r.Source.Graph.Output()
	in := &s.tensors[0]
	spec := session.Inputs()[0]
	batch := input.Shape[0]
	x, made := input, batch // samples of the file's own run
	if in.how == onnx.Permuted {
		x = permute(x, in.perm)
	} else if x.Shape = toInts(in.dims); batch > 1 { // batches has seen to it that the first dimension is the batch
		x.Shape[0] = batch
	}
	if fixed := fixedBatch(spec.Shape, in); fixed > 0 {
		x, made = repeated(x, fixed), fixed
	}
	outputs, err := session.Run(map[string]inference.Tensor{spec.Name: x}, nil)
	if err != nil {
		return inference.Tensor{}, err
	}
	names, _ := s.outputs()
	for _, name := range names {
		if outputs[name], err = samples(outputs[name], batch, made); err != nil {
			return inference.Tensor{}, fmt.Errorf("%s: output %q: %w", s.Model.Path, name, err)
		}
	}
	shape := Shape(s.Graph, s.Graph.Tensor(last, batch))
	if s.joined(last) {
		return join(outputs, names, shape), nil
	}
	y := outputs[names[0]]
	to, _ := s.layout(names[0], last)
	if (inference.Tensor{Shape: shape, Data: y.Data}).Check() != nil {
		return inference.Tensor{}, &inference.ShapeError{Engine: r.Engine.Name(), Tensor: fmt.Sprintf("output %q", names[0]), Got: y.Shape,
			Want: toInts(to.dims)}
	}
	if to.how == onnx.Permuted {
		return permute(y, inverse(to.perm)), nil
	}
	y.Shape = shape
	return y, nil
}

// takes reports whether the file can be run on a batch, given the shape of its input: -1 where that is open.
func (r *Runner) takes(shape []int, batch int) bool {
	in := &r.Source.tensors[0]
	if batch > 1 && len(shape) == len(in.dims) && len(shape) > 0 && in.dims[0] == 1 && shape[0] == 1 {
		return false
	}
	fixed := fixedBatch(shape, in)
	return fixed == 0 || batch <= fixed
}

// fixedBatch returns the batch that a file is made for, if it is made for another one than the graph, else 0.
func fixedBatch(shape []int, in *layout) int {
	if len(shape) == 0 || len(shape) != len(in.dims) || in.dims[0] != 1 || shape[0] <= 1 {
		return 0
	}
	return shape[0]
}

// repeated returns a batch of n samples that begins with those of t and goes on with the first of them.
func repeated(t inference.Tensor, n int) inference.Tensor {
	have := t.Shape[0]
	size := len(t.Data) / have
	y := inference.Tensor{Shape: append([]int{n}, t.Shape[1:]...), Data: slices.Clone(t.Data)}
	for range n - have {
		y.Data = append(y.Data, t.Data[:size]...)
	}
	return y
}

// samples returns the first n samples of an output of a run of made samples.
func samples(t inference.Tensor, n, made int) (inference.Tensor, error) {
	if n == made {
		return t, nil
	}
	if len(t.Shape) == 0 || t.Shape[0] != made {
		return t, fmt.Errorf("has shape %v, which is not one of %d samples: the file cannot be run on fewer", t.Shape, made)
	}
	return inference.Tensor{Shape: append([]int{n}, t.Shape[1:]...), Data: t.Data[:len(t.Data)/made*n]}, nil
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
