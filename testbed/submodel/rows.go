package submodel

import (
	"errors"
	"fmt"

	"hidp/workloads"
	"hidp/workloads/onnx"
)

var errUncut = errors.New("the file does not tell how its rows and channels are laid out, so that no part of it can be taken")

// take returns region r of a layer's tensor, cutting it out of what is held if that is more.
func (c *cutter) take(layer int, h holding, r workloads.Region) (string, error) {
	x := h.name
	l := &c.s.tensors[layer]
	if c.g.Layers[layer].Op != workloads.OpGlobalPool && h.region.Rows != r.Rows {
		axis := l.axis(2)
		if axis < 0 {
			return "", errUncut
		}
		x = c.slice(x, axis, r.Rows.Lo-h.region.Rows.Lo, r.Rows.Hi-h.region.Rows.Lo)
	}
	if h.region.Channels != r.Channels {
		axis := l.axis(1)
		if axis < 0 {
			return "", errUncut
		}
		x = c.slice(x, axis, r.Channels.Lo-h.region.Channels.Lo, r.Channels.Hi-h.region.Channels.Lo)
	}
	return x, nil
}

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
func (c *cutter) rows(layer int, want workloads.Range) (string, error) {
	h := c.held[layer]
	r := h.region
	r.Rows = want.Intersect(h.region.Rows)
	if r.Rows.Empty() {
		return "", fmt.Errorf("it needs rows %v of layer %d, of which there are only %v", want, layer, h.region.Rows)
	}
	x, err := c.take(layer, h, r)
	if err != nil || r.Rows == want {
		return x, err
	}
	axis := c.s.tensors[layer].axis(2)
	if axis < 0 {
		return "", errUncut
	}
	return c.pad(x, axis, r.Rows.Lo-want.Lo, want.Hi-r.Rows.Hi, 0), nil
}

// plain brings a tensor that is laid out as that of a layer into the order N×C×H×W.
func (c *cutter) plain(layer int, x string) (string, error) {
	switch l := &c.s.tensors[layer]; l.how {
	case direct:
		return x, nil
	case permuted:
		return c.add("Transpose", x+".plain", []string{x}, onnx.Attr{Name: "perm", Ints: ints(inverse(l.perm))}), nil
	}
	return "", errUncut
}

// inverse returns the permutation that undoes perm.
func inverse(perm []int) []int {
	back := make([]int, len(perm))
	for i, a := range perm {
		back[a] = i
	}
	return back
}

// elementwise makes a layer whose rows are computed from the same rows of its inputs.
func (e *layerCut) elementwise() error {
	for name, p := range e.s.reads[e.index] {
		if e.s.tensors[p].how == missing {
			return errScattered
		}
		k := 0
		for e.layer.Inputs[k] != p {
			k++
		}
		need := e.g.InputRegion(e.index, k, e.out).Rows
		x, err := e.rows(p, need)
		if err != nil {
			return err
		}
		e.known[name] = tensor{x, need != e.full(p).Rows}
	}
	return e.finish()
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

// bare reports why more than paddings and changes of layout lie between the layer's input and a tensor that its principal node
// reads, or nil.
func (e *layerCut) bare(name string) error {
	for {
		if _, input := e.s.reads[e.index][name]; input {
			return nil
		}
		i, ok := e.s.maker[name]
		if !ok {
			return fmt.Errorf("tensor %q comes from nowhere", name)
		}
		n := &e.s.Model.Nodes[i]
		switch n.OpType {
		case "Pad", "Identity", "Dropout", "Transpose":
			name = n.Inputs[0]
		default:
			return fmt.Errorf("%v stands before its window and cannot be computed in part", n)
		}
	}
}

// upsample makes an enlargement of some rows: the enlargement of the rows it needs, cut to what is wanted.
func (e *layerCut) upsample() error {
	i, err := e.principal("Resize", "Upsample")
	if err != nil {
		return err
	}
	p, f := e.layer.Inputs[0], e.layer.Scale
	need := e.g.InputRegion(e.index, 0, e.out).Rows
	e.main, e.build = i, func() (tensor, error) {
		n := &e.s.Model.Nodes[i]
		if err := e.bare(n.Inputs[0]); err != nil {
			return tensor{}, err
		}
		x, err := e.rows(p, need)
		if err == nil {
			x, err = e.plain(p, x)
		}
		if err != nil {
			return tensor{}, err
		}
		inputs := []string{x}
		if n.OpType == "Resize" && e.s.Model.Opset >= 11 {
			if len(n.Inputs) < 3 {
				return tensor{}, fmt.Errorf("%v does not say how much to enlarge", n)
			}
			region := n.Inputs[1] // of interest: not for these modes, but operator sets before 13 want it there
			if region != "" {
				if region, err = e.constant(region, portion{}); err != nil {
					return tensor{}, err
				}
			}
			inputs = append(inputs, region)
		}
		if e.s.Model.Opset >= 9 {
			inputs = append(inputs, e.factors(f))
		}
		outputs, err := e.copy(i, inputs, nil, "keep_aspect_ratio_policy")
		if err != nil {
			return tensor{}, err
		}
		have := workloads.Range{Lo: need.Lo * f, Hi: need.Hi * f}
		y := outputs[0]
		if have != e.out.Rows {
			y = e.slice(y, 2, e.out.Rows.Lo-have.Lo, e.out.Rows.Hi-have.Lo)
		}
		return tensor{y, true}, nil
	}
	return e.finish()
}

// pool makes a global pool of some rows: as the end of a slice their sum, for a Store to make the mean of the sums; inside a slice,
// which can only be one that ignores its halo, the mean of its rows.
func (e *layerCut) pool() error {
	p := e.layer.Inputs[0]
	l := &e.s.tensors[p]
	x, err := e.rows(p, e.g.InputRegion(e.index, 0, e.out).Rows)
	if err == nil {
		x, err = e.plain(p, x)
	}
	if err != nil {
		return err
	}
	if e.index == e.Slice.To-1 && e.out.Rows != e.full(e.index).Rows {
		axes, inputs := []int64{2, 3}, []string{x}
		var attrs []onnx.Attr
		if e.s.Model.Opset < 13 {
			attrs = append(attrs, onnx.Attr{Name: "axes", Ints: axes})
		} else {
			inputs = append(inputs, e.numbers(axes...))
		}
		if l.kind != onnx.Float {
			inputs[0] = e.add("Cast", x+".cast", inputs[:1], onnx.Attr{Name: "to", I: int64(onnx.Float)})
		}
		e.held[e.index] = holding{name: e.add("ReduceSum", e.layer.Name+".sum", inputs, attrs...), region: e.out, summed: true}
		return nil
	}
	y := e.add("GlobalAveragePool", e.layer.Name+".mean", []string{x})
	if own := &e.s.tensors[e.index]; own.how != direct {
		dims, err := e.shape(workloads.Part{Layer: e.index, Region: e.full(e.index)}, own)
		if err != nil {
			return err
		}
		y = e.add("Reshape", y+".view", []string{y, e.numbers(dims...)})
	}
	e.held[e.index] = holding{name: y, region: e.full(e.index)}
	return nil
}
