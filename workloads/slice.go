package workloads

import (
	"fmt"
	"slices"

	"hidp/workloads/tensor"
)

// Range is a half-open interval [Lo, Hi) along one axis: a tensor.Span for those who count with int.
type Range struct{ Lo, Hi int }

// Len returns Hi-Lo, or 0 for an empty range.
func (r Range) Len() int { return max(0, r.Hi-r.Lo) }

// Empty reports whether the range holds nothing.
func (r Range) Empty() bool { return r.Hi <= r.Lo }

// Span returns the range as a span of a box.
func (r Range) Span() tensor.Span { return tensor.Span{Lo: int32(r.Lo), Hi: int32(r.Hi)} }

// normal returns the range, or the zero one if it is empty.
func (r Range) normal() Range {
	if r.Empty() {
		return Range{}
	}
	return r
}

// Union returns the smallest range that covers both (empty ranges count for nothing).
func (r Range) Union(o Range) Range {
	if r.Empty() {
		return o
	}
	if o.Empty() {
		return r
	}
	return Range{min(r.Lo, o.Lo), max(r.Hi, o.Hi)}
}

// Intersect returns the common part.
func (r Range) Intersect(o Range) Range {
	return Range{max(r.Lo, o.Lo), min(r.Hi, o.Hi)}.normal()
}

// Contains reports whether o lies inside r; an empty o always does.
func (r Range) Contains(o Range) bool { return o.Empty() || (r.Lo <= o.Lo && o.Hi <= r.Hi) }

// String prints the range as [Lo,Hi).
func (r Range) String() string { return fmt.Sprintf("[%d,%d)", r.Lo, r.Hi) }

// Halo says how the rows that a strip needs beyond its own are come by.
type Halo uint8

// The halo treatments that a slice can have. An exchange of halo rows is not one of them: it is a plan whose slices are single
// layers with sends between them.
const (
	HaloRecompute Halo = iota // inner layers compute the extra rows: exact
	HaloIgnore                // every layer computes its proportional rows only and pools over these: inexact, not the network's answer
)

// Slice is the unit of partitioned work: layers [From, To) and the box of the last layer's domain that is wanted. A box that is not
// full along an axis that the layer sums over yields partial sums: a global pool over some rows yields the sums of these rows, and
// whoever holds sums that cover all rows holds the pool's output.
//
// Tensors of inner layers that layers at or after To read are outputs of the slice as well, for the same share of their rows
// (see Outputs).
type Slice struct {
	From, To int
	Out      tensor.Box
	Halo     Halo
}

// Last returns what the slice makes of its last layer.
func (s Slice) Last() Part { return Part{s.To - 1, s.Out} }

// Samples returns the inputs of the batch that the slice is of. They are the first axis of every domain.
func (s Slice) Samples() Range { return Range{int(s.Out[0].Lo), int(s.Out[0].Hi)} }

// Part is a box of one layer's domain: a part of its tensor, or of the sums that make it up.
type Part struct {
	Layer int
	Box   tensor.Box
}

// Work is what a slice makes a device do, from back-propagating its box through its layers.
type Work struct {
	Layers  []Part // every layer computed, ascending, with the box computed (halo included)
	Inputs  []Part // tensors from outside the slice and the boxes needed, ascending by layer
	Outputs []Part // tensors that leave the slice, ascending by layer; the last is Slice.Last
}

// Along returns the range of a part along the axis called name: [0,1) if its layer has no such axis, the zero range if it is empty.
func (g *Graph) Along(p Part, name tensor.Axis) Range {
	s := g.geometry[p.Layer].Dims.Along(&p.Box, name)
	return Range{int(s.Lo), int(s.Hi)}.normal()
}

// Restrict returns the part with range r of the axis called name. A layer without the axis has one element along it: what is left of
// its part is all or nothing.
func (g *Graph) Restrict(p Part, name tensor.Axis, r Range) Part {
	if a := g.geometry[p.Layer].Dims.Find(name); a >= 0 {
		p.Box[a] = r.Span()
	} else if r != (Range{0, 1}) {
		p.Box = tensor.Box{}
	}
	return p
}

// Strip returns slice s of whose output only range r of the axis called name is wanted.
func (g *Graph) Strip(s Slice, name tensor.Axis, r Range) Slice {
	s.Out = g.Restrict(s.Last(), name, r).Box
	return s
}

// Bytes returns the size of a part. A partial sum has the bytes of the tensor, whatever it sums.
func (g *Graph) Bytes(p Part) int64 {
	return g.geometry[p.Layer].Dims.Elements(&p.Box) * int64(g.Layers[p.Layer].ElemBytes)
}

// Weights returns the bytes of the parameters that a layer reads to compute part p.
func (g *Graph) Weights(p Part) int64 {
	if p.Box.Empty() {
		return 0
	}
	x := &g.geometry[p.Layer]
	bytes := g.Layers[p.Layer].WeightBytes
	for a, size := range x.Dims.Size {
		if n := p.Box[a].Len(); x.Weights[a] && n != int(size) {
			bytes = bytes * int64(n) / int64(size)
		}
	}
	return bytes
}

// Needs returns the part of its k-th input that a layer needs to compute part p, exactly.
func (g *Graph) Needs(p Part, k int) Part {
	a := &g.geometry[p.Layer].Inputs[k]
	return Part{int(a.In), a.Needs(&p.Box)}
}

// Describe says which part p is, for people: its samples, and its ranges of all axes that it has not whole.
func (g *Graph) Describe(p Part) string { return g.geometry[p.Layer].Dims.Describe(&p.Box) }

// Work back-propagates slice s through its layers. It panics if the layer range is not one of the graph's (Check reports that
// as an error for slices that come from outside).
func (g *Graph) Work(s Slice) Work {
	if s.From < 1 || s.To <= s.From || s.To > len(g.Layers) {
		panic(fmt.Sprintf("workloads: slice of layers [%d,%d) of a graph of %d", s.From, s.To, len(g.Layers)))
	}
	low := s.From - 1 // the lowest tensor read: what lies below needs no room
	for i := s.From; i < s.To; i++ {
		for _, in := range g.Layers[i].Inputs {
			low = min(low, in)
		}
	}
	need := make([]Part, s.To-low)
	for i := range need {
		need[i].Layer = low + i
	}
	outputs := g.Outputs(s)
	for k := range outputs {
		need[outputs[k].Layer-low].Box = outputs[k].Box
	}
	for i := s.To - 1; i >= s.From; i-- {
		out := &need[i-low].Box
		if out.Empty() {
			continue
		}
		inputs := g.geometry[i].Inputs
		for k := range inputs {
			in := int(inputs[k].In)
			r := inputs[k].Needs(out)
			if s.Halo == HaloIgnore {
				g.forgo(&r, &s, in)
			}
			need[in-low].Box.Cover(&r)
		}
	}
	return Work{Inputs: needed(need[:s.From-low]), Layers: needed(need[s.From-low:]), Outputs: outputs}
}

// needed drops the parts that hold nothing, in place.
func needed(parts []Part) []Part {
	return slices.Clip(slices.DeleteFunc(parts, func(p Part) bool { return p.Box.Empty() }))
}

// rows returns the share of layer i's rows that the slice has of its last layer's rows.
func (s *Slice) rows(g *Graph, i int) tensor.Span {
	d, last := &g.geometry[i].Dims, &g.geometry[s.To-1].Dims
	return tensor.Scaled(last.Along(&s.Out, tensor.Row), last.Extent(tensor.Row), d.Extent(tensor.Row))
}

// forgo replaces the rows of a need of layer i's tensor by the share of them that slice s has of its last layer's rows: at least
// one, so that a device that ignores halos still has something to compute on where maps have fewer rows than there are strips.
func (g *Graph) forgo(need *tensor.Box, s *Slice, i int) {
	at := g.geometry[i].Dims.Find(tensor.Row)
	if at < 0 {
		return
	}
	if need[at] = s.rows(g, i); need[at].Empty() && !s.Out.Empty() {
		need[at].Hi = need[at].Lo + 1
	}
}

// exit returns the box of layer i's domain that slice s hands on; empty if none.
func (g *Graph) exit(s *Slice, i int) tensor.Box {
	x := &g.geometry[i]
	switch {
	case i == s.To-1:
		return s.Out
	case int(x.lastUse) < s.To:
		return tensor.Box{}
	}
	rows := s.rows(g, i)
	if rows.Empty() { // of a tensor with fewer rows than there are strips: another strip hands it on
		return tensor.Box{}
	}
	b := x.Dims.Full(1)
	b[0] = s.Out[0]
	if at := x.Dims.Find(tensor.Row); at >= 0 {
		b[at] = rows
	}
	return b
}

// Whole reports whether layer i must be executed whole on rows: any output row depends on all input rows (and there are no
// partial sums to merge).
func (g *Graph) Whole(i int) bool { return g.Layers[i].whole() }

// Check reports why s is not a slice of the graph for a batch of b, or nil.
func (g *Graph) Check(s Slice, b int) error {
	if s.From < 1 || s.To <= s.From || s.To > len(g.Layers) {
		return fmt.Errorf("layers [%d,%d) are not in the graph's 1..%d", s.From, s.To, len(g.Layers))
	}
	last, full := s.Last(), Part{s.To - 1, g.Full(s.To-1, b)}
	name := g.Layers[last.Layer].Name
	if s.Out.Empty() || !full.Box.Contains(&s.Out) {
		return fmt.Errorf("%s is empty or outside the output of layer %d (%s): %s", g.Describe(last), last.Layer, name, g.Describe(full))
	}
	if err := g.Splits(last); err != nil {
		return err
	}
	whole := func(a tensor.Axis) bool { return g.Along(last, a) == g.Along(full, a) }
	if !whole(tensor.Channel) {
		op := g.Layers[last.Layer].Op
		if s.To != s.From+1 || (op != OpConv && op != OpLinear) || !whole(tensor.Row) {
			return fmt.Errorf("only a single convolution or fully connected layer, over all its rows, can be split by channels")
		}
	}
	if whole(tensor.Row) {
		return nil
	}
	rows := g.Line(tensor.Row).layers
	for i := s.From; i < s.To; i++ {
		if rows[i].whole {
			return fmt.Errorf("layer %d (%s) cannot be split by rows", i, g.Layers[i].Name)
		}
		if i < last.Layer && rows[i].sums && s.Halo != HaloIgnore {
			return fmt.Errorf("layer %d (%s) pools over all rows: a row split must end there and go on after its partial sums are merged",
				i, g.Layers[i].Name)
		}
	}
	return nil
}

// Splits reports why nothing can be split as part p is, or nil: tensors are split by samples, channels and rows, and sums by rows.
func (g *Graph) Splits(p Part) error {
	d := &g.geometry[p.Layer].Dims
	for a := range d.Axes() {
		switch d.Axis[a] {
		case tensor.Sample, tensor.Channel, tensor.Row:
			continue
		}
		if p.Box[a] != (tensor.Span{Hi: d.Size[a]}) {
			return fmt.Errorf("layer %d (%s) cannot be split along its axis %s", p.Layer, g.Layers[p.Layer].Name, d.Axis[a])
		}
	}
	return nil
}

// Outputs returns the parts of tensors that slice s hands on: Work(s).Outputs, without the back-propagation.
func (g *Graph) Outputs(s Slice) []Part {
	var out []Part
	for i := s.From; i < s.To; i++ {
		if b := g.exit(&s, i); !b.Empty() {
			out = append(out, Part{i, b})
		}
	}
	return out
}
