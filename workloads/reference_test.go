package workloads_test

import (
	"fmt"
	"math"

	. "hidp/workloads"
	"hidp/workloads/tensor"
)

// This file executes graphs, naively, on floats: the oracle for the arithmetic of boxes. It is written from what operators do and
// never asks what they need. Values that a device does not hold are NaN, so that reading an element that was not delivered or
// computed cannot go unnoticed.

// index is an element of a tensor: a coordinate for each axis.
type index [tensor.MaxAxes]int

// values holds a box of a layer's domain: a number for each element of the tensor axes, row-major.
type values struct {
	d   *tensor.Dims
	box tensor.Box
	v   []float64
}

func newValues(d *tensor.Dims, box tensor.Box) *values {
	t := &values{d, box, make([]float64, d.Elements(&box))}
	for i := range t.v {
		t.v[i] = math.NaN()
	}
	return t
}

// at returns an element. Coordinates of axes that the tensor lacks do not matter.
func (t *values) at(x index) *float64 {
	o := 0
	for a := range t.d.Rank {
		at := x[a] - int(t.box[a].Lo)
		if at < 0 || at >= t.box[a].Len() {
			panic(fmt.Sprintf("element %v of %v", x, t.box))
		}
		o = o*t.box[a].Len() + at
	}
	return &t.v[o]
}

// element is the element of sample n, channel c, row y and column x.
func element(n, c, y, x int) index { return index{n, c, y, x} }

// each calls f for the elements of box b of a domain.
func each(d *tensor.Dims, b *tensor.Box, f func(x index)) {
	var x index
	var walk func(axis int)
	walk = func(axis int) {
		if axis == d.Rank {
			f(x)
			return
		}
		for i := b[axis].Lo; i < b[axis].Hi; i++ {
			x[axis] = int(i)
			walk(axis + 1)
		}
	}
	walk(0)
}

// sums returns the volume of box b over the axes that the layer sums over.
func sums(d *tensor.Dims, b *tensor.Box) int64 {
	v := int64(1)
	for a := d.Rank; a < d.Axes(); a++ {
		v *= int64(b[a].Len())
	}
	return v
}

// device executes layers of a graph on the parts of tensors that it holds. Parts are sums over their reduced axes; bias, activation
// and the division of a mean come to those that are complete.
type device struct {
	g     *Graph
	batch int
	held  [][]*values
	read  func(k int, x index) // is told what the layers that are computed read
}

func newDevice(g *Graph, batch int) *device {
	return &device{g: g, batch: batch, held: make([][]*values, len(g.Layers))}
}

// loadInput fills the network's input with pseudo-random values.
func (d *device) loadInput() {
	t := newValues(&d.g.Geometry(0).Dims, d.g.Full(0, d.batch))
	for i := range t.v {
		t.v[i] = weight(0, i)
	}
	d.held[0] = []*values{t}
}

// weight returns pseudo-random value number i of a layer, in [-1, 1).
func weight(layer, i int) float64 {
	h := uint64(layer+1)*0x9E3779B97F4A7C15 ^ uint64(i+1)*0xD1B54A32D192ED03
	h = (h ^ h>>31) * 0xBF58476D1CE4E5B9
	h = (h ^ h>>29) * 0x94D049BB133111EB
	return float64(h>>11)/(1<<52) - 1
}

// part returns part p as the sum of what is held of it: NaN where that is not all.
func (d *device) part(p Part) *values {
	dims := &d.g.Geometry(p.Layer).Dims
	t := newValues(dims, p.Box)
	each(dims, &p.Box, func(x index) {
		sum, left := 0.0, sums(dims, &p.Box)
		for _, h := range d.held[p.Layer] {
			only := p.Box
			for a := range dims.Rank {
				only[a] = tensor.Span{Lo: int32(x[a]), Hi: int32(x[a]) + 1}
			}
			if common := only.Intersect(&h.box); common.Empty() {
				continue
			}
			sum, left = sum+*h.at(x), left-sums(dims, &h.box) // of a part that sums more than is wanted, too much
		}
		if left == 0 {
			*t.at(x) = sum
		}
	})
	return t
}

// tensor returns a layer's whole output: NaN where it is not held.
func (d *device) tensor(layer int) *values {
	t := d.part(d.g.Tensor(layer, d.batch))
	each(t.d, &t.box, func(x index) { *t.at(x) = d.finish(layer, *t.at(x), x) })
	return t
}

// copyTo hands part p of a tensor to another device. It fails where a value is missing here or present there already.
func (d *device) copyTo(to *device, p Part) error {
	t := d.part(p)
	for _, v := range t.v {
		if math.IsNaN(v) {
			return fmt.Errorf("some of %s of layer %d is owned by nobody", d.g.Describe(p), p.Layer)
		}
	}
	for _, h := range to.held[p.Layer] {
		if x := h.box.Intersect(&p.Box); !x.Empty() {
			return fmt.Errorf("%s of layer %d is owned twice", d.g.Describe(Part{Layer: p.Layer, Box: x}), p.Layer)
		}
	}
	to.held[p.Layer] = append(to.held[p.Layer], t)
	return nil
}

// compute executes a part of a layer.
func (d *device) compute(p Part) {
	l := &d.g.Layers[p.Layer]
	var inputs []*values
	for _, in := range l.Inputs {
		inputs = append(inputs, d.tensor(in))
	}
	get := func(k, n, c, y, x int) float64 {
		at := element(n, c, y, x)
		if d.read != nil {
			d.read(k, at)
		}
		return *inputs[k].at(at)
	}
	t := newValues(&d.g.Geometry(p.Layer).Dims, p.Box)
	each(t.d, &t.box, func(x index) { *t.at(x) = d.sum(p.Layer, get, x, &p.Box) })
	d.held[p.Layer] = append(d.held[p.Layer], t)
}

// finish turns a complete sum into the layer's output.
func (d *device) finish(layer int, v float64, x index) float64 {
	l := &d.g.Layers[layer]
	switch {
	case l.Op == OpInput:
		return v
	case l.Op == OpGlobalPool:
		in := d.g.Layers[l.Inputs[0]].Out
		v /= float64(in.H * in.W)
	case l.Op == OpConv || l.Op == OpLinear:
		v += weight(layer, -2-x[1])
	}
	if l.Act != NoAct {
		v /= 1 + math.Abs(v) // any activation will do
	}
	return v
}

// sum computes one element of a layer, as far as box b sums it up.
func (d *device) sum(layer int, get func(k, n, c, y, x int) float64, at index, b *tensor.Box) float64 {
	l := &d.g.Layers[layer]
	in := d.g.Layers[l.Inputs[0]].Out
	n, c, y, x := at[0], at[1], at[2], at[3]
	v := 0.0
	switch l.Op {
	case OpConv:
		return d.conv(layer, get, at, b)
	case OpMaxPool, OpAvgPool:
		return d.pool(layer, get, at)
	case OpGlobalPool:
		rows, columns := tensor.Span{Hi: 1}, tensor.Span{Hi: 1}
		if d.g.Geometry(layer).Dims.Reduced > 0 { // else of a vector
			rows, columns = b[2], b[3]
		}
		for row := rows.Lo; row < rows.Hi; row++ {
			for col := columns.Lo; col < columns.Hi; col++ {
				v += get(0, n, c, int(row), int(col))
			}
		}
	case OpAdd:
		for k := range l.Inputs {
			v += get(k, n, c, y, x)
		}
	case OpMul:
		v = get(0, n, c, y, x)
		if s := d.g.Layers[l.Inputs[1]].Out; s.H == 1 && s.W == 1 {
			y, x = 0, 0
		}
		v *= get(1, n, c, y, x)
	case OpConcat:
		k := 0
		for c >= d.g.Layers[l.Inputs[k]].Out.C {
			c -= d.g.Layers[l.Inputs[k]].Out.C
			k++
		}
		return get(k, n, c, y, x)
	case OpElementwise:
		return 0.1 + 1.3*get(0, n, c, y, x)
	case OpUpsample:
		return d.upsample(layer, get, at)
	case OpLinear: // of the whole input, which it sums over
		r := [3]tensor.Span{b[2], {Hi: 1}, {Hi: 1}}
		if d.g.Geometry(layer).Dims.Reduced == 3 {
			r[1], r[2] = b[3], b[4]
		}
		for ic := int(r[0].Lo); ic < int(r[0].Hi); ic++ {
			for iy := int(r[1].Lo); iy < int(r[1].Hi); iy++ {
				for ix := int(r[2].Lo); ix < int(r[2].Hi); ix++ {
					v += weight(layer, ((c*in.C+ic)*in.H+iy)*in.W+ix) * get(0, n, ic, iy, ix)
				}
			}
		}
	default: // softmax and opaque: everything depends on everything
		return d.mix(layer, get, at)
	}
	return v
}

func (d *device) conv(layer int, get func(k, n, c, y, x int) float64, at index, b *tensor.Box) float64 {
	l := &d.g.Layers[layer]
	n, c, y, x := at[0], at[1], at[2], at[3]
	in, w := d.g.Layers[l.Inputs[0]].Out, l.Window
	perGroup := in.C / l.Groups
	channels := tensor.Span{Hi: int32(perGroup)}
	if l.Groups == 1 {
		channels = b[4]
	}
	first := c / (l.Out.C / l.Groups) * perGroup
	sum := 0.0
	for ic := int(channels.Lo); ic < int(channels.Hi); ic++ {
		for ky := range w.KH {
			for kx := range w.KW {
				iy, ix := y*w.SH-w.PadTop+ky*w.DH, x*w.SW-w.PadLeft+kx*w.DW
				if iy >= 0 && iy < in.H && ix >= 0 && ix < in.W {
					sum += weight(layer, ((c*perGroup+ic)*w.KH+ky)*w.KW+kx) * get(0, n, first+ic, iy, ix)
				}
			}
		}
	}
	return sum
}

func (d *device) pool(layer int, get func(k, n, c, y, x int) float64, at index) float64 {
	l := &d.g.Layers[layer]
	in, w := d.g.Layers[l.Inputs[0]].Out, l.Window
	most, sum, count := math.Inf(-1), 0.0, 0
	for ky := range w.KH {
		for kx := range w.KW {
			iy, ix := at[2]*w.SH-w.PadTop+ky*w.DH, at[3]*w.SW-w.PadLeft+kx*w.DW
			inside := iy >= 0 && iy < in.H && ix >= 0 && ix < in.W
			if inside {
				v := get(0, at[0], at[1], iy, ix)
				most, sum = math.Max(most, v), sum+v
			}
			if inside || (w.CountPad && iy < in.H+w.PadBottom && ix < in.W+w.PadRight) {
				count++
			}
		}
	}
	switch {
	case count == 0 || (l.Op == OpMaxPool && math.IsInf(most, -1)):
		return 0 // a window that sees padding only
	case l.Op == OpMaxPool:
		return most
	}
	return sum / float64(count)
}

func (d *device) upsample(layer int, get func(k, n, c, y, x int) float64, at index) float64 {
	l := &d.g.Layers[layer]
	in := d.g.Layers[l.Inputs[0]].Out
	n, c, y, x := at[0], at[1], at[2], at[3]
	if !l.Bilinear {
		return get(0, n, c, y/l.Scale, x/l.Scale)
	}
	neighbours := func(at, extent int) (int, int, float64) {
		centre := (float64(at)+0.5)/float64(l.Scale) - 0.5
		low := math.Floor(centre)
		return max(int(low), 0), min(int(low)+1, extent-1), centre - low
	}
	y0, y1, fy := neighbours(y, in.H)
	x0, x1, fx := neighbours(x, in.W)
	return (1-fy)*((1-fx)*get(0, n, c, y0, x0)+fx*get(0, n, c, y0, x1)) +
		fy*((1-fx)*get(0, n, c, y1, x0)+fx*get(0, n, c, y1, x1))
}

// mix makes an output element of all input elements.
func (d *device) mix(layer int, get func(k, n, c, y, x int) float64, at index) float64 {
	l := &d.g.Layers[layer]
	sum, i := 0.0, (at[1]*l.Out.H+at[2])*l.Out.W+at[3]
	for k, p := range l.Inputs {
		s := d.g.Layers[p].Out
		for ic := range s.C {
			for iy := range s.H {
				for ix := range s.W {
					i++
					sum += weight(layer, i) * get(k, at[0], ic, iy, ix)
				}
			}
		}
	}
	return sum
}

// runWhole executes the network unsplit.
func runWhole(g *Graph, batch int) *device {
	d := newDevice(g, batch)
	d.loadInput()
	for i := 1; i < len(g.Layers); i++ {
		d.compute(g.Tensor(i, batch))
	}
	return d
}

// runSlice executes slice s on a fresh device that gets its inputs from the owner, and returns the device and the slice's work.
func runSlice(owner *device, s Slice) (*device, Work, error) {
	work := owner.g.Work(s)
	d := newDevice(owner.g, owner.batch)
	for _, p := range work.Inputs {
		if err := owner.copyTo(d, p); err != nil {
			return nil, work, fmt.Errorf("input: %w", err)
		}
	}
	for _, p := range work.Layers {
		d.compute(p)
	}
	return d, work, nil
}

// takeSlice executes slice s and returns its outputs to the owner.
func takeSlice(owner *device, s Slice) error {
	d, work, err := runSlice(owner, s)
	if err != nil {
		return err
	}
	for _, p := range work.Outputs {
		if err := d.copyTo(owner, p); err != nil {
			return fmt.Errorf("output: %w", err)
		}
	}
	return nil
}
