package onnx

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/workloads"
)

func TestInputs(t *testing.T) {
	open := func() *sketch {
		return newSketch(-1, 3, -1, -1).weight("w", 4, 3, 1, 1).op("Conv", "x w -> y").outputs("y")
	}
	_, _, err := open().load(t, Options{})
	require.ErrorContains(t, err, `sketch.onnx: input "x" has the dynamic shape ?x3x?x?: say its size, for example --input x=1x3x224x224`)
	g, m, err := open().load(t, Options{Inputs: map[string][]int{"x": {1, 3, 20, 30}}})
	require.NoError(t, err)
	require.Equal(t, workloads.Shape{C: 3, H: 20, W: 30}, g.Layers[0].Out)
	require.Equal(t, []int64{1, 3, 20, 30}, m.InputDims)
	for dims, want := range map[string][]int{"has 4 dimensions (?x3x?x?), but --input gives 2": {1, 3}, "must be at least 1": {1, 3, 0, 4},
		"the first dimension must be 1": {2, 3, 4, 4}, "weights [4 3 1 1] in 1 groups do not fit": {1, 5, 4, 4}} {
		_, _, err = open().load(t, Options{Inputs: map[string][]int{"x": want}})
		require.ErrorContains(t, err, dims)
	}
	_, _, err = open().load(t, Options{Inputs: map[string][]int{"y": {1, 3, 4, 4}}})
	require.ErrorContains(t, err, `has no input "y" (--input): its inputs are "x"`)

	fixed := newSketch(8, 3, 4, 4).weight("w", 4, 3, 1, 1).op("Conv", "x w -> y").outputs("y")
	g, m, err = fixed.load(t, Options{})
	require.NoError(t, err)
	require.EqualValues(t, 4*3*16, g.MACs())
	require.Contains(t, m.Assumptions[0], "8 in the file, is taken as 1")

	two := newSketch(1, 4).op("Add", "x z -> y").outputs("y")
	two.Inputs = append(two.Inputs, Port{Name: "z", Type: Float, Dims: []int64{1, 4}, Params: []string{"", ""}, Shaped: true})
	_, _, err = two.load(t, Options{})
	require.ErrorContains(t, err, `has several inputs ("x", "z"), and only one can be the data`)
	g, _, err = two.load(t, Options{Inputs: map[string][]int{"z": {1, 4}}})
	require.NoError(t, err)
	require.Equal(t, "z", g.Layers[0].Name)
}

func TestOpsetsFrom7To24(t *testing.T) {
	at := func(opset int64) error {
		s := newSketch(1, 3, 4, 4).op("Relu", "x -> y").outputs("y")
		s.Opset = opset
		_, _, err := s.load(t, Options{})
		return err
	}
	require.NoError(t, at(7))
	require.NoError(t, at(24))
	require.ErrorContains(t, at(6), "operator set 6; versions 7 to 24")
	require.ErrorContains(t, at(25), "operator set 25")
}

func TestUnsupportedOperatorsAreAllNamed(t *testing.T) {
	s := newSketch(1, 3, 4, 4).op("Loop", "x -> a").op("Loop", "a -> b").op("FusedThing", "b -> y").outputs("y")
	s.Nodes[2].Domain = "com.example"
	_, _, err := s.load(t, Options{})
	require.ErrorContains(t, err, `unsupported operators: Loop (node "na" and 1 more, domain ai.onnx): the file does not state the shape of its output "a", with which it could be executed whole; com.example.FusedThing (node "ny", domain com.example): the file does`)
}

func TestNodesCanBeFoundInTheFile(t *testing.T) {
	s := newSketch(1, 3, 4, 4).weight("w", 3, 3, 1, 1).op("Conv", "x w -> c").op("Relu", "c -> y").outputs("y")
	s.Nodes[1].Name = "" // a node without a name is called as its output
	file := s.bytes()
	_, m, err := read(bytes.NewReader(file), int64(len(file)), "m.onnx", Options{})
	require.NoError(t, err)
	for i := range m.Nodes {
		n := &m.Nodes[i]
		require.Equal(t, encodeNode(&s.Nodes[i]), file[n.Source.Offset:n.Source.Offset+n.Source.Length])
	}
	require.Equal(t, []string{"nc", "y"}, []string{m.Nodes[0].ID, m.Nodes[1].ID})
	require.Nil(t, m.Node("ny"))
	require.Equal(t, []string{"x", "y"}, m.Tensors)
}

func TestUnorderedFilesAreSorted(t *testing.T) {
	s := newSketch(1, 3, 4, 4).weight("w", 3, 3, 1, 1).op("Conv", "x w -> c").op("Relu", "c -> r").op("MaxPool", "r -> y", ints("kernel_shape", 2, 2))
	want := s.graph(t, "y")
	slices.Reverse(s.Nodes)
	got := s.graph(t, "y")
	require.Equal(t, want.Fingerprint(), got.Fingerprint())
}
