package submodel

import (
	"errors"
	"fmt"
	"slices"

	"hidp/workloads"
	"hidp/workloads/onnx"
	"hidp/workloads/tensor"
)

// Shape returns the dimensions of a part's tensor on its way between machines: samples × channels × rows × columns. Of a global
// pool it is a vector, whatever rows are summed.
func Shape(g *workloads.Graph, p workloads.Part) []int {
	l := &g.Layers[p.Layer]
	rows := g.Along(p, tensor.Row).Len()
	if l.Op == workloads.OpGlobalPool {
		rows = 1
	}
	return []int{g.Along(p, tensor.Sample).Len(), g.Along(p, tensor.Channel).Len(), rows, l.Out.W}
}

// PortName returns what cut models call the tensor of a layer at their inputs and outputs.
func PortName(layer int) string { return fmt.Sprintf("t%d", layer) }

// input makes an input of the cut model.
func (c *cutter) input(p workloads.Part) error {
	if c.g.Layers[p.Layer].Op == workloads.OpGlobalPool && c.rowsOf(p).Len() < c.g.Rows(p.Layer) {
		return errors.New("a slice that ignores its halo cannot begin behind a global pool")
	}
	port := Port{PortName(p.Layer), p, Shape(c.g, p)}
	c.Inputs = append(c.Inputs, port)
	h := holding{layout: crossing(c.g.Layers[p.Layer].Out), name: port.Name, part: p}
	if own := &c.s.tensors[p.Layer]; h.part == c.full(p.Layer) || own.how.Rows() {
		var err error
		if h, err = c.show(p.Layer, h, *own); err != nil {
			return err
		}
	}
	c.held[p.Layer] = h
	return nil
}

// output makes an output of the cut model.
func (c *cutter) output(p workloads.Part) error {
	h, ok := c.held[p.Layer]
	switch {
	case !ok:
		return errors.New("is not computed by the slice")
	case c.g.Layers[p.Layer].Op == workloads.OpGlobalPool && !h.summed && c.rowsOf(p) != c.rowsOf(c.full(p.Layer)):
		return errors.New("a pool that ignores its halo has no partial sums to hand on")
	}
	if !h.summed {
		var err error
		if h, err = c.take(h, p); err != nil {
			return err
		}
		if h, err = c.show(p.Layer, h, crossing(c.g.Layers[p.Layer].Out)); err != nil {
			return err
		}
	}
	port := Port{PortName(p.Layer), p, Shape(c.g, p)}
	c.name(h.name, port.Name)
	c.Outputs = append(c.Outputs, port)
	return nil
}

// name gives tensor x the name of an output, wherever it is read. A tensor that is an input as well, or another output, is passed
// on by a node.
func (c *cutter) name(x, port string) {
	made := false
	for i := range c.nodes {
		made = made || slices.Contains(c.nodes[i].Outputs, x)
	}
	if !made || c.isPort(x) {
		c.nodes = append(c.nodes, outNode{Node: onnx.Node{Name: port, OpType: "Identity", Inputs: []string{x}, Outputs: []string{port}}})
		return
	}
	rename := func(names []string) {
		for k, name := range names {
			if name == x {
				names[k] = port
			}
		}
	}
	for i := range c.nodes {
		rename(c.nodes[i].Inputs)
		rename(c.nodes[i].Outputs)
	}
	for layer, h := range c.held {
		if h.name == x {
			h.name = port
			c.held[layer] = h
		}
	}
}

// isPort reports whether a tensor is an input or output of the cut model already.
func (c *cutter) isPort(name string) bool {
	for _, list := range [][]Port{c.Inputs, c.Outputs} {
		for _, p := range list {
			if p.Name == name {
				return true
			}
		}
	}
	return false
}

func ints(list []int) []int64 {
	out := make([]int64, len(list))
	for i, v := range list {
		out[i] = int64(v)
	}
	return out
}
