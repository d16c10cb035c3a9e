package submodel

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/testbed/inference"
	"hidp/workloads"
	"hidp/workloads/onnx"
	"hidp/workloads/tensor"
)

// sketch writes small files by hand, as other exporters than our own would.
type sketch struct {
	onnx.Writer
	random *rand.Rand
}

func newSketch(opset int64) *sketch {
	return &sketch{onnx.Writer{IRVersion: 7, Opset: opset, Name: "sketch"}, rand.New(rand.NewPCG(4, 4))}
}

func (s *sketch) node(op, out string, in []string, attrs ...onnx.Attr) {
	s.Node(&onnx.Node{Name: out, OpType: op, Inputs: in, Outputs: []string{out}, Attrs: attrs})
}

// learnt adds a weight.
func (s *sketch) learnt(name string, dims ...int64) string {
	n := int64(1)
	for _, d := range dims {
		n *= d
	}
	var raw []byte
	for range n {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(s.random.Float32()-0.4))
	}
	s.Inline(name, onnx.Float, dims, raw)
	return name
}

// given adds numbers that say how.
func (s *sketch) given(name string, list ...int64) string {
	var raw []byte
	for _, v := range list {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(v))
	}
	s.Inline(name, onnx.Int64, []int64{int64(len(list))}, raw)
	return name
}

func (s *sketch) scales(name string, list ...float32) string {
	var raw []byte
	for _, v := range list {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	s.Inline(name, onnx.Float, []int64{int64(len(list))}, raw)
	return name
}

func (s *sketch) ports(in []int64, outs map[string][]int64) {
	s.Input(onnx.Port{Name: "x", Type: onnx.Float, Shaped: true, Dims: in})
	for _, name := range []string{"a", "b", "c"} {
		if dims := outs[name]; dims != nil {
			s.Output(onnx.Port{Name: name, Type: onnx.Float, Shaped: true, Dims: dims})
		}
	}
}

// check cuts the file to single layers, whole and in strips, and compares with the file.
func (s *sketch) check(t *testing.T, engine inference.Engine) *Source {
	path := filepath.Join(t.TempDir(), "sketch.onnx")
	require.NoError(t, os.WriteFile(path, s.Bytes(), 0o600))
	src, err := Open(path, onnx.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { src.Close() })
	checkSource(t, src, engine)
	return src
}

// checkSource cuts a source to single layers, whole and in strips, and compares with the file.
func checkSource(t *testing.T, src *Source, engine inference.Engine) {
	g := src.Graph
	r := &Runner{Source: src, Engine: engine}
	in := inputOf(g, 1)
	want, err := r.Unsplit(in)
	require.NoError(t, err)
	have := begin(t, g, in)
	require.NoError(t, r.Compute(whole(g, 1, len(g.Layers), 1), have))
	require.LessOrEqual(t, difference(t, want, answer(t, have, g.Output(), 1)), tolerance, "all layers as one slice")
	have = begin(t, g, in)
	for i := 1; i < len(g.Layers); i++ {
		require.NoError(t, r.Compute(whole(g, i, i+1, 1), have), "layer %d (%s)", i, g.Layers[i].Name)
		for _, k := range []int{2, 3} {
			if g.Rows(i) >= k && strips(g, i, i+1, k) != nil {
				inexactStrips(t, r, have, i, i+1, k)
			}
		}
	}
	require.LessOrEqual(t, difference(t, want, answer(t, have, g.Output(), 1)), tolerance, "layer by layer")
}

func perm(p ...int64) onnx.Attr { return onnx.Attr{Name: "perm", Ints: p} }

// A network whose images have their channels last, as TensorFlow exports them: transpositions lie between layers, and element-wise
// operators work on transposed maps.
func TestChannelsLast(t *testing.T) {
	engine := ort(t)
	s := newSketch(17)
	s.node("Transpose", "first", []string{"x"}, perm(0, 3, 1, 2))
	s.node("Conv", "conv", []string{"first", s.learnt("w", 4, 3, 3, 3)}, onnx.Attr{Name: "auto_pad", S: "SAME_UPPER"}, onnx.Attr{Name: "strides", Ints: []int64{2, 2}})
	s.node("Transpose", "last", []string{"conv"}, perm(0, 2, 3, 1))
	s.node("Mul", "scaled", []string{"last", s.learnt("scale", 4)})
	s.node("Relu", "relu", []string{"scaled"})
	s.node("Sin", "sin", []string{"last"})
	s.node("Add", "sum", []string{"relu", "sin"})
	s.node("Concat", "cat", []string{"sum", "sin"}, onnx.Attr{Name: "axis", I: 3})
	s.node("Transpose", "again", []string{"cat"}, perm(0, 3, 1, 2))
	s.node("Pad", "padded", []string{"again", s.given("pads", 0, 0, 1, 0, 0, 0, 1, 1)})
	s.node("Conv", "conv2", []string{"padded", s.learnt("w2", 5, 8, 3, 3), s.learnt("b2", 5)})
	s.node("Transpose", "a", []string{"conv2"}, perm(0, 2, 3, 1))
	s.ports([]int64{1, 11, 8, 3}, map[string][]int64{"a": {1, 6, 3, 5}})
	src := s.check(t, engine)
	require.Equal(t, onnx.Permuted, src.tensors[0].how)
	last, shown := src.layout("a", src.Graph.Output())
	require.True(t, shown)
	require.Equal(t, onnx.Permuted, last.how)
}

// A network with several outputs, one of them a second one of a node, shapes computed from shapes, and another element type inside.
func TestSeveralOutputs(t *testing.T) {
	engine := ort(t)
	s := newSketch(13)
	s.node("Conv", "conv", []string{"x", s.learnt("w", 6, 2, 3, 3)}, onnx.Attr{Name: "pads", Ints: []int64{1, 1, 1, 1}})
	s.Node(&onnx.Node{Name: "split", OpType: "Split", Inputs: []string{"conv"}, Outputs: []string{"left", "right"}, Attrs: []onnx.Attr{{Name: "axis", I: 1}}})
	s.node("Cast", "wide", []string{"right"}, onnx.Attr{Name: "to", I: int64(onnx.Double)})
	s.node("Sqrt", "root", []string{"wide"})
	s.node("Exp", "exp", []string{"wide"})
	s.node("Cast", "a", []string{"exp"}, onnx.Attr{Name: "to", I: int64(onnx.Float)})
	s.node("Shape", "shape", []string{"left"})
	s.node("Gather", "batch", []string{"shape", s.given("zero", 0)})
	s.node("Concat", "to", []string{"batch", s.given("rest", -1)}, onnx.Attr{Name: "axis", I: 0})
	s.node("Reshape", "flat", []string{"left", "to"})
	s.node("Gemm", "fc", []string{"flat", s.learnt("fw", 3*7*5, 4)})
	s.node("Softmax", "b", []string{"fc"}, onnx.Attr{Name: "axis", I: 1})
	s.ports([]int64{1, 2, 7, 5}, map[string][]int64{"a": {1, 3, 7, 5}, "b": {1, 4}})
	src := s.check(t, engine)
	require.True(t, src.joined(src.Graph.Output()))

	g := src.Graph // by channels, where the weights have the outputs last
	r := &Runner{Source: src, Engine: engine}
	for i := range g.Layers {
		if g.Layers[i].Op != workloads.OpLinear {
			continue
		}
		have := begin(t, g, inputOf(g, 1))
		for k := 1; k <= i; k++ {
			require.NoError(t, r.Compute(whole(g, k, k+1, 1), have))
		}
		parts := NewStore(g)
		for _, p := range g.Work(whole(g, i, i+1, 1)).Inputs {
			x, _, err := have.Get(p)
			require.NoError(t, err)
			require.NoError(t, parts.Put(p, x))
		}
		for _, c := range []workloads.Range{{Lo: 0, Hi: 1}, {Lo: 1, Hi: 4}} {
			require.NoError(t, r.Compute(g.Strip(whole(g, i, i+1, 1), tensor.Channel, c), parts))
		}
		require.LessOrEqual(t, difference(t, answer(t, have, i, 1), answer(t, parts, i, 1)), tolerance)
	}
}

// The forms that operators have had in the course of the versions.
func TestOperatorSets(t *testing.T) {
	engine := ort(t)
	for _, opset := range []int64{8, 9, 10, 11, 12, 13, 17, 18, 21} {
		t.Run(fmt.Sprint(opset), func(t *testing.T) {
			s := newSketch(opset)
			s.node("Conv", "conv", []string{"x", s.learnt("w", 4, 2, 3, 3)}, onnx.Attr{Name: "pads", Ints: []int64{1, 1, 1, 1}})
			s.node("Relu", "relu", []string{"conv"})
			nearest := onnx.Attr{Name: "mode", S: "nearest"}
			switch {
			case opset < 9:
				s.node("Upsample", "up", []string{"relu"}, nearest, onnx.Attr{Name: "scales"})
			case opset < 10:
				s.node("Upsample", "up", []string{"relu", s.scales("scales", 1, 1, 2, 2)}, nearest)
			case opset < 11:
				s.node("Resize", "up", []string{"relu", s.scales("scales", 1, 1, 2, 2)}, nearest)
			case opset < 13:
				s.node("Resize", "up", []string{"relu", s.scales("roi"), s.scales("scales", 1, 1, 2, 2)}, nearest)
			default:
				s.node("Resize", "up", []string{"relu", "", "", s.given("sizes", 1, 4, 18, 12)}, nearest)
			}
			if opset < 9 { // scales are an attribute of floats, which the writer has no need for
				s = newSketch(opset)
				s.node("Conv", "up", []string{"x", s.learnt("w", 4, 2, 3, 3)}, onnx.Attr{Name: "pads", Ints: []int64{1, 1, 1, 1}})
			}
			s.node("MaxPool", "max", []string{"up"}, onnx.Attr{Name: "kernel_shape", Ints: []int64{3, 3}}, onnx.Attr{Name: "strides", Ints: []int64{2, 2}})
			s.node("AveragePool", "avg", []string{"max"}, onnx.Attr{Name: "kernel_shape", Ints: []int64{2, 2}})
			s.node("Conv", "conv2", []string{"avg", s.learnt("w2", 4, 4, 1, 1)})
			s.node("Add", "sum", []string{"conv2", "avg"})
			s.node("GlobalAveragePool", "a", []string{"sum"})
			s.ports([]int64{1, 2, 9, 6}, map[string][]int64{"a": {1, 4, 1, 1}})
			src := s.check(t, engine)
			if r := (&Runner{Source: src, Engine: engine}); opset >= 9 { // a halo that is ignored needs zeros at the seams
				slice := src.Graph.Strip(whole(src.Graph, 1, len(src.Graph.Layers)-1, 1), tensor.Row, workloads.Range{Hi: 1})
				slice.Halo = workloads.HaloIgnore
				require.NoError(t, r.Compute(slice, begin(t, src.Graph, inputOf(src.Graph, 1))))
			}
		})
	}
}
