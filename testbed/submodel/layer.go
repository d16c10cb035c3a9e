package submodel

import (
	"errors"
	"fmt"
	"slices"

	"hidp/workloads"
	"hidp/workloads/onnx"
)

// value is a tensor of the cut model. Part says that it has only some of the rows or channels.
type value struct {
	name string
	part bool
}

// layerCut is the work of making the nodes of one layer.
type layerCut struct {
	*cutter
	index int
	layer *workloads.Layer
	out   workloads.Part
	whole bool             // the layer and its inputs are whole: the file's own nodes compute it
	known map[string]value // the file's tensors and what they are in the cut model

	main  int // the node that replace stands for, or -1
	build func() (value, error)
}

// needs returns the rows of the layer's k-th input that it needs.
func (e *layerCut) needs(k int) workloads.Range { return e.rowsOf(e.g.Needs(e.out, k)) }

// layer makes the nodes that compute a part of a layer.
func (c *cutter) layer(out workloads.Part) error {
	i := out.Layer
	e := &layerCut{cutter: c, index: i, layer: &c.g.Layers[i], out: out, known: map[string]value{}, main: -1}
	if c.s.joined(i) {
		return e.join()
	}
	e.whole = out == c.full(i)
	for _, p := range e.layer.Inputs {
		e.whole = e.whole && c.held[p].part == c.full(p)
	}
	if e.whole && e.dropsWindow() {
		e.whole = false
	}
	if e.whole {
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
		return e.finish()
	}
	return fmt.Errorf("a layer of kind %v cannot be computed in part", e.layer.Op)
}

// finish makes the layer's nodes, as far as they lead to the tensor that carries its output.
func (e *layerCut) finish() error {
	t, err := e.resolve(e.s.Model.Tensors[e.index])
	e.held[e.index] = holding{name: t.name, layout: e.s.tensors[e.index], part: e.out}
	return err
}

// resolve returns what a tensor of the file is in the cut model, making the nodes that it needs.
func (e *layerCut) resolve(name string) (value, error) {
	if t, ok := e.known[name]; ok {
		return t, nil
	}
	t, err := e.operand(name)
	if err == nil && t.name == "" {
		t, err = e.compute(name)
	}
	e.known[name] = t
	return t, err
}

// operand returns a tensor that shows an input of the layer, as far as the layer needs that; one without a name, if it shows none, or
// if nodes of the layer make it of the whole input.
func (e *layerCut) operand(name string) (value, error) {
	for k, p := range e.layer.Inputs {
		l, ok := e.s.layout(name, p)
		carrier := name == e.s.Model.Tensors[p]
		if !ok || !carrier && l.how == onnx.Shuffled {
			continue
		}
		h, full := e.held[p], e.full(p)
		need := e.needs(k)
		part := !e.whole && need != e.rowsOf(full)
		if !carrier && !part && e.makes(name) {
			continue
		}
		var err error
		if part || h.part != full {
			if h, err = e.rows(p, need); err != nil {
				return value{}, err
			}
		}
		h, err = e.show(p, h, l)
		return value{h.name, part}, err
	}
	return value{}, nil
}

// makes reports whether a node of the layer makes a tensor.
func (e *layerCut) makes(name string) bool {
	i, made := e.s.maker[name]
	return made && slices.Contains(e.s.nodes[e.index], i)
}

// compute makes the node of the layer that makes a tensor.
func (e *layerCut) compute(name string) (value, error) {
	if !e.makes(name) {
		return value{}, fmt.Errorf("it depends on tensor %q, which is none of its inputs", name)
	}
	i := e.s.maker[name]
	if i == e.main {
		return e.build()
	}
	if root := e.below(name); root != name {
		t, err := e.resolve(root)
		if err != nil {
			return t, err
		}
		if t.part { // the file's nodes give the dimensions of the whole
			from, _ := e.s.layout(root, e.index)
			to, _ := e.s.layout(name, e.index)
			h, err := e.show(e.index, holding{layout: from, name: t.name, part: e.out}, to)
			return value{h.name, true}, err
		}
	}
	err := e.node(i)
	return e.known[name], err
}

// below returns the tensor of the layer that a tensor of it is only another arrangement of, or the tensor itself.
func (e *layerCut) below(name string) string {
	for e.makes(name) {
		n := &e.s.Model.Nodes[e.s.maker[name]]
		_, shown := e.s.layout(name, e.index)
		if !shown || !n.Rearranges() {
			break
		}
		if _, shown := e.s.layout(n.Inputs[0], e.index); !shown {
			break
		}
		name = n.Inputs[0]
	}
	return name
}

// node makes node i of the file.
func (e *layerCut) node(i int) error {
	n := &e.s.Model.Nodes[i]
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
	if v, _ := e.s.views.Last(n.Outputs[0]); part && !n.Rowwise(v) {
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
		e.known[n.Outputs[k]] = value{out, part}
	}
	return err
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
	names, _ := e.s.outputs()
	for _, name := range names {
		t, err := e.resolve(name)
		if err != nil {
			return fmt.Errorf("output %q: %w", name, err)
		}
		x := t.name
		if v, _ := e.s.views.Last(name); v.Type != onnx.Float {
			x = e.add("Cast", x+".cast", []string{x}, onnx.Attr{Name: "to", I: int64(onnx.Float)})
		}
		parts = append(parts, e.add("Reshape", x+".flat", []string{x, e.numbers(int64(e.samples), -1)}))
	}
	if len(parts) == 0 {
		return errors.New("the network has no output")
	}
	all := e.add("Concat", "outputs", parts, onnx.Attr{Name: "axis", I: 1})
	e.held[e.index] = holding{name: all, layout: e.s.tensors[e.index], part: e.out}
	return nil
}
