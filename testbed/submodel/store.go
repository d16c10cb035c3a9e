package submodel

import (
	"errors"
	"fmt"

	"hidp/testbed/inference"
	"hidp/workloads"
	"hidp/workloads/tensor"
)

// Store holds the parts of a request's tensors that a node has computed or received, and assembles other parts from them. It is not
// safe for concurrent use.
//
// A part of a global pool with all rows is the pool's output, the mean; one with some rows is the sum over them. Sums are merged
// in the order of their rows, so that the same parts give the same bits everywhere.
type Store struct {
	Memory *inference.Memory // that assembled parts are made of; may be nil

	g     *workloads.Graph
	parts map[int][]piece
}

type piece struct {
	box  tensor.Box
	data []float32
}

// NewStore returns an empty store for tensors of g.
func NewStore(g *workloads.Graph) *Store { return &Store{g: g, parts: map[int][]piece{}} }

// Put adds a part. The tensor must have as many elements as the part's Shape (see there), in that order. It is not
// copied.
func (s *Store) Put(p workloads.Part, t inference.Tensor) error {
	if p.Layer < 0 || p.Layer >= len(s.g.Layers) || p.Box.Empty() {
		return fmt.Errorf("no part of a tensor of %s: layer %d, %v", s.g.Name, p.Layer, p.Box)
	}
	want := 1
	for _, d := range Shape(s.g, p) {
		want *= d
	}
	if len(t.Data) != want {
		return fmt.Errorf("%d numbers for a part of %v of layer %d", len(t.Data), Shape(s.g, p), p.Layer)
	}
	s.parts[p.Layer] = append(s.parts[p.Layer], piece{p.Box, t.Data})
	return nil
}

// Drop forgets a layer's tensor.
func (s *Store) Drop(layer int) { delete(s.parts, layer) }

// Get assembles a part. Made says that the tensor is a new one, not one that was put. The error names what is missing.
func (s *Store) Get(p workloads.Part) (t inference.Tensor, made bool, err error) {
	if p.Layer < 0 || p.Layer >= len(s.g.Layers) || p.Box.Empty() {
		return t, false, fmt.Errorf("layer %d of %s: there is no such part", p.Layer, s.g.Name)
	}
	if s.g.Layers[p.Layer].Op == workloads.OpGlobalPool {
		t, err = s.merge(p)
		made = true
	} else if have := s.find(p); have != nil {
		t = inference.Tensor{Shape: Shape(s.g, p), Data: have.data}
	} else {
		t, err = s.gather(p)
		made = true
	}
	if err != nil {
		return t, made, fmt.Errorf("layer %d of %s, %s: %w", p.Layer, s.g.Name, s.g.Describe(p), err)
	}
	return t, made, nil
}

// find returns the piece that is exactly a part, or nil.
func (s *Store) find(p workloads.Part) *piece {
	list := s.parts[p.Layer]
	for i := range list {
		if list[i].box == p.Box {
			return &list[i]
		}
	}
	return nil
}

// gather copies a part together.
func (s *Store) gather(p workloads.Part) (inference.Tensor, error) {
	rank := s.g.Geometry(p.Layer).Dims.Rank
	t := s.Memory.Tensor(Shape(s.g, p)...)
	missing := []tensor.Box{p.Box}
	for i := range s.parts[p.Layer] {
		have := &s.parts[p.Layer][i]
		common := have.box.Intersect(&p.Box)
		if common.Empty() || len(missing) == 0 {
			continue
		}
		copyBox(rank, &common, t.Data, &p.Box, have.data, &have.box)
		var rest []tensor.Box
		for k := range missing {
			rest = missing[k].Subtract(rest, &common)
		}
		missing = rest
	}
	if len(missing) > 0 {
		return t, fmt.Errorf("%s is not there", s.g.Describe(workloads.Part{Layer: p.Layer, Box: missing[0]}))
	}
	return t, nil
}

// copyBox copies the elements of box b between tensors that hold boxes to and from, of which b is a part: row-major over the first
// rank axes.
func copyBox(rank int, b *tensor.Box, dst []float32, to *tensor.Box, src []float32, from *tensor.Box) {
	last := rank - 1 // elements lie side by side along this axis and those behind it, which all three have alike
	run := 1
	for ; last > 0 && b[last] == to[last] && b[last] == from[last]; last-- {
		run *= b[last].Len()
	}
	n := run * b[last].Len()
	var walk func(axis, d, s int)
	walk = func(axis, d, s int) {
		d, s = d*to[axis].Len(), s*from[axis].Len()
		lo, hi := int(b[axis].Lo), int(b[axis].Hi)
		if axis == last {
			d, s = (d+lo-int(to[axis].Lo))*run, (s+lo-int(from[axis].Lo))*run
			copy(dst[d:d+n], src[s:])
			return
		}
		for x := lo; x < hi; x++ {
			walk(axis+1, d+x-int(to[axis].Lo), s+x-int(from[axis].Lo))
		}
	}
	walk(0, 0, 0)
}

// merge adds up the sums of a global pool, sample by sample: those that together are exactly the rows that are asked for.
func (s *Store) merge(p workloads.Part) (inference.Tensor, error) {
	t := s.Memory.Tensor(Shape(s.g, p)...)
	samples, channels := s.g.Along(p, tensor.Sample), s.g.Along(p, tensor.Channel)
	for n := samples.Lo; n < samples.Hi; n++ {
		to := t.Data[(n-samples.Lo)*channels.Len():][:channels.Len()]
		if err := s.mergeSample(p, n, to); err != nil {
			return t, err
		}
	}
	return t, nil
}

func (s *Store) mergeSample(p workloads.Part, sample int, to []float32) error {
	rows, first := s.g.Along(p, tensor.Row), s.g.Along(p, tensor.Channel).Lo
	tiles := s.tile(p, sample, rows.Lo)
	if tiles == nil {
		return errors.New("the sums that are there do not add up to these rows")
	}
	if len(tiles) == 1 { // a sum, or the mean if it is of all rows
		copy(to, s.channels(p.Layer, tiles[0], sample, first))
		return nil
	}
	sums := make([]float64, len(to))
	for _, t := range tiles {
		for c, x := range s.channels(p.Layer, t, sample, first)[:len(to)] {
			sums[c] += float64(x)
		}
	}
	if input := s.g.Layers[s.g.Layers[p.Layer].Inputs[0]].Out; rows.Len() == input.H {
		for c := range sums {
			sums[c] /= float64(input.H * input.W)
		}
	}
	for c, x := range sums {
		to[c] = float32(x)
	}
	return nil
}

// channels returns the elements of a piece of a vector from a channel of a sample on.
func (s *Store) channels(layer int, have *piece, sample, from int) []float32 {
	p := workloads.Part{Layer: layer, Box: have.box}
	channels := s.g.Along(p, tensor.Channel)
	return have.data[(sample-s.g.Along(p, tensor.Sample).Lo)*channels.Len()+from-channels.Lo:]
}

// tile finds pieces that side by side are the rows of p from a row on, or nil.
func (s *Store) tile(p workloads.Part, sample, from int) []*piece {
	last := s.g.Along(p, tensor.Row).Hi
	for i := range s.parts[p.Layer] {
		have := &s.parts[p.Layer][i]
		h := workloads.Part{Layer: p.Layer, Box: have.box}
		rows, samples := s.g.Along(h, tensor.Row), s.g.Along(h, tensor.Sample)
		if rows.Lo != from || rows.Hi > last || sample < samples.Lo || sample >= samples.Hi ||
			!s.g.Along(h, tensor.Channel).Contains(s.g.Along(p, tensor.Channel)) {
			continue
		}
		if rows.Hi == last {
			return []*piece{have}
		}
		if rest := s.tile(p, sample, rows.Hi); rest != nil {
			return append([]*piece{have}, rest...)
		}
	}
	return nil
}
