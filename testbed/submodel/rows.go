package submodel

import (
	"fmt"

	"hidp/workloads"
	"hidp/workloads/onnx"
	"hidp/workloads/tensor"
)

// slice cuts [lo, hi) out of an axis.
func (c *cutter) slice(x string, axis, lo, hi int) string {
	list := func(v int) []int64 { return []int64{int64(v)} }
	if c.s.Model.Opset < 10 {
		return c.add("Slice", x+".rows", []string{x}, onnx.Attr{Name: "starts", Ints: list(lo)}, onnx.Attr{Name: "ends", Ints: list(hi)},
			onnx.Attr{Name: "axes", Ints: list(axis)})
	}
	return c.add("Slice", x+".rows", []string{x, c.numbers(int64(lo)), c.numbers(int64(hi)), c.numbers(int64(axis))})
}

// pad surrounds tensor x along an axis with a constant.
func (c *cutter) pad(x string, axis, before, after int, fill float32) string {
	const rank = 4
	pads := make([]int64, 2*rank)
	pads[axis], pads[rank+axis] = int64(before), int64(after)
	if c.s.Model.Opset < 11 {
		return c.add("Pad", x+".pad", []string{x}, onnx.Attr{Name: "pads", Ints: pads}, onnx.Attr{Name: "value", F: fill})
	}
	return c.add("Pad", x+".pad", []string{x, c.numbers(pads...), c.number(fill)})
}

// rows returns rows of a layer's tensor. Rows that are not held, which only happens where a slice ignores its halo, are zeros.
func (c *cutter) rows(layer int, want workloads.Range) (holding, error) {
	h := c.held[layer]
	have := want.Intersect(c.rowsOf(h.part))
	if have.Empty() {
		return h, fmt.Errorf("it needs rows %v of layer %d, of which there are only %v", want, layer, c.rowsOf(h.part))
	}
	h, err := c.take(h, c.g.Restrict(h.part, tensor.Row, have))
	if err != nil || have == want {
		return h, err
	}
	axis := h.axis(2, c.g.Layers[layer].Out)
	if axis < 0 {
		return h, errUncut
	}
	h.name, h.part = c.pad(h.name, axis, have.Lo-want.Lo, want.Hi-have.Hi, 0), c.g.Restrict(h.part, tensor.Row, want)
	return h, nil
}

// plain brings what is held of a layer's tensor into the order N×C×H×W and returns its name.
func (c *cutter) plain(layer int, h holding) (string, error) {
	h, err := c.show(layer, h, h.plain(c.g.Layers[layer].Out))
	return h.name, err
}

// node of the file that does the layer's proper work: the only one of the given operators.
func (e *layerCut) principal(ops ...string) (int, error) {
	found := -1
	for _, i := range e.s.nodes[e.index] {
		for _, op := range ops {
			if e.s.Model.Nodes[i].OpType != op {
				continue
			}
			if found >= 0 {
				return 0, fmt.Errorf("has two nodes of kind %s", op)
			}
			found = i
		}
	}
	if found < 0 {
		return 0, fmt.Errorf("none of its nodes is a %s that can be computed in part", ops[0])
	}
	return found, nil
}

// upsample makes an enlargement of some rows: the enlargement of the rows it needs, cut to what is wanted.
func (e *layerCut) upsample() error {
	i, err := e.principal("Resize", "Upsample")
	if err != nil {
		return err
	}
	p, f := e.layer.Inputs[0], e.layer.Scale
	need, out := e.needs(0), e.rowsOf(e.out)
	e.main, e.build = i, func() (value, error) {
		n := &e.s.Model.Nodes[i]
		h, err := e.rows(p, need)
		if err != nil {
			return value{}, err
		}
		x, err := e.plain(p, h)
		if err != nil {
			return value{}, err
		}
		inputs := []string{x}
		if n.OpType == "Resize" && e.s.Model.Opset >= 11 {
			if len(n.Inputs) < 3 {
				return value{}, fmt.Errorf("%v does not say how much to enlarge", n)
			}
			region := n.Inputs[1] // of interest: not for these modes, but operator sets before 13 want it there
			if region != "" {
				if region, err = e.constant(region, portion{}); err != nil {
					return value{}, err
				}
			}
			inputs = append(inputs, region)
		}
		if e.s.Model.Opset >= 9 {
			inputs = append(inputs, e.factors(f))
		}
		outputs, err := e.copy(i, inputs, nil, "keep_aspect_ratio_policy", "axes")
		if err != nil {
			return value{}, err
		}
		have := workloads.Range{Lo: need.Lo * f, Hi: need.Hi * f}
		y := outputs[0]
		if have != out {
			y = e.slice(y, 2, out.Lo-have.Lo, out.Hi-have.Lo)
		}
		return value{y, true}, nil
	}
	return e.finish()
}

// pool makes a global pool of some rows: as the end of a slice their sum, for a Store to make the mean of the sums; inside a slice,
// which can only be one that ignores its halo, the mean of its rows.
func (e *layerCut) pool() error {
	p := e.layer.Inputs[0]
	h, err := e.rows(p, e.needs(0))
	if err != nil {
		return err
	}
	x, err := e.plain(p, h)
	if err != nil {
		return err
	}
	if e.index == e.Slice.To-1 && e.out != e.full(e.index) {
		axes, inputs := []int64{2, 3}, []string{x}
		var attrs []onnx.Attr
		if e.s.Model.Opset < 13 {
			attrs = append(attrs, onnx.Attr{Name: "axes", Ints: axes})
		} else {
			inputs = append(inputs, e.numbers(axes...))
		}
		if h.kind != onnx.Float {
			inputs[0] = e.add("Cast", x+".cast", inputs[:1], onnx.Attr{Name: "to", I: int64(onnx.Float)})
		}
		e.held[e.index] = holding{name: e.add("ReduceSum", e.layer.Name+".sum", inputs, attrs...), part: e.out, summed: true}
		return nil
	}
	out := h.plain(e.layer.Out)
	e.held[e.index] = holding{name: e.add("GlobalAveragePool", e.layer.Name+".mean", []string{x}), layout: out, part: e.full(e.index)}
	return nil
}
