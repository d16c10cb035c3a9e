package submodel

import (
	"errors"
	"fmt"

	"hidp/testbed/inference"
	"hidp/workloads"
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
	region workloads.Region
	data   []float32
}

// NewStore returns an empty store for tensors of g.
func NewStore(g *workloads.Graph) *Store { return &Store{g: g, parts: map[int][]piece{}} }

// Put adds a part. The tensor must have as many elements as the part's Shape (see there), in that order. It is not
// copied.
func (s *Store) Put(p workloads.Part, t inference.Tensor) error {
	if p.Layer < 0 || p.Layer >= len(s.g.Layers) || p.Region.Empty() {
		return fmt.Errorf("no part of a tensor of %s: layer %d, %v", s.g.Name, p.Layer, p.Region)
	}
	want := 1
	for _, d := range Shape(s.g, p) {
		want *= d
	}
	if len(t.Data) != want {
		return fmt.Errorf("%d numbers for a part of %v of layer %d", len(t.Data), Shape(s.g, p), p.Layer)
	}
	s.parts[p.Layer] = append(s.parts[p.Layer], piece{p.Region, t.Data})
	return nil
}

// Drop forgets a layer's tensor.
func (s *Store) Drop(layer int) { delete(s.parts, layer) }

// Get assembles a part. Made says that the tensor is a new one, not one that was put. The error names what is missing.
func (s *Store) Get(p workloads.Part) (t inference.Tensor, made bool, err error) {
	if p.Layer < 0 || p.Layer >= len(s.g.Layers) || p.Region.Empty() {
		err = errors.New("there is no such part")
	} else if s.g.Layers[p.Layer].Op == workloads.OpGlobalPool {
		t, err = s.merge(p)
		made = true
	} else if have := s.find(p); have != nil {
		t = inference.Tensor{Shape: Shape(s.g, p), Data: have.data}
	} else {
		t, err = s.gather(p)
		made = true
	}
	if err != nil {
		return t, made, fmt.Errorf("layer %d of %s, samples %v rows %v channels %v: %w", p.Layer, s.g.Name, p.Region.Samples, p.Region.Rows, p.Region.Channels, err)
	}
	return t, made, nil
}

// find returns the piece that is exactly a part, or nil.
func (s *Store) find(p workloads.Part) *piece {
	list := s.parts[p.Layer]
	for i := range list {
		if list[i].region == p.Region {
			return &list[i]
		}
	}
	return nil
}

// gather copies a part together.
func (s *Store) gather(p workloads.Part) (inference.Tensor, error) {
	width := s.g.Layers[p.Layer].Out.W
	t := s.Memory.Tensor(Shape(s.g, p)...)
	filled := make([]bool, p.Region.Elements())
	left := len(filled)
	for _, have := range s.parts[p.Layer] {
		x := have.region.Intersect(p.Region)
		if x.Empty() || left == 0 {
			continue
		}
		for n := x.Samples.Lo; n < x.Samples.Hi; n++ {
			for c := x.Channels.Lo; c < x.Channels.Hi; c++ {
				from, to := offset(have.region, n, c, x.Rows.Lo), offset(p.Region, n, c, x.Rows.Lo)
				copy(t.Data[to*width:], have.data[from*width:(from+x.Rows.Len())*width])
				for i := to; i < to+x.Rows.Len(); i++ {
					if !filled[i] {
						filled[i] = true
						left--
					}
				}
			}
		}
	}
	if left > 0 {
		return t, fmt.Errorf("%d of its %d rows (over all channels) are not there", left, len(filled))
	}
	return t, nil
}

// offset returns the position of a row in a region's data, in rows.
func offset(r workloads.Region, sample, channel, row int) int {
	return ((sample-r.Samples.Lo)*r.Channels.Len()+channel-r.Channels.Lo)*r.Rows.Len() + row - r.Rows.Lo
}

// merge adds up the sums of a global pool, sample by sample: those that together are exactly the rows that are asked for.
func (s *Store) merge(p workloads.Part) (inference.Tensor, error) {
	t := s.Memory.Tensor(Shape(s.g, p)...)
	channels := p.Region.Channels.Len()
	for n := p.Region.Samples.Lo; n < p.Region.Samples.Hi; n++ {
		to := t.Data[(n-p.Region.Samples.Lo)*channels:][:channels]
		if err := s.mergeSample(p, n, to); err != nil {
			return t, err
		}
	}
	return t, nil
}

func (s *Store) mergeSample(p workloads.Part, sample int, to []float32) error {
	tiles := s.tile(p, sample, p.Region.Rows.Lo)
	if tiles == nil {
		return errors.New("the sums that are there do not add up to these rows")
	}
	input := s.g.Layers[s.g.Layers[p.Layer].Inputs[0]].Out
	for c := range to {
		at := func(t *piece) float32 {
			return t.data[(sample-t.region.Samples.Lo)*t.region.Channels.Len()+p.Region.Channels.Lo+c-t.region.Channels.Lo]
		}
		if len(tiles) == 1 { // a sum, or the mean if it is of all rows
			to[c] = at(tiles[0])
			continue
		}
		sum := 0.0
		for _, t := range tiles {
			sum += float64(at(t))
		}
		if p.Region.Rows.Len() == input.H {
			sum /= float64(input.H * input.W)
		}
		to[c] = float32(sum)
	}
	return nil
}

// tile finds pieces that side by side are the rows of p from a row on, or nil.
func (s *Store) tile(p workloads.Part, sample, from int) []*piece {
	for i := range s.parts[p.Layer] {
		have := &s.parts[p.Layer][i]
		r := have.region
		if r.Rows.Lo != from || r.Rows.Hi > p.Region.Rows.Hi || sample < r.Samples.Lo || sample >= r.Samples.Hi || !r.Channels.Contains(p.Region.Channels) {
			continue
		}
		if r.Rows.Hi == p.Region.Rows.Hi {
			return []*piece{have}
		}
		if rest := s.tile(p, sample, r.Rows.Hi); rest != nil {
			return append([]*piece{have}, rest...)
		}
	}
	return nil
}
