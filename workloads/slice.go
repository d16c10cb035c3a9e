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

// Scaled maps rows of a tensor of h rows to the same share of a tensor of n rows. Adjacent ranges map to adjacent ranges and
// the whole to the whole.
func Scaled(r Range, h, n int) Range {
	if h == n {
		return r
	}
	return Range{r.Lo * n / h, r.Hi * n / h}
}

// Work back-propagates slice s through its layers. It panics if the layer range is not one of the graph's (Check reports that
// as an error for slices that come from outside).
func (g *Graph) Work(s Slice) Work {
	if s.From < 1 || s.To <= s.From || s.To > len(g.Layers) {
		panic(fmt.Sprintf("workloads: slice of layers [%d,%d) of a graph of %d", s.From, s.To, len(g.Layers)))
	}
	low := s.From - 1 // the lowest tensor read: what lies below needs no room
	for _, e := range g.edges[g.rows[s.From].first:g.rows[s.To].first] {
		low = min(low, int(e.in))
	}
	need := make([]Part, s.To-low)
	for i := range need {
		need[i].Layer = low + i
	}
	w := Work{Outputs: g.Outputs(s)}
	for _, out := range w.Outputs {
		need[out.Layer-low].Region = out.Region
	}
	for i := s.To - 1; i >= s.From; i-- {
		out := need[i-low].Region
		if out.Empty() {
			continue
		}
		for k, in := range g.Layers[i].Inputs {
			r := g.InputRegion(i, k, out)
			if s.Halo == HaloIgnore {
				r.Rows = g.share(s.Region.Rows, s.To-1, in)
			}
			at := &need[in-low].Region
			*at = cover(*at, r)
		}
	}
	w.Inputs, w.Layers = needed(need[:s.From-low]), needed(need[s.From-low:])
	return w
}

// needed drops the parts that hold nothing, in place.
func needed(parts []Part) []Part {
	parts = slices.DeleteFunc(parts, func(p Part) bool { return p.Region.Empty() })
	return slices.Clip(parts)
}

// share returns the rows of tensor i that correspond to the share that rows are of tensor last: at least one row, so that a
// device that ignores halos still has something to compute on where maps have fewer rows than there are strips.
func (g *Graph) share(rows Range, last, i int) Range {
	n := g.Rows(i)
	r := Scaled(rows, g.Rows(last), n)
	if r.Empty() && !rows.Empty() {
		r.Hi = r.Lo + 1
	}
	return r
}

// exit returns the region of layer i's tensor that slice s hands on; empty if none.
func (g *Graph) exit(s Slice, i int) Region {
	if i == s.To-1 {
		return s.Region
	}
	if int(g.rows[i].lastUse) < s.To {
		return Region{}
	}
	r := g.Full(i, 1)
	r.Samples = s.Region.Samples
	r.Rows = Scaled(s.Region.Rows, g.Rows(s.To-1), g.Rows(i))
	return r
}

// cover returns the smallest box around both regions.
func cover(a, b Region) Region {
	if a.Empty() {
		return b
	}
	if b.Empty() {
		return a
	}
	return Region{a.Samples.Union(b.Samples), a.Rows.Union(b.Rows), a.Channels.Union(b.Channels)}
}

// InputRegion returns the region of the k-th input of layer i that its output region out needs, exactly.
func (g *Graph) InputRegion(i, k int, out Region) Region {
	l := &g.Layers[i]
	channels := Range{0, g.Layers[l.Inputs[k]].Out.C}
	need := Region{Samples: out.Samples, Channels: channels}
	if !out.Rows.Empty() {
		need.Rows = g.edges[int(g.rows[i].first)+k].rows(out.Rows).normal()
	}
	switch l.Op {
	case OpMaxPool, OpAvgPool, OpGlobalPool, OpElementwise, OpAdd, OpMul, OpUpsample:
		need.Channels = out.Channels
	case OpConv:
		need.Channels = groupInputs(l, channels.Hi, out.Channels)
	case OpConcat:
		need.Channels = g.concatInput(i, k, out.Channels)
	}
	return need
}

// groupInputs returns the input channels that output channels out of a grouped convolution read.
func groupInputs(l *Layer, inC int, out Range) Range {
	if l.Groups <= 1 || out.Empty() {
		return Range{0, inC}
	}
	perOut, perIn := l.Out.C/l.Groups, inC/l.Groups
	return Range{out.Lo / perOut * perIn, ((out.Hi-1)/perOut + 1) * perIn}
}

// concatInput returns the channels of input k that output channels out of a concatenation come from.
func (g *Graph) concatInput(i, k int, out Range) Range {
	off := 0
	for _, p := range g.Layers[i].Inputs[:k] {
		off += g.Layers[p].Out.C
	}
	return Range{out.Lo - off, out.Hi - off}.Intersect(Range{0, g.Layers[g.Layers[i].Inputs[k]].Out.C})
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
	var out []Part
	for i := s.From; i < s.To; i++ {
		if r := g.exit(s, i); !r.Empty() {
			out = append(out, Part{i, r})
		}
	}
	return out
}
