package workloads

import (
	"fmt"
	"hash/fnv"
	"slices"

	"hidp/workloads/tensor"
)

// Shape is the extent of one sample's tensor: channels × rows × columns. A tensor of another rank is folded to a vector: C is
// its element count, H = W = 1.
type Shape struct{ C, H, W int }

// Elements returns C·H·W.
func (s Shape) Elements() int64 { return int64(s.C) * int64(s.H) * int64(s.W) }

// String prints the shape as CxHxW.
func (s Shape) String() string { return fmt.Sprintf("%dx%dx%d", s.C, s.H, s.W) }

// Layer is one fused operator of a Graph and its output tensor; layer and tensor share an index. All counts are for one
// sample and the whole layer.
type Layer struct {
	Name   string
	Op     Op
	Inputs []int // producers of the inputs, each smaller than the layer's own index
	Out    Shape
	Window Window     // OpConv, OpMaxPool, OpAvgPool
	Groups int        // OpConv: 1 unless grouped or depthwise
	Scale  int        // OpUpsample: the integer factor
	Bias   bool       // OpConv, OpLinear: has a bias vector
	Norm   bool       // carries a batch normalisation (scale and shift are parameters)
	Act    Activation // fused activation
	Class  Class      // cost class

	MACs        int64 // multiply-accumulates of convolutions and matrix products, as the literature counts them
	FLOPs       int64 // 2·MACs plus one per element of element-wise work
	Params      int64 // learnable parameters (running statistics are not)
	WeightBytes int64 // bytes of parameters read per invocation
	ElemBytes   int   // bytes per element of the output tensor, on the wire and in memory (4 unless said)

	// Bilinear says that OpUpsample interpolates (half-pixel centres) rather than repeats rows: it then needs neighbouring rows.
	Bilinear bool

	Nodes []string // names of the ONNX nodes fused into the layer, if it came from a file
}

// Block is a run of layers [From, To) between two neighbouring cut points: its only input from outside is layer From-1's
// tensor, and its only output is layer To-1's. Blocks tile the layers 1..n.
type Block struct{ From, To int }

// Graph is an immutable DNN: layers in topological order, layer 0 the input, the last layer the output. Make one with a
// Builder.
type Graph struct {
	Name   string
	Layers []Layer
	// Assumptions are what the reader of the network's file decided by itself, one sentence each; users are told them.
	Assumptions []string

	consumers   [][]int
	blocks      []Block
	fingerprint uint64
	geometry    []Geometry
	lines       *lines
}

// Output returns the index of the output layer.
func (g *Graph) Output() int { return len(g.Layers) - 1 }

// Consumers returns the layers that read layer i's tensor, ascending. The result is shared: do not modify it.
func (g *Graph) Consumers(i int) []int { return g.consumers[i] }

// Blocks returns the chain of blocks the graph contracts to. The result is shared: do not modify it.
func (g *Graph) Blocks() []Block { return g.blocks }

// MACs returns the multiply-accumulates of one sample.
func (g *Graph) MACs() int64 { return g.sum(func(l *Layer) int64 { return l.MACs }) }

// FLOPs returns the floating-point operations of one sample.
func (g *Graph) FLOPs() int64 { return g.sum(func(l *Layer) int64 { return l.FLOPs }) }

// Params returns the number of learnable parameters.
func (g *Graph) Params() int64 { return g.sum(func(l *Layer) int64 { return l.Params }) }

// WeightBytes returns the bytes of all parameters.
func (g *Graph) WeightBytes() int64 { return g.sum(func(l *Layer) int64 { return l.WeightBytes }) }

func (g *Graph) sum(of func(*Layer) int64) int64 {
	var total int64
	for i := range g.Layers {
		total += of(&g.Layers[i])
	}
	return total
}

// Full returns the whole domain of layer i for a batch of b samples.
func (g *Graph) Full(i, b int) tensor.Box { return g.geometry[i].Dims.Full(b) }

// Tensor returns the whole output of layer i for a batch of b samples.
func (g *Graph) Tensor(i, b int) Part { return Part{i, g.Full(i, b)} }

// Rows returns the number of rows by which layer i is split: its output rows, except for a global pool, whose parts are
// partial sums over input rows.
func (g *Graph) Rows(i int) int { return g.geometry[i].Dims.Extent(tensor.Row) }

// WithInputBytes returns the graph with n bytes per input element: 1 for an 8-bit image, 4 for floats.
func (g *Graph) WithInputBytes(n int) *Graph {
	c := *g
	c.Layers = append([]Layer(nil), g.Layers...)
	c.Layers[0].ElemBytes = n
	c.fingerprint = c.hash()
	return &c
}

// Fingerprint identifies the graph's structure and sizes; a plan carries the fingerprint of the graph it was made for.
func (g *Graph) Fingerprint() uint64 { return g.fingerprint }

// hash computes the fingerprint.
func (g *Graph) hash() uint64 {
	h := fnv.New64a()
	for i := range g.Layers {
		l := &g.Layers[i]
		fmt.Fprintln(h, l.Op, l.Inputs, l.Out, l.Window, l.Groups, l.Scale, l.Bilinear, l.FLOPs, l.WeightBytes, l.ElemBytes)
	}
	return h.Sum64()
}

// finish validates the layers and derives what the methods look up.
func (g *Graph) finish() error {
	if err := g.validate(); err != nil {
		return err
	}
	n := len(g.Layers)
	g.consumers = make([][]int, n)
	for i := range g.Layers {
		in := g.Layers[i].Inputs
		for k, p := range in {
			if !slices.Contains(in[:k], p) {
				g.consumers[p] = append(g.consumers[p], i)
			}
		}
	}
	for i := 0; i < n-1; i++ {
		if len(g.consumers[i]) == 0 {
			return fmt.Errorf("graph %s: nothing reads layer %d (%s)", g.Name, i, g.Layers[i].Name)
		}
	}
	g.deriveGeometry()
	g.blocks, g.fingerprint = g.cut(), g.hash()
	return nil
}

// cut contracts the DAG to a chain: after layer v there is a cut point if v's tensor is the only live one.
func (g *Graph) cut() []Block {
	var blocks []Block
	lastUse := 0 // furthest layer that reads a tensor made before v
	from := 1
	for v := 0; v < len(g.Layers); v++ {
		if v > 0 && lastUse <= v {
			blocks = append(blocks, Block{from, v + 1})
			from = v + 1
		}
		if c := g.consumers[v]; len(c) > 0 {
			lastUse = max(lastUse, c[len(c)-1])
		}
	}
	return blocks
}
