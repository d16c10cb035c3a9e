package submodel

import (
	"encoding/binary"
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"hidp/workloads/onnx"
)

// weight is an initialiser of a cut model: an initialiser of the file or a portion of one, or a few numbers of our own.
type weight struct {
	name   string
	kind   onnx.DataType
	dims   []int64
	raw    []byte       // the numbers, or
	tensor *onnx.Tensor // where they are, and
	of     portion      // what of them
}

// bytes returns the size of the data.
func (w *weight) bytes() int64 {
	n := int64(1)
	for _, d := range w.dims {
		n *= d
	}
	return w.kind.Size(n)
}

// inlined is the most that is always written into the model: what shapes are computed from must be there.
const inlined = 256

// constant brings a constant of the file, or a portion of it, into the cut model and returns its name there.
func (c *cutter) constant(name string, of portion) (string, error) {
	key := fmt.Sprintf("%s %v", name, of)
	if have, ok := c.kept[key]; ok {
		return have, nil
	}
	out, err := c.newConstant(name, of)
	c.kept[key] = out
	return out, err
}

func (c *cutter) newConstant(name string, of portion) (string, error) {
	if t := c.s.weights[name]; t != nil {
		w := weight{name: c.unique(name), kind: t.Type, dims: slices.Clone(t.Dims), tensor: t, of: of}
		if !of.part.Empty() {
			if int64(of.part.Hi) > w.dims[of.axis] {
				return "", fmt.Errorf("weight %q has the dimensions %v: not one for each channel", name, t.Dims)
			}
			w.dims[of.axis] = int64(of.part.Len())
		}
		c.weights = append(c.weights, w)
		return w.name, nil
	}
	v, _ := c.s.views.Last(name)
	if raw, ok := encode(v); ok {
		dims := slices.Clone(v.Dims)
		if !of.part.Empty() {
			if int64(of.part.Hi) > dims[of.axis] {
				return "", fmt.Errorf("constant %q has the dimensions %v: not one for each channel", name, v.Dims)
			}
			raw = extract(raw, dims, v.Type.Bytes(), of)
			dims[of.axis] = int64(of.part.Len())
		}
		return c.keep(weight{name: c.unique(name), kind: v.Type, dims: dims, raw: raw}), nil
	}
	if c.s.leftOut(name) && of.part.Empty() {
		return c.ones(name, v)
	}
	i, made := c.s.maker[name]
	if !made || !of.part.Empty() {
		return "", fmt.Errorf("constant %q is computed by the file and cannot be cut", name)
	}
	return c.computed(i, name)
}

// leftOut reports whether a tensor is an input of the network that the graph does not model.
func (s *Source) leftOut(name string) bool {
	return name != s.Model.Input && s.weights[name] == nil && slices.ContainsFunc(s.Model.Inputs, func(p onnx.Port) bool { return p.Name == name })
}

// mostOnes bounds the elements of an input that is left out.
const mostOnes = 1 << 24

// ones gives an input that the graph does not model the number 1 everywhere, as package onnx says in the assumptions: neither a
// division by it nor a mask of it makes other numbers of the answer infinite.
func (c *cutter) ones(name string, v onnx.View) (string, error) {
	n := int64(1)
	for _, d := range v.Dims {
		n *= d
	}
	v.Known = n <= mostOnes
	if v.Known {
		v.Values = slices.Repeat([]float64{1}, int(n))
	}
	raw, ok := encode(v)
	if !ok {
		return "", fmt.Errorf("input %q is not modelled, and no numbers can be put in its place: element type %d, dimensions %v", name, v.Type, v.Dims)
	}
	return c.keep(weight{name: c.unique(name), kind: v.Type, dims: slices.Clone(v.Dims), raw: raw}), nil
}

// computed copies a node that computes a constant, and those it depends on.
func (c *cutter) computed(i int, name string) (string, error) {
	n := &c.s.Model.Nodes[i]
	inputs := slices.Clone(n.Inputs)
	for k, in := range inputs {
		if in == "" {
			continue
		}
		if !c.s.constant(in) {
			return "", fmt.Errorf("constant %q depends on tensor %q, whose values are not known", name, in)
		}
		var err error
		if inputs[k], err = c.constant(in, portion{}); err != nil {
			return "", err
		}
	}
	outputs, err := c.copy(i, inputs, nil)
	if err != nil {
		return "", err
	}
	return outputs[slices.Index(n.Outputs, name)], nil
}

// keep adds a weight and returns its name.
func (c *cutter) keep(w weight) string {
	c.weights = append(c.weights, w)
	return w.name
}

// encode returns the values of a constant that is known, if its type is one whose values are kept exactly.
func encode(v onnx.View) ([]byte, bool) {
	n := int64(1)
	for _, d := range v.Dims {
		n *= d
	}
	if !v.Known || int64(len(v.Values)) != n {
		return nil, false
	}
	var b []byte
	for _, x := range v.Values {
		switch v.Type {
		case onnx.Float:
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(x)))
		case onnx.Int64:
			b = binary.LittleEndian.AppendUint64(b, uint64(int64(x)))
		case onnx.Int32:
			b = binary.LittleEndian.AppendUint32(b, uint32(int32(x)))
		case onnx.Bool:
			b = append(b, byte(x))
		default:
			return nil, false
		}
	}
	return b, true
}

// numbers adds a list of integers, of those that operators take as an input.
func (c *cutter) numbers(list ...int64) string {
	key := fmt.Sprintf("numbers %v", list)
	if have, ok := c.kept[key]; ok {
		return have
	}
	var raw []byte
	for _, v := range list {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(v))
	}
	c.kept[key] = c.keep(weight{name: c.unique("numbers"), kind: onnx.Int64, dims: []int64{int64(len(list))}, raw: raw})
	return c.kept[key]
}

// number adds a scalar.
func (c *cutter) number(v float32) string {
	raw := binary.LittleEndian.AppendUint32(nil, math.Float32bits(v))
	return c.keep(weight{name: c.unique("number"), kind: onnx.Float, dims: []int64{}, raw: raw})
}

// factors adds the scales of an enlargement by f.
func (c *cutter) factors(f int) string {
	var raw []byte
	for _, v := range []float32{1, 1, float32(f), float32(f)} {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	return c.keep(weight{name: c.unique("scales"), kind: onnx.Float, dims: []int64{4}, raw: raw})
}

// zeros adds a tensor of zeros.
func (c *cutter) zeros(dims ...int) string {
	w := weight{name: c.unique("zeros"), kind: onnx.Float, dims: ints(dims)}
	w.raw = make([]byte, w.bytes())
	return c.keep(w)
}

// extract takes a portion of row-major data.
func extract(data []byte, dims []int64, size int, of portion) []byte {
	inner := int64(size)
	for _, d := range dims[of.axis+1:] {
		inner *= d
	}
	var out []byte
	stride := dims[of.axis] * inner
	for at := int64(0); at < int64(len(data)); at += stride {
		out = append(out, data[at+int64(of.part.Lo)*inner:at+int64(of.part.Hi)*inner]...)
	}
	return out
}

// data returns the numbers of a weight.
func (w *weight) data(s *Source) ([]byte, error) {
	if w.tensor == nil {
		return w.raw, nil
	}
	b, err := s.Model.Values(s.file, s.size, w.tensor)
	if err != nil || w.of.part.Empty() {
		return b, err
	}
	return extract(b, w.tensor.Dims, w.kind.Bytes(), w.of), nil
}

// place tells where in the source's own files the numbers lie, if they lie together.
func (w *weight) place(s *Source) (location string, at onnx.Span, ok bool) {
	t := w.tensor
	switch {
	case t.Location != "" && !s.Model.Inside(t.Location):
		return "", at, false
	case t.Location != "":
		location, at = t.Location, t.External
	case t.Raw.Length > 0:
		location, at = filepath.Base(s.Model.Path), t.Raw
	default:
		return "", at, false
	}
	at.Length = w.bytes()
	if w.of.part.Empty() {
		return location, at, true
	}
	if w.of.axis != 0 {
		return "", at, false
	}
	at.Offset += int64(w.of.part.Lo) * (at.Length / int64(w.of.part.Len()))
	return location, at, true
}

// write adds the weight to a model.
func (w *weight) write(out *onnx.Writer, s *Source, place Placement) error {
	if w.tensor != nil && w.bytes() > inlined {
		if location, at, ok := place.put(s, w); ok {
			out.External(w.name, w.kind, w.dims, location, at)
			return nil
		}
	}
	b, err := w.data(s)
	if err != nil {
		return err
	}
	out.Inline(w.name, w.kind, w.dims, b)
	return nil
}
