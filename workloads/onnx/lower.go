package onnx

import (
	"slices"

	"hidp/workloads"
)

// inputs returns the arguments that depend on the data.
func (c *call) inputs() []*value {
	var list []*value
	for _, v := range c.args {
		if v != nil && !v.constant {
			list = append(list, v)
		}
	}
	return list
}

// opaque makes a layer that is executed whole of the node; outputs beyond the first are layers that cost nothing more.
func (c *call) opaque(dims shapes, l workloads.Layer) *draft {
	l.Op = workloads.OpOpaque
	in := c.inputs()
	for _, v := range in {
		c.whole(v)
	}
	var firstDraft *draft
	kind := c.kind
	defer func() { c.kind = kind }()
	for i, name := range c.out {
		if name == "" || i >= len(dims) {
			continue
		}
		c.kind = c.kindOf(i)
		v := c.draft(c, l, name, dims[i], in...)
		c.set(i, v)
		if firstDraft == nil {
			firstDraft = c.drafts[v.layer]
			c.learn(firstDraft, false)
		}
		l.MACs, l.FLOPs = 0, 0
	}
	return firstDraft
}

// moves lowers an operator that rearranges data.
func moves(c *call, dims shapes) error {
	if in := c.inputs(); len(c.out) == 1 && len(in) == 1 && in[0] == c.args[0] && slices.Equal(dims[0], in[0].dims) &&
		slices.Contains([]string{"Slice", "Split", "Expand", "Tile"}, c.fn) && c.straight() {
		c.set(0, c.alias(c, in[0], dims[0]))
		return nil
	}
	c.opaque(dims, workloads.Layer{Class: workloads.ClassElementwise})
	return nil
}

// straight reports whether the node, if it is a Slice, keeps the order of the elements.
func (c *call) straight() bool {
	if c.fn != "Slice" {
		return true
	}
	cuts, err := c.cuts()
	return err == nil && !slices.ContainsFunc(cuts, func(k cut) bool { return k.step != 1 })
}

// computes lowers an operator that does something for each element of its output, executed whole.
func computes(c *call, dims shapes) error {
	n, err := product(dims[0])
	c.opaque(dims, workloads.Layer{Class: workloads.ClassElementwise, FLOPs: n})
	return err
}

// lowerReduce lowers the reductions: the mean over rows and columns is a global pool, all else is executed whole.
func lowerReduce(c *call, dims shapes) error {
	v := c.args[0]
	if v.constant {
		return computes(c, dims)
	}
	reduced, err := c.reduced()
	if err != nil {
		return err
	}
	if c.fn == "ReduceMean" && len(v.dims) == 4 && v.dims[0] == 1 && !v.scrambled {
		physical := make([]bool, 4)
		for i, gone := range reduced {
			if v.perm != nil {
				i = v.perm[i]
			}
			physical[i] = gone
		}
		if physical[2] && physical[3] && !physical[1] {
			return c.globalPool(v, dims[0])
		}
	}
	c.opaque(dims, workloads.Layer{Class: workloads.ClassElementwise, FLOPs: v.elements()})
	return nil
}

// globalPool makes the node the average over all rows and columns of v, which is a map or a transposed one.
func (c *call) globalPool(v *value, dims []int64) error {
	if v.perm == nil || v.padded() {
		c.settle(v)
	}
	out := c.draft(c, workloads.Layer{Op: workloads.OpGlobalPool}, c.out[0], dims, v)
	d := c.drafts[out.layer]
	d.Out = workloads.Shape{C: c.drafts[v.layer].Out.C, H: 1, W: 1}
	c.set(0, out)
	return nil
}

// lowerDropout lowers Dropout: to nothing, unless somebody wants to know what it dropped.
func lowerDropout(c *call, dims shapes) error {
	if c.used(1) {
		return computes(c, dims)
	}
	return renames(c, dims)
}

// renames lowers operators that give the same data another name or other dimensions.
func renames(c *call, dims shapes) error {
	v := c.args[0]
	if v.constant {
		return computes(c, dims)
	}
	if slices.Equal(v.dims, dims[0]) {
		c.set(0, c.alias(c, v, dims[0]))
		return nil
	}
	c.whole(v)
	a := c.alias(c, v, dims[0])
	a.scrambled = v.scrambled || v.perm != nil
	a.perm = nil
	c.set(0, a)
	return nil
}

// lowerTranspose sees through a transposition if the importer can go on with a map whose axes have changed places.
func lowerTranspose(c *call, dims shapes) error {
	v := c.args[0]
	perm, err := c.permutation()
	if err != nil {
		return err
	}
	switch {
	case inOrder(perm, v.dims):
		return renames(c, dims)
	case v.scrambled || len(perm) != 4 || v.padded() || v.perm == nil && (v.dims[0] != 1 || !c.plain(v)):
		return moves(c, dims)
	}
	a := c.alias(c, v, dims[0])
	a.perm = make([]int, 4)
	for i, p := range perm {
		a.perm[i] = p
		if v.perm != nil {
			a.perm[i] = v.perm[p]
		}
	}
	if s := c.drafts[v.layer].Out; inOrder(a.perm, []int64{1, int64(s.C), int64(s.H), int64(s.W)}) {
		a.perm = nil
	}
	c.set(0, a)
	return nil
}

// inOrder reports whether a permutation leaves all elements where they are: it only moves axes of extent 1.
func inOrder(perm []int, dims []int64) bool {
	last := -1
	for _, p := range perm {
		if dims[p] == 1 {
			continue
		}
		if p < last {
			return false
		}
		last = p
	}
	return true
}

// lowerPad remembers a padding with zeros of rows and columns, for a convolution or pooling to have it in its window.
func lowerPad(c *call, dims shapes) error {
	v := c.args[0]
	pads, err := c.paddings()
	if err != nil {
		return err
	}
	if v.constant || len(v.dims) != 4 || v.padded() || !c.plain(v) || !c.zeros() || pads[0] != 0 || pads[1] != 0 || pads[4] != 0 || pads[5] != 0 ||
		slices.Min(pads) < 0 || slices.Max(pads) > 1<<14 {
		return moves(c, dims)
	}
	a := c.alias(c, v, dims[0])
	a.pad = [4]int64{pads[2], pads[3], pads[6], pads[7]}
	c.set(0, a)
	return nil
}

// zeros reports whether a Pad fills with zeros.
func (c *call) zeros() bool {
	if a, ok := c.attr("value"); ok && a.F != 0 {
		return false
	}
	if c.has(2) && !(c.args[2].known && len(c.args[2].list) == 1 && c.args[2].list[0] == 0) {
		return false
	}
	return c.text("mode", "constant") == "constant"
}

// lowerConcat makes a concatenation along channels a layer of its own kind; others are executed whole.
func lowerConcat(c *call, dims shapes) error {
	in := c.inputs()
	if len(c.args) == 1 {
		return renames(c, dims)
	}
	k, err := axis(c.int("axis", 1), len(dims[0]))
	if err != nil {
		return err
	}
	if len(in) < len(c.args) || !c.alongChannels(in, k) {
		c.opaque(dims, workloads.Layer{Class: workloads.ClassElementwise})
		return nil
	}
	out := c.draft(c, workloads.Layer{Op: workloads.OpConcat}, c.out[0], dims[0], in...)
	d := c.drafts[out.layer]
	d.Out = c.drafts[in[0].layer].Out
	d.Out.C = 0
	for _, v := range in {
		d.Out.C += c.drafts[v.layer].Out.C
	}
	out.perm = in[0].perm
	c.set(0, out)
	return nil
}

// alongChannels reports whether axis k of all inputs is the channel axis of their layers, and makes them fit if it is the
// channel axis of maps that are views.
func (c *call) alongChannels(in []*value, k int) bool {
	perm := in[0].perm
	dims := in[0].dims
	if len(dims) != 4 || dims[0] != 1 { // vectors: only size-1 dimensions may come before the axis
		for _, v := range in {
			if !c.plain(v) || slices.ContainsFunc(v.dims[:k], func(d int64) bool { return d != 1 }) {
				return false
			}
		}
		return true
	}
	alike := true
	for _, v := range in {
		alike = alike && slices.Equal(v.perm, perm) && !v.scrambled && !v.padded() && (perm != nil || c.plain(v))
	}
	if alike && perm != nil {
		return perm[k] == 1
	}
	if k != 1 {
		return false
	}
	for _, v := range in {
		c.settle(v)
	}
	return true
}
