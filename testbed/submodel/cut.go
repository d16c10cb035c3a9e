package submodel

import (
	"fmt"
	"math"

	"hidp/workloads"
	"hidp/workloads/onnx"
	"hidp/workloads/tensor"
)

// Port is an input or output of a cut model: a part of a layer's tensor. The tensor that crosses the port has the dimensions
// samples × channels × rows × columns of the part, in 32-bit floats, whatever the file computes with.
type Port struct {
	Name  string // of the tensor in the cut model
	Part  workloads.Part
	Shape []int
}

// Sub is a slice of a network as a model of its own.
type Sub struct {
	Slice   workloads.Slice
	Inputs  []Port // those of Work(Slice).Inputs, in that order
	Outputs []Port // those of Work(Slice).Outputs
	// Repeat is how often the model is run, once for each sample, if the network's file cannot compute several at once; else 1.
	// Shapes of ports are those of all samples.
	Repeat int

	source  *Source
	samples int // of one run
	nodes   []outNode
	weights []weight
}

// Describe returns what Source.Cut tells of the model of a slice of g, for whoever has got the model itself by other ways: the ports,
// and how often the model is run. Its Bytes are not to be had. Repeat is that of the model: 1, or the number of samples.
func Describe(g *workloads.Graph, sl workloads.Slice, repeat int) (*Sub, error) {
	if err := g.Check(sl, sl.Samples().Hi); err != nil {
		return nil, fmt.Errorf("%s: %w", g.Name, err)
	}
	samples := sl.Samples().Len()
	if repeat != 1 && repeat != samples {
		return nil, fmt.Errorf("%s: a model of layers [%d,%d) that is run %d times for %d samples; it is run once, or once for each", g.Name, sl.From, sl.To, repeat, samples)
	}
	sub, work := &Sub{Slice: sl, Repeat: repeat, samples: samples / repeat}, g.Work(sl)
	for _, p := range work.Inputs {
		sub.Inputs = append(sub.Inputs, Port{PortName(p.Layer), p, Shape(g, p)})
	}
	for _, p := range work.Outputs {
		sub.Outputs = append(sub.Outputs, Port{PortName(p.Layer), p, Shape(g, p)})
	}
	return sub, nil
}

// outNode is a node of a cut model: one of the file's with other inputs, outputs or attributes, or a new one.
type outNode struct {
	onnx.Node
	source []byte   // in the file
	drop   []string // attributes that are left out
}

// Cut makes a model of slice s. A slice that the network cannot be cut at (see Graph.Check), and one that would cut rows or
// channels of something whose layout the file does not tell, is an error that names the layer.
func (s *Source) Cut(sl workloads.Slice) (*Sub, error) {
	sub, err := s.cut(sl)
	if err != nil {
		return nil, fmt.Errorf("%s: layers [%d,%d): %w", s.Model.Path, sl.From, sl.To, err)
	}
	return sub, nil
}

func (s *Source) cut(sl workloads.Slice) (*Sub, error) {
	g := s.Graph
	if err := g.Check(sl, sl.Samples().Hi); err != nil {
		return nil, err
	}
	sub := &Sub{Slice: sl, source: s, Repeat: 1, samples: sl.Samples().Len()}
	work := g.Work(sl)
	if sub.samples > 1 && !s.batches(work) {
		sub.Repeat, sub.samples = sub.samples, 1
	}
	c := newCutter(sub)
	for _, in := range work.Inputs {
		if err := c.input(in); err != nil {
			return nil, c.at(in.Layer, err)
		}
	}
	for _, p := range work.Layers {
		if err := c.layer(c.widened(p)); err != nil {
			return nil, c.at(p.Layer, err)
		}
	}
	for _, out := range work.Outputs {
		if err := c.output(out); err != nil {
			return nil, c.at(out.Layer, err)
		}
	}
	return sub, nil
}

// cutter builds a Sub.
type cutter struct {
	*Sub
	s    *Source
	g    *workloads.Graph
	held map[int]holding     // what there is of each layer's tensor so far
	used map[string]bool     // names of tensors in the cut model
	made map[string][]string // outputs of nodes that are there already, by what they are and read
	kept map[string]string   // constants that are there already, by their name in the file and what is cut of them
}

func newCutter(sub *Sub) *cutter {
	c := &cutter{Sub: sub, s: sub.source, g: sub.source.Graph, held: map[int]holding{}, used: map[string]bool{},
		made: map[string][]string{}, kept: map[string]string{}}
	for i := range c.g.Layers {
		c.used[PortName(i)] = true
	}
	return c
}

// holding is what a cut model has of a layer's tensor.
type holding struct {
	layout
	name   string
	part   workloads.Part
	summed bool // a partial sum of a global pool, as 1×C×1×1
}

func (c *cutter) at(layer int, err error) error {
	return fmt.Errorf("layer %d (%s): %w", layer, c.g.Layers[layer].Name, err)
}

// full returns the whole of a tensor for the samples of the slice.
func (c *cutter) full(layer int) workloads.Part {
	return c.g.Restrict(c.g.Tensor(layer, 1), tensor.Sample, c.Slice.Samples())
}

// rowsOf and channelsOf return the ranges of a part that models can be cut by.
func (c *cutter) rowsOf(p workloads.Part) workloads.Range     { return c.g.Along(p, tensor.Row) }
func (c *cutter) channelsOf(p workloads.Part) workloads.Range { return c.g.Along(p, tensor.Channel) }

// widened returns the part of a layer to compute: if the slice is of the whole last layer, the whole layer, though nobody may need
// the last rows (of a map whose extent its window's stride does not divide), so that it is computed by the file's own nodes.
func (c *cutter) widened(p workloads.Part) workloads.Part {
	if c.Slice.Last() != c.full(c.Slice.To-1) {
		return p
	}
	full := c.full(p.Layer)
	for k, in := range c.g.Layers[p.Layer].Inputs {
		need := c.g.Needs(full, k)
		if held := c.held[in].part.Box; !held.Contains(&need.Box) {
			return p
		}
	}
	return full
}

// unique returns a name of a tensor that is not in use, and takes it.
func (c *cutter) unique(name string) string {
	for n := 1; c.used[name]; n++ {
		if try := fmt.Sprintf("%s@%d", name, n); !c.used[try] {
			name = try
		}
	}
	c.used[name] = true
	return name
}

// add appends a new node with one output and returns that.
func (c *cutter) add(op, name string, inputs []string, attrs ...onnx.Attr) string {
	out := c.unique(name)
	c.nodes = append(c.nodes, outNode{Node: onnx.Node{Name: out, OpType: op, Inputs: inputs, Outputs: []string{out}, Attrs: attrs}})
	return out
}

// Bytes returns the model with its weights placed as said. With weights inside, it may have up to 2 GiB.
func (s *Sub) Bytes(place Placement) ([]byte, error) {
	if s.source == nil {
		return nil, fmt.Errorf("submodel: layers [%d,%d) were described, not cut: there is no model of them", s.Slice.From, s.Slice.To)
	}
	w := &onnx.Writer{IRVersion: s.source.Model.IRVersion, Opset: s.source.Model.Opset, Domains: s.domains(),
		Name: fmt.Sprintf("%s layers %d to %d", s.source.Graph.Name, s.Slice.From, s.Slice.To)}
	for i := range s.nodes {
		n := &s.nodes[i]
		if n.source == nil {
			w.Node(&n.Node)
		} else if err := w.Rewritten(n.source, &n.Node, n.drop...); err != nil {
			return nil, fmt.Errorf("%s: %v: %w", s.source.Model.Path, &n.Node, err)
		}
	}
	for i := range s.weights {
		if err := s.weights[i].write(w, s.source, place); err != nil {
			return nil, fmt.Errorf("%s: weight %s: %w", s.source.Model.Path, s.weights[i].name, err)
		}
	}
	for _, p := range s.Inputs {
		w.Input(s.port(p))
	}
	for _, p := range s.Outputs {
		w.Output(s.port(p))
	}
	b := w.Bytes()
	if len(b) > math.MaxInt32 {
		return nil, fmt.Errorf("%s: a model of %d bytes is more than the format allows: its weights must lie in a file of their own", s.source.Model.Path, len(b))
	}
	return b, nil
}

// domains returns the operator sets that the model's nodes are of, besides the default one, and their versions in the file.
func (s *Sub) domains() map[string]int64 {
	used := map[string]int64{}
	for i := range s.nodes {
		if domain := s.nodes[i].Domain; domain != "" {
			used[domain] = max(1, s.source.Model.Domains[domain])
		}
	}
	return used
}

// port describes a port of one run.
func (s *Sub) port(p Port) onnx.Port {
	o := onnx.Port{Name: p.Name, Type: onnx.Float, Shaped: true, Dims: []int64{int64(s.samples)}, Params: make([]string, len(p.Shape))}
	for _, d := range p.Shape[1:] {
		o.Dims = append(o.Dims, int64(d))
	}
	return o
}
