package workloads

import (
	"sync"

	"hidp/workloads/tensor"
)

// Geometry is what the arithmetic of boxes knows of a layer: the axes of its domain and what it reads of each input. Graph derives
// it from the layer's operator, once.
type Geometry struct {
	Dims    tensor.Dims
	Inputs  []tensor.Access      // in the order of Layer.Inputs
	Merge   tensor.MergeKind     // how partial results are joined
	Weights [tensor.MaxAxes]bool // the axes that index the layer's weights: a box reads the weights of its spans of them

	lastUse int32 // the last layer that reads the tensor; the number of layers for the output, which the user reads
}

// Geometry returns the geometry of layer i. It is shared: do not modify it.
func (g *Graph) Geometry(i int) *Geometry { return &g.geometry[i] }

// Positions of the axes of images. All layers begin with sample and channel; vectors that a sum leaves have no rows and columns.
const (
	channelAxis = 1
	imageRank   = 4
)

// deriveGeometry fills the geometry of all layers.
func (g *Graph) deriveGeometry() {
	g.geometry = make([]Geometry, len(g.Layers))
	g.lines = &lines{}
	edges := 0
	for i := range g.Layers {
		edges += len(g.Layers[i].Inputs)
	}
	accesses := make([]tensor.Access, edges)
	for i := range g.Layers {
		x := &g.geometry[i]
		x.lastUse = int32(len(g.Layers))
		if c := g.consumers[i]; len(c) > 0 {
			x.lastUse = int32(c[len(c)-1])
		}
		g.domain(i, x)
		n := len(g.Layers[i].Inputs)
		x.Inputs, accesses = accesses[:n:n], accesses[n:]
		off := 0
		for k, in := range g.Layers[i].Inputs {
			g.access(i, k, off)
			off += g.Layers[in].Out.C
		}
	}
}

// product reports whether layer l is a matrix product of its whole input, which sums over all axes of the input but the samples.
func (l *Layer) product() bool { return l.Op == OpLinear && l.Out.H*l.Out.W == 1 }

// domain derives the axes of layer i.
func (g *Graph) domain(i int, x *Geometry) {
	l := &g.Layers[i]
	d := tensor.NewDims().Tensor(tensor.Channel, l.Out.C)
	switch {
	case l.product():
		in := &g.geometry[l.Inputs[0]].Dims
		names := map[tensor.Axis]tensor.Axis{tensor.Channel: tensor.InChannel, tensor.Row: tensor.InRow, tensor.Column: tensor.InColumn}
		for a := channelAxis; a < in.Rank; a++ {
			d = d.Sum(names[in.Axis[a]], int(in.Size[a]))
		}
	case l.Op == OpGlobalPool:
		in := &g.geometry[l.Inputs[0]].Dims
		for a := channelAxis + 1; a < in.Rank; a++ {
			d = d.Sum(in.Axis[a], int(in.Size[a]))
		}
	default:
		d = d.Tensor(tensor.Row, l.Out.H).Tensor(tensor.Column, l.Out.W)
		if l.Op == OpConv && l.Groups == 1 { // the input channels of a group are no range that all output channels share
			d = d.Sum(tensor.InChannel, g.Layers[l.Inputs[0]].Out.C)
		}
	}
	if x.Dims = d; d.Reduced > 0 {
		x.Merge = tensor.MergeSum
	}
	x.Weights[channelAxis] = l.WeightBytes > 0 && !l.whole() || l.product()
	for a := d.Rank; a < d.Axes(); a++ {
		x.Weights[a] = l.Op != OpGlobalPool
	}
}

// access derives what layer i reads of its k-th input, before which the other inputs have off channels.
func (g *Graph) access(i, k, off int) {
	l, x := &g.Layers[i], &g.geometry[i]
	in := l.Inputs[k]
	d := &g.geometry[in].Dims
	a := &x.Inputs[k]
	a.In, a.Axes = int32(in), int32(d.Axes())
	for p := range d.Axes() {
		size := d.Size[p]
		switch {
		case p >= d.Rank: // a reader never gets a partial result
			a.Maps[p] = tensor.Whole(size)
		case p == 0:
			a.Maps[p] = tensor.Same(0, size)
		case l.product():
			a.Maps[p] = tensor.Same(x.Dims.Rank+p-1, size)
		case l.whole():
			a.Maps[p] = tensor.Whole(size)
		case p == channelAxis:
			a.Maps[p] = l.channelMap(off, size)
		default:
			a.Maps[p] = l.extentMap(d.Axis[p], &x.Dims, size)
		}
	}
	a.Bounding = l.Op == OpConv && l.Groups > 1 && l.Groups < l.Out.C
}

// channelMap maps the layer's channels to those of an input of the given size.
func (l *Layer) channelMap(off int, size int32) tensor.Map {
	switch {
	case l.Op == OpConv && l.Groups == 1:
		return tensor.Same(imageRank, size) // the reduced axis
	case l.Op == OpConv:
		return tensor.Blocks(channelAxis, l.Out.C/l.Groups, int(size)/l.Groups, size)
	case l.Op == OpConcat:
		return tensor.Offset(channelAxis, off, size)
	}
	return tensor.Same(channelAxis, size)
}

// extentMap maps the layer's axis called name, rows or columns, to that of an input of the given size.
func (l *Layer) extentMap(name tensor.Axis, d *tensor.Dims, size int32) tensor.Map {
	of, w := d.Find(name), l.Window
	if of < 0 {
		return tensor.Whole(size)
	}
	m, full := tensor.Same(of, size), size == d.Size[of]
	switch l.Op {
	case OpConv, OpMaxPool, OpAvgPool:
		full = true
		m = tensor.Window(of, w.KH, w.SH, w.DH, w.PadTop, size)
		if name == tensor.Column {
			m = tensor.Window(of, w.KW, w.SW, w.DW, w.PadLeft, size)
		}
	case OpUpsample:
		full = int64(size)*int64(l.Scale) == int64(d.Size[of])
		m = tensor.Nearest(of, l.Scale, size)
		if l.Bilinear {
			m = tensor.Bilinear(of, l.Scale, size)
		}
	}
	if !full { // broadcast
		return tensor.Whole(size)
	}
	m.Keep, m.OfSize = name == tensor.Column, d.Size[of]
	return m
}

// whole reports whether every element of the output depends on the whole input.
func (l *Layer) whole() bool {
	switch l.Op {
	case OpLinear, OpSoftmax, OpOpaque, OpConvTranspose:
		return true
	}
	return false
}

// lines are the graph along each axis, made when first asked for.
type lines struct {
	once [tensor.NumAxes]sync.Once
	line [tensor.NumAxes]*Line
}

// Line returns the graph along the axis called name. It is shared and immutable.
func (g *Graph) Line(name tensor.Axis) *Line {
	g.lines.once[name].Do(func() { g.lines.line[name] = g.newLine(name) })
	return g.lines.line[name]
}
