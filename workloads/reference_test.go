package workloads_test

import (
	"fmt"
	"math"

	. "hidp/workloads"
	"hidp/workloads/tensor"
)

// This file executes graphs, naively, on floats: the oracle for the arithmetic of slices. Values that a device does not hold
// are NaN, so that reading a row that was not delivered or computed cannot go unnoticed.

// values holds one layer's output for a batch: samples × channels × rows × columns. The tensor of a global pool holds one sum
// per input row, the partial sums of which a row split makes a part each; readers see the mean.
type values struct {
	n, c, h, w int
	v          []float64
}

func newTensor(g *Graph, layer, batch int) *values {
	s := g.Layers[layer].Out
	t := &values{n: batch, c: s.C, h: g.Rows(layer), w: s.W}
	t.v = make([]float64, t.n*t.c*t.h*t.w)
	for i := range t.v {
		t.v[i] = math.NaN()
	}
	return t
}

func (t *values) at(n, c, y, x int) *float64 { return &t.v[((n*t.c+c)*t.h+y)*t.w+x] }

// each calls f for every element of part p, of which the tensor is the whole.
func (t *values) each(g *Graph, p Part, f func(n, c, y, x int)) {
	samples, channels, rows := g.Along(p, tensor.Sample), g.Along(p, tensor.Channel), g.Along(p, tensor.Row)
	for n := samples.Lo; n < samples.Hi; n++ {
		for c := channels.Lo; c < channels.Hi; c++ {
			for y := rows.Lo; y < rows.Hi; y++ {
				for x := range t.w {
					f(n, c, y, x)
				}
			}
		}
	}
}

// device executes layers of a graph on the tensors it holds.
type device struct {
	g     *Graph
	batch int
	held  []*values // nil: nothing of it
}

func newDevice(g *Graph, batch int) *device {
	return &device{g, batch, make([]*values, len(g.Layers))}
}

func (d *device) tensor(layer int) *values {
	if d.held[layer] == nil {
		d.held[layer] = newTensor(d.g, layer, d.batch)
	}
	return d.held[layer]
}

// loadInput fills the network's input with pseudo-random values.
func (d *device) loadInput() {
	t := d.tensor(0)
	for i := range t.v {
		t.v[i] = weight(0, i)
	}
}

// weight returns pseudo-random value number i of a layer, in [-1, 1).
func weight(layer, i int) float64 {
	h := uint64(layer+1)*0x9E3779B97F4A7C15 ^ uint64(i+1)*0xD1B54A32D192ED03
	h = (h ^ h>>31) * 0xBF58476D1CE4E5B9
	h = (h ^ h>>29) * 0x94D049BB133111EB
	return float64(h>>11)/(1<<52) - 1
}

// copyTo hands part p of a tensor to another device. It fails where a value is missing here or present there already.
func (d *device) copyTo(to *device, p Part) error {
	src, dst := d.tensor(p.Layer), to.tensor(p.Layer)
	var err error
	src.each(d.g, p, func(n, c, y, x int) {
		from, at := src.at(n, c, y, x), dst.at(n, c, y, x)
		switch {
		case math.IsNaN(*from):
			err = fmt.Errorf("row %d channel %d of layer %d is owned by nobody", y, c, p.Layer)
		case !math.IsNaN(*at):
			err = fmt.Errorf("row %d channel %d of layer %d is owned twice", y, c, p.Layer)
		}
		*at = *from
	})
	return err
}

// compute executes a part of a layer.
func (d *device) compute(p Part) {
	t := d.tensor(p.Layer)
	t.each(d.g, p, func(n, c, y, x int) { *t.at(n, c, y, x) = d.element(p.Layer, n, c, y, x) })
}

// in reads an element of a layer's k-th input.
func (d *device) in(layer, k, n, c, y, x int) float64 {
	p := d.g.Layers[layer].Inputs[k]
	t := d.tensor(p)
	if d.g.Layers[p].Op != OpGlobalPool {
		return *t.at(n, c, y, x)
	}
	sum := 0.0
	for row := range t.h {
		sum += *t.at(n, c, row, 0)
	}
	return sum / float64(t.h*d.g.Layers[d.g.Layers[p].Inputs[0]].Out.W)
}

// element computes one element of a layer's output.
func (d *device) element(layer, n, c, y, x int) float64 {
	l := &d.g.Layers[layer]
	in := d.g.Layers[l.Inputs[0]].Out
	v := 0.0
	switch l.Op {
	case OpConv:
		v = d.conv(layer, n, c, y, x)
	case OpMaxPool, OpAvgPool:
		return d.pool(layer, n, c, y, x)
	case OpGlobalPool:
		for col := range in.W {
			v += d.in(layer, 0, n, c, y, col)
		}
		return v
	case OpAdd:
		for k := range l.Inputs {
			v += d.in(layer, k, n, c, y, x)
		}
	case OpMul:
		v = d.in(layer, 0, n, c, y, x)
		if s := d.g.Layers[l.Inputs[1]].Out; s.H == 1 && s.W == 1 {
			y, x = 0, 0
		}
		v *= d.in(layer, 1, n, c, y, x)
	case OpConcat:
		k := 0
		for c >= d.g.Layers[l.Inputs[k]].Out.C {
			c -= d.g.Layers[l.Inputs[k]].Out.C
			k++
		}
		return d.in(layer, k, n, c, y, x)
	case OpElementwise:
		v = 0.1 + 1.3*d.in(layer, 0, n, c, y, x)
	case OpUpsample:
		return d.upsample(layer, n, c, y, x)
	default: // linear, softmax and opaque: everything depends on everything
		v = d.mix(layer, n, c, y, x)
	}
	if l.Act != NoAct {
		v /= 1 + math.Abs(v) // any activation will do
	}
	return v
}

func (d *device) conv(layer, n, c, y, x int) float64 {
	l := &d.g.Layers[layer]
	in, w := d.g.Layers[l.Inputs[0]].Out, l.Window
	perGroup := in.C / l.Groups
	first := c / (l.Out.C / l.Groups) * perGroup
	sum := weight(layer, -2-c)
	for ic := range perGroup {
		for ky := range w.KH {
			for kx := range w.KW {
				iy, ix := y*w.SH-w.PadTop+ky*w.DH, x*w.SW-w.PadLeft+kx*w.DW
				if iy >= 0 && iy < in.H && ix >= 0 && ix < in.W {
					sum += weight(layer, ((c*perGroup+ic)*w.KH+ky)*w.KW+kx) * d.in(layer, 0, n, first+ic, iy, ix)
				}
			}
		}
	}
	return sum
}

func (d *device) pool(layer, n, c, y, x int) float64 {
	l := &d.g.Layers[layer]
	in, w := d.g.Layers[l.Inputs[0]].Out, l.Window
	most, sum, count := math.Inf(-1), 0.0, 0
	for ky := range w.KH {
		for kx := range w.KW {
			iy, ix := y*w.SH-w.PadTop+ky*w.DH, x*w.SW-w.PadLeft+kx*w.DW
			inside := iy >= 0 && iy < in.H && ix >= 0 && ix < in.W
			if inside {
				v := d.in(layer, 0, n, c, iy, ix)
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

func (d *device) upsample(layer, n, c, y, x int) float64 {
	l := &d.g.Layers[layer]
	in := d.g.Layers[l.Inputs[0]].Out
	if !l.Bilinear {
		return d.in(layer, 0, n, c, y/l.Scale, x/l.Scale)
	}
	neighbours := func(at, extent int) (int, int, float64) {
		centre := (float64(at)+0.5)/float64(l.Scale) - 0.5
		low := math.Floor(centre)
		return max(int(low), 0), min(int(low)+1, extent-1), centre - low
	}
	y0, y1, fy := neighbours(y, in.H)
	x0, x1, fx := neighbours(x, in.W)
	return (1-fy)*((1-fx)*d.in(layer, 0, n, c, y0, x0)+fx*d.in(layer, 0, n, c, y0, x1)) +
		fy*((1-fx)*d.in(layer, 0, n, c, y1, x0)+fx*d.in(layer, 0, n, c, y1, x1))
}

// mix makes an output element of all input elements.
func (d *device) mix(layer, n, c, y, x int) float64 {
	l := &d.g.Layers[layer]
	sum, i := 0.0, (c*l.Out.H+y)*l.Out.W+x
	for k, p := range l.Inputs {
		s := d.g.Layers[p].Out
		for ic := range s.C {
			for iy := range s.H {
				for ix := range s.W {
					i++
					sum += weight(layer, i) * d.in(layer, k, n, ic, iy, ix)
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

// runSlice executes slice s on a fresh device that gets its inputs from, and returns its outputs to, the owner.
func runSlice(owner *device, s Slice) error {
	work := owner.g.Work(s)
	d := newDevice(owner.g, owner.batch)
	for _, p := range work.Inputs {
		if err := owner.copyTo(d, p); err != nil {
			return fmt.Errorf("input: %w", err)
		}
	}
	for _, p := range work.Layers {
		d.compute(p)
	}
	for _, p := range work.Outputs {
		if err := d.copyTo(owner, p); err != nil {
			return fmt.Errorf("output: %w", err)
		}
	}
	return nil
}
