package onnx

import (
	"slices"

	"hidp/workloads"
)

// value is a tensor during the import. Its dimensions are known; its values are only for small constants.
//
// A value that depends on the data is a view of what a draft of a layer produces: the same, with other dimensions, transposed
// (perm: axis i of the value is axis perm[i] of the layer's 1×C×H×W), both after each other (scrambled: element-wise operators
// do not mind, others read it whole), or zero-padded.
type value struct {
	name string
	dims []int64
	kind DataType

	constant bool
	known    bool      // the values of the constant are in list
	list     []float64 // integers are exact up to 2^53; beyond, they mean "to the end"
	origins  []*Tensor // what the constant was computed from

	layer     int // index into importer.drafts
	perm      []int
	scrambled bool
	pad       [4]int64 // top, left, bottom, right
	sole      bool     // nothing but the value's one reader sees the layer's tensor: it may become part of the layer
	via       []int    // indices of the nodes between the layer's tensor and this value
}

// elements returns the number of elements.
func (v *value) elements() int64 {
	n := int64(1)
	for _, d := range v.dims {
		n *= d
	}
	return n
}

// shape folds dims to what package workloads calls a shape: C×H×W of four dimensions with batch 1, else a vector.
func shape(dims []int64) workloads.Shape {
	if len(dims) == 4 && dims[0] == 1 {
		return workloads.Shape{C: int(dims[1]), H: int(dims[2]), W: int(dims[3])}
	}
	n := int64(1)
	for _, d := range dims {
		n *= d
	}
	return workloads.Shape{C: int(n), H: 1, W: 1}
}

// draft is a layer in the making.
type draft struct {
	workloads.Layer
	tensor  string // name of the tensor it produces
	nodes   []int  // indices of the nodes it does the work of
	weights []*Tensor
	maybe   []*Tensor // learnt if what follows is; else part of a formula that treats the answer
	affine  bool      // a per-channel factor has been absorbed, its offset has not
	norm    bool      // an opaque normalisation: may absorb factor and offset
}

// draft adds a draft for call c with the output dims of node n and returns the value it produces.
func (im *importer) draft(c *call, l workloads.Layer, name string, dims []int64, from ...*value) *value {
	l.Name = c.node.ID
	if len(c.out) > 1 {
		l.Name = name
	}
	l.Out = shape(dims)
	l.ElemBytes = c.kind.Bytes()
	return im.add(l, name, dims, c.kind, c.ids, from...)
}

// add appends a draft that reads from.
func (im *importer) add(l workloads.Layer, name string, dims []int64, kind DataType, ids []int, from ...*value) *value {
	d := &draft{Layer: l, tensor: name}
	for _, v := range from {
		d.Inputs = append(d.Inputs, v.layer)
		d.nodes = append(d.nodes, v.via...)
	}
	d.nodes = append(d.nodes, ids...)
	im.drafts = append(im.drafts, d)
	return &value{name: name, dims: dims, kind: kind, layer: len(im.drafts) - 1, sole: im.uses[name] == 1}
}

// plain reports whether v is its layer's tensor, element for element, in the shape that its dimensions fold to.
func (im *importer) plain(v *value) bool {
	return v.perm == nil && !v.scrambled && !v.padded() && shape(v.dims) == im.drafts[v.layer].Out
}

func (v *value) padded() bool { return v.pad != [4]int64{} }

// settle makes v plain, by a layer that moves data if need be.
func (im *importer) settle(v *value) {
	if !im.plain(v) {
		im.move(v)
	}
}

// whole makes v readable by a layer that reads all of it in whatever arrangement.
func (im *importer) whole(v *value) {
	if v.padded() {
		im.move(v)
	}
}

// move puts a layer that does nothing but rearrange data between v and the layer it is a view of.
func (im *importer) move(v *value) {
	l := workloads.Layer{Name: v.name, Op: workloads.OpOpaque, Out: shape(v.dims), Class: workloads.ClassElementwise,
		ElemBytes: v.kind.Bytes()}
	im.moved[v.name] = append(im.moved[v.name], *v)
	moved := im.add(l, v.name, v.dims, v.kind, nil, v)
	moved.sole = v.sole
	*v = *moved
}

// maxVia bounds how many nodes a view may look through.
const maxVia = 64

// alias returns v under another name and with other dimensions, as node c makes it.
func (im *importer) alias(c *call, v *value, dims []int64) *value {
	name := c.out[0]
	if len(v.via) > maxVia {
		im.move(v)
	}
	a := *v
	a.name, a.dims = name, dims
	a.sole = v.sole && im.uses[name] == 1
	a.via = append(slices.Clip(v.via), c.ids...)
	return &a
}

// absorber returns the draft that a reader of v may become part of, or nil.
func (im *importer) absorber(v *value) *draft {
	if !v.sole || v.padded() || v.layer == 0 {
		return nil
	}
	d := im.drafts[v.layer]
	if d.Out.H > 1 && d.Op != workloads.OpOpaque && (v.scrambled || v.perm == nil && !im.plain(v)) {
		return nil // a part of the layer could not be computed any more
	}
	return d
}

// absorb makes node c part of draft d, which produces v, and returns the new value.
func (im *importer) absorb(c *call, d *draft, v *value) *value {
	a := im.alias(c, v, v.dims)
	d.nodes = append(d.nodes, a.via...)
	a.via = nil
	d.tensor = c.out[0]
	return a
}
