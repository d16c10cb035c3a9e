package submodel

import (
	"fmt"

	"hidp/workloads"
	"hidp/workloads/onnx"
)

// portion is a range of one axis of a constant; the zero value is all of it.
type portion struct {
	axis int
	part workloads.Range
}

// conv makes node i, a convolution of x, for the layer's output channels.
func (e *layerCut) conv(i int, x string, attrs []onnx.Attr) (value, error) {
	n := &e.s.Model.Nodes[i]
	made := e.channelsOf(e.out) // what the node computes: whole groups
	if g := e.layer.Groups; g > 1 {
		per := e.layer.Out.C / g
		first, last := made.Lo/per, (made.Hi-1)/per+1
		made = workloads.Range{Lo: first * per, Hi: last * per}
		attrs = append(attrs, onnx.Attr{Name: "group", I: int64(last - first)})
	}
	var of portion
	if made.Len() < e.layer.Out.C {
		of = portion{0, made}
	}
	inputs := []string{x}
	for _, name := range n.Inputs[1:] {
		if name == "" {
			inputs = append(inputs, "")
			continue
		}
		w, err := e.constant(name, of)
		if err != nil {
			return value{}, err
		}
		inputs = append(inputs, w)
	}
	outputs, err := e.copy(i, inputs, attrs, "auto_pad", "dilations")
	if err != nil {
		return value{}, err
	}
	y := outputs[0]
	if made != e.channelsOf(e.out) {
		y = e.slice(y, 1, e.channelsOf(e.out).Lo-made.Lo, e.channelsOf(e.out).Hi-made.Lo)
	}
	return value{y, true}, nil
}

// linear makes a fully connected layer of some outputs.
func (e *layerCut) linear() error {
	i, err := e.principal("Gemm", "MatMul")
	if err != nil {
		return err
	}
	for _, p := range e.layer.Inputs {
		if e.held[p].part != e.full(p) {
			return fmt.Errorf("it needs all of layer %d", p)
		}
	}
	e.main, e.build = i, func() (value, error) {
		n := &e.s.Model.Nodes[i]
		x, err := e.resolve(n.Inputs[0])
		if err != nil {
			return value{}, err
		}
		inputs := []string{x.name}
		for k, name := range n.Inputs[1:] {
			if name == "" {
				inputs = append(inputs, "")
				continue
			}
			of := portion{-1, e.channelsOf(e.out)} // the last axis, also of a bias
			if k == 0 && transposed(n) {
				of.axis = 0
			}
			w, err := e.constant(name, e.fit(name, of))
			if err != nil {
				return value{}, err
			}
			inputs = append(inputs, w)
		}
		outputs, err := e.copy(i, inputs, nil)
		if err != nil {
			return value{}, err
		}
		return value{outputs[0], true}, nil
	}
	return e.finish()
}

// transposed reports whether the weights of a Gemm have the outputs first.
func transposed(n *onnx.Node) bool {
	for _, a := range n.Attrs {
		if a.Name == "transB" {
			return a.I != 0
		}
	}
	return false
}

// share returns the portion of a constant that a node needs which computes only some channels.
func (e *layerCut) share(n *onnx.Node, name string, part bool) portion {
	if !part || e.channelsOf(e.out).Len() == e.layer.Out.C {
		return portion{}
	}
	switch n.OpType {
	case "BatchNormalization", "QuantizeLinear", "DequantizeLinear": // one number for each channel, or one for all
		return e.fit(name, portion{0, e.channelsOf(e.out)})
	}
	l, ok := e.s.layout(n.Outputs[0], e.index)
	axis := l.axis(1, e.layer.Out)
	if !ok || axis < 0 {
		return portion{}
	}
	return e.fit(name, portion{axis - len(l.dims), e.channelsOf(e.out)}) // constants are broadcast from the right
}

// fit turns a portion whose axis is counted from the end into one of the constant called name; of a constant that is the same for
// all channels nothing is cut.
func (e *layerCut) fit(name string, of portion) portion {
	dims := e.s.constantDims(name)
	if of.axis < 0 {
		of.axis += len(dims)
	}
	if of.axis < 0 || of.axis >= len(dims) || dims[of.axis] == 1 && e.layer.Out.C > 1 {
		return portion{}
	}
	return of
}

// constantDims returns the dimensions of a constant.
func (s *Source) constantDims(name string) []int64 {
	if t := s.weights[name]; t != nil {
		return t.Dims
	}
	v, _ := s.views.Last(name)
	return v.Dims
}
