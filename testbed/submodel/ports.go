package submodel

import (
	"errors"
	"fmt"
	"slices"

	"hidp/workloads"
	"hidp/workloads/onnx"
)

// errScattered says that a layer's output is not one tensor of the file.
var errScattered = errors.New("its readers read several versions of its output: it cannot be cut here")

// Shape returns the dimensions of a part's tensor on its way between machines: samples × channels × rows × columns. Of a global
// pool it is a vector, whatever rows are summed.
func Shape(g *workloads.Graph, p workloads.Part) []int {
	l := &g.Layers[p.Layer]
	rows := p.Region.Rows.Len()
	if l.Op == workloads.OpGlobalPool {
		rows = 1
	}
	return []int{p.Region.Samples.Len(), p.Region.Channels.Len(), rows, l.Out.W}
}

// PortName returns what cut models call the tensor of a layer at their inputs and outputs.
func PortName(layer int) string { return fmt.Sprintf("t%d", layer) }

// input makes an input of the cut model and brings it into the layout that the nodes expect.
func (c *cutter) input(p workloads.Part) error {
	l := &c.s.tensors[p.Layer]
	if l.how == missing {
		return errScattered
	}
	if c.g.Layers[p.Layer].Op == workloads.OpGlobalPool && p.Region.Rows.Len() < c.g.Rows(p.Layer) {
		return errors.New("a slice that ignores its halo cannot begin behind a global pool")
	}
	port := Port{PortName(p.Layer), p, Shape(c.g, p)}
	c.Inputs = append(c.Inputs, port)
	x := port.Name
	switch l.how {
	case permuted:
		x = c.add("Transpose", x+".view", []string{x}, onnx.Attr{Name: "perm", Ints: ints(l.perm)})
	case reshaped, shuffled:
		dims, err := c.shape(p, l)
		if err != nil {
			return err
		}
		x = c.add("Reshape", x+".view", []string{x, c.numbers(dims...)})
	}
	if l.kind != onnx.Float {
		x = c.add("Cast", x+".cast", []string{x}, onnx.Attr{Name: "to", I: int64(l.kind)})
	}
	c.held[p.Layer] = holding{name: x, region: p.Region}
	return nil
}

// shape returns the dimensions in the file of a part of a tensor that is not laid out as rows: the whole of it, or some elements of
// a vector.
func (c *cutter) shape(p workloads.Part, l *layout) ([]int64, error) {
	dims := append([]int64(nil), l.dims...)
	out := c.g.Layers[p.Layer].Out
	if n, all := p.Region.Channels.Len(), out.C; n != all {
		at := -1
		for i, d := range dims {
			if d == int64(all) {
				at = i
			}
		}
		if l.how != reshaped || at < 0 || out.H*out.W > 1 {
			return nil, errors.New("its channels are not laid out in a way that can be cut")
		}
		dims[at] = int64(n)
	}
	if p.Region.Rows.Len() != c.g.Rows(p.Layer) {
		return nil, errors.New("its rows are not laid out in a way that can be cut")
	}
	if c.samples > 1 {
		dims[0] = int64(c.samples) // batches has seen to it that the first dimension is the batch
	}
	return dims, nil
}

// output makes an output of the cut model.
func (c *cutter) output(p workloads.Part) error {
	l := &c.s.tensors[p.Layer]
	h, ok := c.held[p.Layer]
	switch {
	case l.how == missing:
		return errScattered
	case !ok:
		return errors.New("is not computed by the slice")
	case c.g.Layers[p.Layer].Op == workloads.OpGlobalPool && !h.summed && p.Region.Rows != c.full(p.Layer).Rows:
		return errors.New("a pool that ignores its halo has no partial sums to hand on")
	}
	x := h.name
	if !h.summed {
		var err error
		if x, err = c.take(p.Layer, h, p.Region); err != nil {
			return err
		}
		if l.kind != onnx.Float {
			x = c.add("Cast", x+".cast", []string{x}, onnx.Attr{Name: "to", I: int64(onnx.Float)})
		}
		switch l.how {
		case permuted:
			x = c.add("Transpose", x+".plain", []string{x}, onnx.Attr{Name: "perm", Ints: ints(inverse(l.perm))})
		case reshaped, shuffled:
			dims := ints(Shape(c.g, p))
			dims[0] = int64(c.samples)
			x = c.add("Reshape", x+".plain", []string{x, c.numbers(dims...)})
		}
	}
	port := Port{PortName(p.Layer), p, Shape(c.g, p)}
	c.name(x, port.Name)
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
