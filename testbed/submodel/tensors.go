package submodel

import (
	"errors"
	"slices"

	"hidp/workloads"
	"hidp/workloads/onnx"
)

// joined is the layer that package onnx puts behind a network of several outputs: none of the file's tensors is its.
func (s *Source) joined(layer int) bool { return s.Model.Tensors[layer] == "" }

// outputs returns the names of the network's outputs that package onnx models, in its order, and the layers they show.
func (s *Source) outputs() (names []string, layers []int) {
	for _, out := range s.Model.Outputs {
		if v, ok := s.views.Last(out.Name); ok && !v.Constant && v.Layer > 0 && !slices.Contains(layers, v.Layer) {
			names, layers = append(names, out.Name), append(layers, v.Layer)
		}
	}
	return names, layers
}

// layout is how a tensor of the file, or of a cut model, holds a layer's output.
type layout struct {
	kind onnx.DataType
	dims []int64
	how  onnx.Arrangement
	perm []int
}

// crossing is the layout of tensors on their way between machines.
func crossing(out workloads.Shape) layout {
	return layout{kind: onnx.Float, dims: []int64{1, int64(out.C), int64(out.H), int64(out.W)}}
}

// plain is the layout N×C×H×W of a layer whose tensor has layout l.
func (l *layout) plain(out workloads.Shape) layout {
	p := crossing(out)
	p.kind = l.kind
	return p
}

// axis returns which axis of the tensor is the given axis of N×C×H×W, or -1.
func (l *layout) axis(of int, out workloads.Shape) int {
	v := onnx.View{Dims: l.dims, Perm: l.perm, Scrambled: l.how == onnx.Shuffled}
	return v.Axis(of, out)
}

// same reports whether tensors of both layouts are the same tensor.
func (l *layout) same(o *layout) bool {
	return l.how == o.how && slices.Equal(l.perm, o.perm) && slices.Equal(l.dims, o.dims)
}

// layout returns how the tensor called name shows a layer.
func (s *Source) layout(name string, layer int) (layout, bool) {
	out := s.Graph.Layers[layer].Out
	if s.joined(layer) {
		l := crossing(out)
		l.dims, l.how = []int64{1, int64(out.C)}, onnx.Reshaped
		return l, name == ""
	}
	v, ok := s.views.Of(name, layer)
	return layout{kind: v.Type, dims: v.Dims, how: v.Arrangement(out), perm: v.Perm}, ok
}

var errUncut = errors.New("the file does not tell how its rows and channels are laid out, so that no part of it can be taken")

// take returns a part of a layer's tensor, cutting it out of what is held if that is more.
func (c *cutter) take(h holding, p workloads.Part) (holding, error) {
	l := &c.g.Layers[p.Layer]
	cut := func(of int, have, want workloads.Range) error {
		axis := h.layout.axis(of, l.Out)
		if axis < 0 {
			return errUncut
		}
		h.name = c.slice(h.name, axis, want.Lo-have.Lo, want.Hi-have.Lo)
		return nil
	}
	if have, want := c.rowsOf(h.part), c.rowsOf(p); l.Op != workloads.OpGlobalPool && have != want {
		if err := cut(2, have, want); err != nil {
			return h, err
		}
	}
	if have, want := c.channelsOf(h.part), c.channelsOf(p); have != want {
		if err := cut(1, have, want); err != nil {
			return h, err
		}
	}
	h.part = p
	return h, nil
}

// show brings what is held of a layer's tensor into another layout. Of a tensor that is shuffled, only its own layout and the one that
// crosses between machines are known.
func (c *cutter) show(layer int, h holding, to layout) (holding, error) {
	if h.kind != to.kind {
		h.name, h.kind = c.add("Cast", h.name+".cast", []string{h.name}, onnx.Attr{Name: "to", I: int64(to.kind)}), to.kind
	}
	if h.layout.same(&to) {
		return h, nil
	}
	if h.how.Rows() && to.how.Rows() {
		perm := make([]int64, 4)
		for i := range perm {
			perm[i] = int64(position(h.perm, axisOf(to.perm, i)))
		}
		h.name, h.layout = c.add("Transpose", h.name+".view", []string{h.name}, onnx.Attr{Name: "perm", Ints: perm}), to
		return h, nil
	}
	middle := h
	var err error
	if plain := to.plain(c.g.Layers[layer].Out); h.how == onnx.Permuted {
		if middle, err = c.show(layer, h, plain); err != nil {
			return h, err
		}
	} else if to.how == onnx.Permuted {
		if middle, err = c.reshape(layer, h, plain); err == nil {
			middle, err = c.show(layer, middle, to)
		}
		return middle, err
	}
	return c.reshape(layer, middle, to)
}

// reshape gives a tensor whose elements are in the order of the layer's other dimensions.
func (c *cutter) reshape(layer int, h holding, to layout) (holding, error) {
	dims, err := c.shape(h.part, &to)
	if err == nil {
		h.name, h.layout = c.add("Reshape", h.name+".view", []string{h.name, c.numbers(dims...)}), to
	}
	return h, err
}

// shape returns the dimensions in a layout of a part of a tensor: where that is not laid out as rows, of the whole of it, or of some
// elements of a vector.
func (c *cutter) shape(p workloads.Part, l *layout) ([]int64, error) {
	dims := slices.Clone(l.dims)
	out := c.g.Layers[p.Layer].Out
	rows := c.rowsOf(p).Len()
	if c.g.Layers[p.Layer].Op == workloads.OpGlobalPool {
		rows = 1
	}
	for _, part := range []struct{ of, want, all int }{{1, c.channelsOf(p).Len(), out.C}, {2, rows, out.H}} {
		if part.want == part.all {
			continue
		}
		axis := l.axis(part.of, out)
		if axis < 0 {
			return nil, errUncut
		}
		dims[axis] = int64(part.want)
	}
	if c.samples > 1 {
		dims[0] = int64(c.samples) // batches has seen to it that the first dimension is the batch
	}
	return dims, nil
}

// axisOf returns which axis of N×C×H×W is axis i of a tensor; position returns the reverse. A perm of nil changes nothing.
func axisOf(perm []int, i int) int {
	if perm == nil {
		return i
	}
	return perm[i]
}

func position(perm []int, axis int) int {
	if perm == nil {
		return axis
	}
	return slices.Index(perm, axis)
}

// inverse returns the permutation that undoes perm.
func inverse(perm []int) []int {
	back := make([]int, len(perm))
	for i, a := range perm {
		back[a] = i
	}
	return back
}
