package submodel

import (
	"errors"
	"fmt"
	"slices"

	"hidp/workloads"
	"hidp/workloads/onnx"
)

// tensor is a tensor of the cut model. Part says that it has only some of the rows or channels.
type tensor struct {
	name string
	part bool
}

// layerCut is the work of making the nodes of one layer.
type layerCut struct {
	*cutter
	index int
	layer *workloads.Layer
	out   workloads.Region
	known map[string]tensor // the file's tensors and what they are in the cut model

	main  int // the node that replace stands for, or -1
	build func() (tensor, error)
}

// layer makes the nodes that compute region out of a layer.
func (c *cutter) layer(i int, out workloads.Region) error {
	e := &layerCut{cutter: c, index: i, layer: &c.g.Layers[i], out: out, known: map[string]tensor{}, main: -1}
	if c.s.joined(i) {
		return e.join()
	}
	whole := out == c.full(i)
	for _, p := range e.layer.Inputs {
		whole = whole && c.held[p].region == c.full(p)
	}
	if whole && !e.dropsWindow() {
		for name, p := range c.s.reads[i] {
			e.known[name] = tensor{name: c.version(name, p)}
		}
		return e.finish()
	}
	switch e.layer.Op {
	case workloads.OpConv, workloads.OpMaxPool, workloads.OpAvgPool:
		return e.window()
	case workloads.OpUpsample:
		return e.upsample()
	case workloads.OpGlobalPool:
		return e.pool()
	case workloads.OpLinear:
		return e.linear()
	case workloads.OpAdd, workloads.OpMul, workloads.OpConcat, workloads.OpElementwise:
		return e.elementwise()
	}
	return fmt.Errorf("a layer of kind %v cannot be computed in part", e.layer.Op)
}

// version returns what tensor name of layer p is called in the cut model.
func (c *cutter) version(name string, p int) string {
	if other, ok := c.also[name]; ok {
		return other
	}
	return c.held[p].name
}

// finish makes the layer's nodes, as far as they lead to what is read of it.
func (e *layerCut) finish() error {
	l := &e.s.tensors[e.index]
	if l.how != missing {
		t, err := e.resolve(l.name)
		e.held[e.index] = holding{name: t.name, region: e.out}
		return err
	}
	e.held[e.index] = holding{region: e.out}
	for _, reader := range e.g.Consumers(e.index) {
		for name, p := range e.s.reads[reader] {
			if p != e.index || reader >= e.Slice.To {
				continue
			}
			t, err := e.resolve(name)
			if err == nil && t.part {
				err = errScattered
			}
			if err != nil {
				return err
			}
			e.also[name] = t.name
		}
	}
	return nil
}

// resolve returns what a tensor of the file is in the cut model, making the nodes that it needs.
func (e *layerCut) resolve(name string) (tensor, error) {
	if t, ok := e.known[name]; ok {
		return t, nil
	}
	i, made := e.s.maker[name]
	if !made || !slices.Contains(e.s.nodes[e.index], i) {
		return tensor{}, fmt.Errorf("it depends on tensor %q, which is none of its inputs", name)
	}
	if err := e.node(i); err != nil {
		return tensor{}, err
	}
	return e.known[name], nil
}

// node makes node i of the file.
func (e *layerCut) node(i int) error {
	n := &e.s.Model.Nodes[i]
	if i == e.main {
		t, err := e.build()
		e.known[n.Outputs[0]] = t
		return err
	}
	part := false
	inputs := slices.Clone(n.Inputs)
	for k, name := range inputs {
		if name == "" || e.s.constant(name) {
			continue
		}
		t, err := e.resolve(name)
		if err != nil {
			return err
		}
		inputs[k] = t.name
		part = part || t.part
	}
	if part && !rowwise(n.OpType) {
		return fmt.Errorf("%v cannot be computed in part", n)
	}
	for k, name := range inputs {
		if name == "" || !e.s.constant(name) {
			continue
		}
		var err error
		if inputs[k], err = e.constant(name, e.share(n, name, part)); err != nil {
			return err
		}
	}
	outputs, err := e.copy(i, inputs, nil)
	for k, out := range outputs {
		e.known[n.Outputs[k]] = tensor{out, part}
	}
	return err
}

// rowwise reports whether an operator makes row y and channel c of its output of row y and channel c of its inputs, or
// (concatenations, transpositions, normalisations across channels) can be asked for some of the rows by being given them.
func rowwise(op string) bool {
	switch op {
	case "BatchNormalization", "Identity", "Dropout", "Cast", "Transpose", "Concat", "LRN", "QuantizeLinear", "DequantizeLinear",
		"Add", "Sub", "Mul", "Div", "Pow", "Mod", "PRelu", "Sum", "Max", "Min", "Mean",
		"Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Ceil", "Celu", "Clip", "Cos", "Cosh", "Elu", "Erf", "Exp", "Floor", "Gelu",
		"HardSigmoid", "HardSwish", "LeakyRelu", "Log", "Mish", "Neg", "Not", "Reciprocal", "Relu", "Round", "Selu", "Shrink", "Sigmoid",
		"Sign", "Sin", "Sinh", "Softplus", "Softsign", "Sqrt", "Tan", "Tanh", "ThresholdedRelu":
		return true
	}
	return false
}

// copy appends node i of the file with other inputs, and attributes in place of its own, and returns its outputs. A node that is
// there already with these inputs is not made twice.
func (c *cutter) copy(i int, inputs []string, attrs []onnx.Attr, drop ...string) ([]string, error) {
	key := fmt.Sprintf("%d %q %v", i, inputs, attrs)
	if outputs, ok := c.made[key]; ok {
		return outputs, nil
	}
	n := c.s.Model.Nodes[i]
	source, err := c.s.source(&n)
	if err != nil {
		return nil, err
	}
	outputs := slices.Clone(n.Outputs)
	for k, out := range outputs {
		if out != "" {
			outputs[k] = c.unique(out)
		}
	}
	c.made[key] = outputs
	n.Inputs, n.Outputs, n.Attrs = inputs, slices.Clone(outputs), attrs
	c.nodes = append(c.nodes, outNode{Node: n, source: source, drop: drop})
	return outputs, nil
}

// join concatenates the outputs of a network that has several.
func (e *layerCut) join() error {
	var parts []string
	for _, name := range e.s.outputs() {
		p, ok := e.s.reads[e.index][name]
		if !ok {
			return fmt.Errorf("output %q is not an output of a layer", name)
		}
		x := e.version(name, p)
		if kind := e.s.views[name].Type; kind != onnx.Float {
			x = e.add("Cast", x+".cast", []string{x}, onnx.Attr{Name: "to", I: int64(onnx.Float)})
		}
		parts = append(parts, e.add("Reshape", x+".flat", []string{x, e.numbers(int64(e.samples), -1)}))
	}
	if len(parts) == 0 {
		return errors.New("the network has no output")
	}
	e.held[e.index] = holding{name: e.add("Concat", "outputs", parts, onnx.Attr{Name: "axis", I: 1}), region: e.out}
	return nil
}
