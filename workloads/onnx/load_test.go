package onnx

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/workloads"
)

// sketch writes small models down: op("Conv", "x w -> y", attributes).
type sketch struct{ Model }

func newSketch(input ...int64) *sketch {
	s := &sketch{Model{IRVersion: 8, Opset: 13}}
	s.Inputs = []Port{{Name: "x", Type: Float, Dims: input, Params: make([]string, len(input)), Shaped: true}}
	return s
}

func (s *sketch) op(op, wires string, attrs ...Attr) *sketch {
	in, out, _ := strings.Cut(wires, "->")
	inputs := strings.Fields(in)
	for i := range inputs {
		if inputs[i] == "_" {
			inputs[i] = ""
		}
	}
	s.Nodes = append(s.Nodes, Node{Name: "n" + strings.Fields(out)[0], OpType: op, Inputs: inputs, Outputs: strings.Fields(out), Attrs: attrs})
	return s
}

// weight adds a float weight of zeros.
func (s *sketch) weight(name string, dims ...int64) *sketch {
	n, _ := product(dims)
	return s.constant(name, Float, make([]float64, n), dims...)
}

func (s *sketch) constant(name string, kind DataType, list []float64, dims ...int64) *sketch {
	s.Weights = append(s.Weights, Tensor{Name: name, Type: kind, Dims: dims, list: list})
	return s
}

func (s *sketch) scalar(name string, v float64) *sketch { return s.constant(name, Float, []float64{v}) }

func (s *sketch) ints(name string, v ...float64) *sketch {
	return s.constant(name, Int64, v, int64(len(v)))
}

func (s *sketch) outputs(names ...string) *sketch {
	for _, n := range names {
		s.Outputs = append(s.Outputs, Port{Name: n, Type: Float})
	}
	return s
}

func (s *sketch) bytes() []byte { return encode(&s.Model, "sketch") }

func (s *sketch) load(t testing.TB, opt Options) (*workloads.Graph, *Model, error) {
	path := filepath.Join(t.TempDir(), "sketch.onnx")
	require.NoError(t, os.WriteFile(path, s.bytes(), 0o644))
	return Load(path, opt)
}

// graph loads the sketch, whose output is tensor out.
func (s *sketch) graph(t testing.TB, out string) *workloads.Graph {
	g, m, err := s.outputs(out).load(t, Options{})
	require.NoError(t, err)
	require.Len(t, m.Tensors, len(g.Layers))
	return g
}

func ints(name string, v ...int64) Attr { return Attr{Name: name, Ints: v} }

// ops lists the operators of a graph's layers after the input.
func ops(g *workloads.Graph) string {
	var list []string
	for _, l := range g.Layers[1:] {
		list = append(list, l.Op.String())
	}
	return strings.Join(list, " ")
}

func TestConvolutionAbsorbsWhatFollows(t *testing.T) {
	s := newSketch(1, 3, 8, 8).weight("w", 4, 3, 3, 3).weight("b", 4, 1, 1).weight("g", 4).weight("o", 4).weight("m", 4).weight("v", 4)
	s.op("Conv", "x w -> c", ints("pads", 1, 1, 1, 1)).op("Add", "b c -> d").op("BatchNormalization", "d g o m v -> e").op("Relu", "e -> y")
	g := s.graph(t, "y")
	require.Equal(t, "conv", ops(g))
	l := g.Layers[1]
	require.True(t, l.Bias && l.Norm)
	require.Equal(t, workloads.ReLU, l.Act)
	require.EqualValues(t, 4*27+4+8, l.Params, "running statistics are not learnt")
	require.Equal(t, []string{"nc", "nd", "ne", "ny"}, l.Nodes)
	require.Equal(t, "nc", l.Name)
}

func TestNothingIsAbsorbedFromATensorThatOthersRead(t *testing.T) {
	s := newSketch(1, 3, 8, 8).weight("w", 3, 3, 1, 1)
	s.op("Conv", "x w -> c").op("Relu", "c -> r").op("Add", "c r -> y")
	require.Equal(t, "conv elementwise add", ops(s.graph(t, "y")))
	s = newSketch(1, 3, 8, 8).weight("w", 3, 3, 1, 1)
	s.op("Conv", "x w -> c").op("Relu", "c -> r")
	require.Equal(t, "conv elementwise opaque", ops(s.outputs("c").graph(t, "r")), "an output of the network is read too")
}

func TestShapeAskersDoNotHinderFusion(t *testing.T) {
	s := newSketch(1, 3, 8, 8).weight("w", 3, 3, 1, 1).ints("zero", 0).ints("minus", -1)
	s.op("Conv", "x w -> c").op("Relu", "c -> r").op("Shape", "c -> s").op("Gather", "s zero -> n").op("Concat", "n minus -> t", Attr{Name: "axis", I: 0})
	s.op("Reshape", "r t -> y")
	g := s.graph(t, "y")
	require.Equal(t, "conv", ops(g))
	require.Equal(t, []string{"nc", "nr", "ny"}, g.Layers[1].Nodes)
}

func TestSpellingsOfActivations(t *testing.T) {
	conv := func() *sketch {
		return newSketch(1, 3, 8, 8).weight("w", 3, 3, 1, 1).scalar("three", 3).scalar("six", 6).scalar("sixth", 1./6).scalar("zero", 0).
			scalar("one", 1).scalar("half", 0.5).scalar("root", 1.41421356).op("Conv", "x w -> c")
	}
	sixth := Attr{Name: "alpha", F: 1. / 6}
	for name, c := range map[string]struct {
		s   *sketch
		act workloads.Activation
	}{
		"relu6":                {conv().op("Clip", "c zero six -> y"), workloads.ReLU6},
		"silu":                 {conv().op("Sigmoid", "c -> s").op("Mul", "c s -> y"), workloads.SiLU},
		"swish with beta":      {conv().op("Mul", "c one -> d").op("Sigmoid", "d -> s").op("Mul", "s c -> y"), workloads.SiLU},
		"hardswish":            {conv().op("HardSwish", "c -> y"), workloads.HardSwish},
		"hardswish of sigmoid": {conv().op("HardSigmoid", "c -> s", sixth).op("Mul", "c s -> y"), workloads.HardSwish},
		"hardswish of Paddle":  {conv().op("Add", "c three -> a").op("Clip", "a zero six -> b").op("Mul", "c b -> d").op("Div", "d six -> y"), workloads.HardSwish},
		"hardswish of PyTorch": {conv().op("Add", "c three -> a").op("Clip", "a zero six -> b").op("Div", "b six -> d").op("Mul", "c d -> y"), workloads.HardSwish},
		"hardsigmoid":          {conv().op("Add", "three c -> a").op("Clip", "a zero six -> b").op("Mul", "b sixth -> y"), workloads.HardSigmoid},
		"gelu":                 {conv().op("Div", "c root -> a").op("Erf", "a -> b").op("Add", "b one -> d").op("Mul", "c d -> e").op("Mul", "e half -> y"), workloads.GELU},
		"gelu, half first":     {conv().op("Div", "c root -> a").op("Erf", "a -> b").op("Add", "b one -> d").op("Mul", "c half -> e").op("Mul", "e d -> y"), workloads.GELU},
	} {
		t.Run(name, func(t *testing.T) {
			nodes := len(c.s.Nodes)
			g := c.s.graph(t, "y")
			require.Equal(t, "conv", ops(g))
			require.Equal(t, c.act, g.Layers[1].Act)
			require.Len(t, g.Layers[1].Nodes, nodes)
			require.EqualValues(t, 9, g.Params(), "constants of formulas are not learnt")
		})
	}
}

func TestSpellingsOfGlobalPooling(t *testing.T) {
	base := func() *sketch { return newSketch(1, 5, 6, 7).weight("w", 5, 5, 1, 1).op("Conv", "x w -> c") }
	for name, s := range map[string]*sketch{
		"global":       base().op("GlobalAveragePool", "c -> y"),
		"mean":         base().op("ReduceMean", "c -> y", ints("axes", 2, 3)),
		"mean, no dim": base().op("ReduceMean", "c -> y", ints("axes", -1, -2), Attr{Name: "keepdims"}),
		"full kernel":  base().op("AveragePool", "c -> y", ints("kernel_shape", 6, 7)),
		"TensorFlow":   base().op("Transpose", "c -> t", ints("perm", 0, 2, 3, 1)).op("ReduceMean", "t -> y", ints("axes", 1, 2), Attr{Name: "keepdims"}),
	} {
		t.Run(name, func(t *testing.T) {
			g := s.graph(t, "y")
			require.Equal(t, "conv global_pool", ops(g))
			require.Equal(t, workloads.Shape{C: 5, H: 1, W: 1}, g.Layers[2].Out)
		})
	}
}

func TestTensorFlowExport(t *testing.T) {
	s := newSketch(1, 9, 9, 3).weight("w", 8, 3, 3, 3).weight("b", 8).weight("d", 8, 1, 3, 3)
	s.op("Transpose", "x -> t", ints("perm", 0, 3, 1, 2))
	s.op("Conv", "t w b -> c", ints("strides", 2, 2), Attr{Name: "auto_pad", S: "SAME_UPPER"}).op("Relu", "c -> r")
	s.op("Transpose", "r -> u", ints("perm", 0, 2, 3, 1)).op("Mul", "u u -> q").op("Transpose", "q -> v", ints("perm", 0, 3, 1, 2))
	s.op("Pad", "v pads -> p", Attr{Name: "mode", S: "constant"}).ints("pads", 0, 0, 0, 0, 0, 0, 1, 1)
	s.op("Conv", "p d -> y", Attr{Name: "group", I: 8}, ints("strides", 2, 2))
	g := s.graph(t, "y")
	require.Equal(t, "conv mul conv", ops(g), "transpositions and paddings are seen through")
	require.Equal(t, workloads.Shape{C: 3, H: 9, W: 9}, g.Layers[0].Out)
	require.Equal(t, workloads.Window{KH: 3, KW: 3, SH: 2, SW: 2, DH: 1, DW: 1, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1}, g.Layers[1].Window)
	require.Equal(t, workloads.Window{KH: 3, KW: 3, SH: 2, SW: 2, DH: 1, DW: 1, PadBottom: 1, PadRight: 1}, g.Layers[3].Window, "asymmetric")
	require.Equal(t, workloads.ClassDepthwise, g.Layers[3].Class)
	require.Contains(t, g.Layers[3].Nodes, "np", "whoever cuts the file finds the padding with the convolution")
}

func TestLayerNormalisationAndAttention(t *testing.T) {
	s := newSketch(1, 4, 6).scalar("two", 2).scalar("eps", 1e-5).weight("g", 6).weight("o", 6).weight("q", 6, 6).weight("qb", 6)
	s.op("ReduceMean", "x -> m", ints("axes", -1)).op("Sub", "x m -> d").op("Pow", "d two -> p").op("ReduceMean", "p -> v", ints("axes", -1))
	s.op("Add", "v eps -> e").op("Sqrt", "e -> r").op("Div", "d r -> n").op("Mul", "n g -> k").op("Add", "k o -> l")
	s.op("MatMul", "l q -> a").op("Add", "a qb -> b").op("Transpose", "l -> lt", ints("perm", 0, 2, 1)).op("MatMul", "b lt -> c")
	s.op("Softmax", "c -> f", Attr{Name: "axis", I: -1}).op("MatMul", "f l -> h").op("Add", "h x -> y")
	g := s.graph(t, "y")
	require.Equal(t, "opaque opaque opaque opaque softmax opaque add", ops(g))
	require.EqualValues(t, 12, g.Layers[1].Params)
	require.EqualValues(t, 4*6*6, g.Layers[2].MACs)
	require.True(t, g.Layers[2].Bias)
	require.Equal(t, workloads.ClassFC, g.Layers[2].Class)
	require.EqualValues(t, 4*6*6+2*4*4*6, g.MACs())
}

func TestSqueezeExciteWithFullyConnectedLayers(t *testing.T) {
	s := newSketch(1, 8, 5, 5).weight("w", 8, 8, 1, 1).weight("a", 8, 2).weight("b", 2, 8).ints("vec", 1, 8).ints("map", 1, 8, 1, 1)
	s.op("Conv", "x w -> c").op("GlobalAveragePool", "c -> p").op("Reshape", "p vec -> v").op("MatMul", "v a -> d").op("Relu", "d -> e")
	s.op("MatMul", "e b -> f").op("Sigmoid", "f -> h").op("Reshape", "h map -> i").op("Mul", "i c -> y")
	g := s.graph(t, "y")
	require.Equal(t, "conv global_pool linear linear mul", ops(g))
	require.Equal(t, []int{1, 4}, g.Layers[5].Inputs, "the map comes first")
	require.False(t, g.Layers[3].Bias)
}

// Whatever rearranges rows or channels must not pass for something that can be split.
func TestRearrangementsAreExecutedWhole(t *testing.T) {
	shuffle := newSketch(1, 4, 6, 6).weight("w", 4, 4, 1, 1).ints("a", 1, 2, 2, 6, 6).ints("b", 1, 4, 6, 6)
	shuffle.op("Conv", "x w -> c").op("Reshape", "c a -> d").op("Transpose", "d -> e", ints("perm", 0, 2, 1, 3, 4)).op("Reshape", "e b -> f").op("Conv", "f w -> y")
	require.Equal(t, "conv opaque opaque conv", ops(shuffle.graph(t, "y")))

	turn := newSketch(1, 4, 6, 6).weight("w", 4, 4, 1, 1).op("Transpose", "x -> t", ints("perm", 0, 1, 3, 2)).op("Conv", "t w -> y")
	require.Equal(t, "opaque conv", ops(turn.graph(t, "y")))

	split := newSketch(1, 4, 6, 6).op("Split", "x -> a b", Attr{Name: "axis", I: 1}).op("Add", "a b -> y")
	g := split.graph(t, "y")
	require.Equal(t, "opaque opaque add", ops(g), "one layer for each output")
	require.Equal(t, workloads.Shape{C: 2, H: 6, W: 6}, g.Layers[1].Out)

	rows := newSketch(1, 4, 6, 6).weight("p", 1, 4, 6, 6).op("Add", "x p -> y")
	require.Equal(t, "opaque", ops(rows.graph(t, "y")), "a constant that differs from row to row")
	columns := newSketch(1, 4, 6, 6).weight("p", 1, 4, 1, 6).op("Add", "x p -> y")
	require.Equal(t, "elementwise", ops(columns.graph(t, "y")))

	stack := newSketch(1, 4, 6, 6).op("Concat", "x x -> y", Attr{Name: "axis", I: 2})
	require.Equal(t, "opaque", ops(stack.graph(t, "y")))
	reflect := newSketch(1, 4, 6, 6).weight("w", 4, 4, 3, 3).ints("p", 0, 0, 1, 1, 0, 0, 1, 1).op("Pad", "x p -> q", Attr{Name: "mode", S: "reflect"}).op("Conv", "q w -> y")
	require.Equal(t, "opaque conv", ops(reflect.graph(t, "y")))
}

func TestEnlargements(t *testing.T) {
	resize := func(opset int64, f float64, attrs ...Attr) *workloads.Graph {
		s := newSketch(1, 2, 4, 4).constant("s", Float, []float64{1, 1, f, f}, 4).op("Resize", "x _ s -> y", attrs...)
		if opset == 10 {
			s.Nodes[0].Inputs = []string{"x", "s"}
		}
		s.Opset = opset
		return s.graph(t, "y")
	}
	mode := func(m, centres, nearest string) []Attr {
		list := []Attr{{Name: "mode", S: m}, {Name: "coordinate_transformation_mode", S: centres}}
		if nearest != "" {
			list = append(list, Attr{Name: "nearest_mode", S: nearest})
		}
		return list
	}
	require.Equal(t, "upsample", ops(resize(13, 2, mode("nearest", "asymmetric", "floor")...)))
	require.Equal(t, "upsample", ops(resize(13, 2)), "the defaults repeat rows")
	require.Equal(t, "upsample", ops(resize(10, 3)))
	require.Equal(t, "opaque", ops(resize(13, 3, mode("nearest", "asymmetric", "round_prefer_floor")...)), "rounds row 2 to 1")
	require.Equal(t, "opaque", ops(resize(13, 2, mode("nearest", "half_pixel", "floor")...)))
	require.Equal(t, "opaque", ops(resize(13, 1.5)))
	require.Equal(t, "opaque", ops(resize(13, 2, mode("linear", "align_corners", "")...)))
	require.Equal(t, "opaque", ops(resize(13, 2.1)), "four rows become eight, but at other places than twice as near")
	require.Equal(t, "opaque", ops(resize(13, 1.1)), "four rows stay four, but are not the same")
	g := resize(13, 2, mode("linear", "half_pixel", "")...)
	require.True(t, g.Layers[1].Bilinear)
	require.Equal(t, 2, g.Layers[1].Scale)
}

func TestSharedWeightsCountOnce(t *testing.T) {
	s := newSketch(1, 4, 6, 6).weight("w", 4, 4, 1, 1).op("Conv", "x w -> c").op("Identity", "w -> u").op("Conv", "c u -> y")
	g := s.graph(t, "y")
	require.EqualValues(t, 16, g.Params())
	require.EqualValues(t, 2*64, g.WeightBytes(), "both layers read them")
}

func TestDeadNodesAndSeveralOutputs(t *testing.T) {
	s := newSketch(1, 4, 6, 6).weight("w", 4, 4, 1, 1).op("Conv", "x w -> a").op("Relu", "x -> dead").op("Unknown", "dead -> gone").op("MaxPool", "a -> b", ints("kernel_shape", 2, 2))
	g, m, err := s.outputs("a", "b").load(t, Options{})
	require.NoError(t, err)
	require.Equal(t, "conv max_pool opaque", ops(g))
	last := g.Layers[3]
	require.Equal(t, workloads.Shape{C: 4*36 + 4*25, H: 1, W: 1}, last.Out)
	require.Zero(t, last.FLOPs)
	require.Contains(t, strings.Join(m.Assumptions, "; "), "2 outputs are joined")
}
