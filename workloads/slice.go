package workloads

import (
	"fmt"
	"slices"

	"hidp/workloads/tensor"
)

// Range is a half-open interval [Lo, Hi) of rows, samples or channels.
type Range struct{ Lo, Hi int }

// Len returns Hi-Lo, or 0 for an empty range.
func (r Range) Len() int { return max(0, r.Hi-r.Lo) }

// Empty reports whether the range holds nothing.
func (r Range) Empty() bool { return r.Hi <= r.Lo }

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

// Region is a box of a batch's tensor: samples × channels × rows (columns are never split).
type Region struct{ Samples, Rows, Channels Range }

// Elements returns samples·rows·channels; times the width it is the number of elements.
func (r Region) Elements() int64 {
	return int64(r.Samples.Len()) * int64(r.Rows.Len()) * int64(r.Channels.Len())
}

// Empty reports whether the region holds nothing.
func (r Region) Empty() bool { return r.Samples.Empty() || r.Rows.Empty() || r.Channels.Empty() }

// Intersect returns the common box.
func (r Region) Intersect(o Region) Region {
	return Region{r.Samples.Intersect(o.Samples), r.Rows.Intersect(o.Rows), r.Channels.Intersect(o.Channels)}
}

// Contains reports whether o lies inside r.
func (r Region) Contains(o Region) bool {
	return o.Empty() || (r.Samples.Contains(o.Samples) && r.Rows.Contains(o.Rows) && r.Channels.Contains(o.Channels))
}

// Halo says how the rows that a strip needs beyond its own are come by.
type Halo uint8

// The halo treatments that a slice can have. An exchange of halo rows is not one of them: it is a plan whose slices are single
// layers with sends between them.
const (
	HaloRecompute Halo = iota // inner layers compute the extra rows: exact
	HaloIgnore                // every layer computes its proportional rows only and pools over these: inexact, not the network's answer
)

// Slice is the unit of partitioned work: layers [From, To) and the part of the last layer's output that is wanted. A slice of a
// global pool over rows yields the partial sums of these input rows; whoever holds partial sums that cover all rows holds the
// pool's output.
//
// Tensors of inner layers that layers at or after To read are outputs of the slice as well, for the same share of their rows
// (see Exits).
type Slice struct {
	From, To int
	Region   Region
	Halo     Halo
}

// Part is a region of one layer's tensor.
type Part struct {
	Layer  int
	Region Region
}

// Work is what a slice makes a device do, from back-propagating its rows through its layers.
type Work struct {
	Layers  []Part // every layer computed, ascending, with the region computed (halo rows included)
	Inputs  []Part // tensors from outside the slice and the regions needed, ascending by layer
	Outputs []Part // tensors that leave the slice, ascending by layer; the last is (To-1, Region)
}

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
	last := g.box(s.To-1, s.Region)
	need := make([]tensor.Box, s.To-low)
	for i := s.From; i < s.To; i++ {
		need[i-low] = g.exit(&s, &last, i)
	}
	for i := s.To - 1; i >= s.From; i-- {
		out := &need[i-low]
		if out.Empty() {
			continue
		}
		inputs := g.geometry[i].Inputs
		for k := range inputs {
			in := int(inputs[k].In)
			r := inputs[k].Needs(out)
			if s.Halo == HaloIgnore {
				g.forgo(&r, &s, &last, in)
			}
			need[in-low].Cover(&r)
		}
	}
	return Work{Inputs: g.parts(low, need[:s.From-low]), Layers: g.parts(s.From, need[s.From-low:]), Outputs: g.Outputs(s)}
}

// parts returns the parts of layer from and those after it whose boxes are not empty.
func (g *Graph) parts(from int, boxes []tensor.Box) []Part {
	parts := make([]Part, 0, len(boxes))
	for i := range boxes {
		if !boxes[i].Empty() {
			parts = append(parts, Part{from + i, g.region(from+i, &boxes[i])})
		}
	}
	return slices.Clip(parts)
}

// box returns the box of layer i's domain that a region is.
func (g *Graph) box(i int, r Region) tensor.Box {
	d := &g.geometry[i].Dims
	b := d.Full(r.Samples.Hi)
	b[0].Lo, b[channelAxis] = int32(r.Samples.Lo), r.Channels.span()
	if a := d.Find(tensor.Row); a >= 0 {
		b[a] = r.Rows.span()
	} else if r.Rows != (Range{0, 1}) {
		return tensor.Box{}
	}
	return b
}

// region returns the region that a box of layer i's domain is.
func (g *Graph) region(i int, b *tensor.Box) Region {
	rows := g.geometry[i].Dims.Along(b, tensor.Row)
	of := func(s tensor.Span) Range { return Range{int(s.Lo), int(s.Hi)} }
	return Region{of(b[0]), of(rows), of(b[channelAxis])}
}

func (r Range) span() tensor.Span { return tensor.Span{Lo: int32(r.Lo), Hi: int32(r.Hi)} }

// rows returns the same share of layer i's rows as box last of layer from's domain has of that layer's rows.
func (g *Graph) rows(last *tensor.Box, from, i int) tensor.Span {
	d, of := &g.geometry[i].Dims, &g.geometry[from].Dims
	return tensor.Scaled(of.Along(last, tensor.Row), of.Extent(tensor.Row), d.Extent(tensor.Row))
}

// forgo replaces the rows of a need of layer i's tensor by the share of them that slice s has of its last layer's rows: at least
// one, so that a device that ignores halos still has something to compute on where maps have fewer rows than there are strips.
func (g *Graph) forgo(need *tensor.Box, s *Slice, last *tensor.Box, i int) {
	at := g.geometry[i].Dims.Find(tensor.Row)
	if at < 0 {
		return
	}
	if need[at] = g.rows(last, s.To-1, i); need[at].Empty() && !last.Empty() {
		need[at].Hi = need[at].Lo + 1
	}
}

// exit returns the box of layer i's domain that slice s, which makes box last of its last layer, hands on; empty if none.
func (g *Graph) exit(s *Slice, last *tensor.Box, i int) tensor.Box {
	x := &g.geometry[i]
	switch {
	case i == s.To-1:
		return *last
	case int(x.lastUse) < s.To:
		return tensor.Box{}
	}
	b := x.Dims.Full(1)
	b[0] = last[0]
	rows := g.rows(last, s.To-1, i)
	if rows.Empty() { // of a tensor with fewer rows than there are strips: another strip hands it on
		return tensor.Box{}
	}
	if at := x.Dims.Find(tensor.Row); at >= 0 {
		b[at] = rows
	}
	return b
}

// InputRegion returns the region of the k-th input of layer i that its output region out needs, exactly.
func (g *Graph) InputRegion(i, k int, out Region) Region {
	b := g.box(i, out)
	a := &g.geometry[i].Inputs[k]
	need := a.Needs(&b)
	r := g.region(int(a.In), &need)
	return Region{r.Samples.normal(), r.Rows.normal(), r.Channels.normal()}
}

// Whole reports whether layer i must be executed whole on rows: any output row depends on all input rows (and there are no
// partial sums to merge).
func (g *Graph) Whole(i int) bool { return g.Layers[i].whole() }

// Check reports why s is not a slice of the graph for a batch of b, or nil.
func (g *Graph) Check(s Slice, b int) error {
	if s.From < 1 || s.To <= s.From || s.To > len(g.Layers) {
		return fmt.Errorf("layers [%d,%d) are not in the graph's 1..%d", s.From, s.To, len(g.Layers))
	}
	last := s.To - 1
	full := g.Full(last, b)
	if s.Region.Empty() || !full.Contains(s.Region) {
		return fmt.Errorf("region samples %v rows %v channels %v is empty or outside the output of layer %d (%s): %v %v %v",
			s.Region.Samples, s.Region.Rows, s.Region.Channels, last, g.Layers[last].Name, full.Samples, full.Rows, full.Channels)
	}
	if s.Region.Channels != full.Channels {
		op := g.Layers[last].Op
		if s.To != s.From+1 || (op != OpConv && op != OpLinear) || s.Region.Rows != full.Rows {
			return fmt.Errorf("only a single convolution or fully connected layer, over all its rows, can be split by channels")
		}
	}
	if s.Region.Rows != full.Rows {
		rows := g.Line(tensor.Row).layers
		for i := s.From; i < s.To; i++ {
			if rows[i].whole {
				return fmt.Errorf("layer %d (%s) cannot be split by rows", i, g.Layers[i].Name)
			}
			if i < last && rows[i].sums && s.Halo != HaloIgnore {
				return fmt.Errorf("layer %d (%s) pools over all rows: a row split must end there and go on after its partial sums are merged", i, g.Layers[i].Name)
			}
		}
	}
	return nil
}

// Outputs returns the parts of tensors that slice s hands on: Work(s).Outputs, without the back-propagation.
func (g *Graph) Outputs(s Slice) []Part {
	last := g.box(s.To-1, s.Region)
	var out []Part
	for i := s.From; i < s.To; i++ {
		if b := g.exit(&s, &last, i); !b.Empty() {
			out = append(out, Part{i, g.region(i, &b)})
		}
	}
	return out
}
