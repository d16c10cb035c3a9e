package onnx

import (
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/workloads"
)

// An image of few columns is no image with its channels last if a convolution reads it behind element-wise nodes; where the nodes do
// not tell, the last extent decides, which is noted, and the user overrules.
func TestLayoutOfImages(t *testing.T) {
	s := newSketch(1, 16, 128, 3).weight("k").weight("w", 8, 16, 3, 3)
	s.op("Mul", "x k -> m").op("Conv", "m w -> y", ints("pads", 1, 1, 1, 1)).outputs("y")
	g, m, err := s.load(t, Options{})
	require.NoError(t, err)
	require.Equal(t, "elementwise conv", ops(g))
	require.Equal(t, workloads.Shape{C: 16, H: 128, W: 3}, g.Layers[0].Out)
	require.Empty(t, m.Assumptions)

	s = newSketch(1, 16, 128, 3).op("Sin", "x -> y").outputs("y")
	for layout, want := range map[Layout]workloads.Shape{AnyLayout: {C: 3, H: 16, W: 128}, NHWC: {C: 3, H: 16, W: 128}, NCHW: {C: 16, H: 128, W: 3}} {
		g, m, err := s.load(t, Options{Layout: layout})
		require.NoError(t, err)
		require.Equal(t, want, g.Layers[0].Out)
		require.Len(t, m.Assumptions, map[Layout]int{AnyLayout: 1}[layout])
	}

	s = newSketch(1, 9, 7, 5).weight("w", 8, 5, 3, 3).op("Transpose", "x -> t", ints("perm", 0, 3, 1, 2)).op("Conv", "t w -> y").outputs("y")
	g, m, err = s.load(t, Options{})
	require.NoError(t, err)
	require.Equal(t, "conv", ops(g))
	require.Contains(t, m.Assumptions[0], "--layout nchw says otherwise")
	g, _, err = s.load(t, Options{Layout: NCHW})
	require.NoError(t, err)
	require.Equal(t, "opaque conv", ops(g))

	_, err = ParseLayout("hwc")
	require.ErrorContains(t, err, "neither nchw")
}

// A batch that is built into a Reshape is named, and so is one behind any other fault.
func TestBatchBuiltIntoTheFile(t *testing.T) {
	s := newSketch(8, 3, 6, 6).weight("w", 10, 108).ints("s", 8, -1)
	s.op("Reshape", "x s -> f").op("Gemm", "f w -> y", Attr{Name: "transB", I: 1}).outputs("y")
	_, _, err := s.load(t, Options{})
	require.ErrorContains(t, err, "a batch of 8 is built into the shape [8 -1]")
	s = newSketch(8, 3, 6, 6).weight("w", 4, 5, 1, 1).op("Conv", "x w -> y").outputs("y")
	_, _, err = s.load(t, Options{})
	require.ErrorContains(t, err, "the batch of 8 that the file fixes is taken as 1")
}

// What sits behind a Reshape of a map is no part of the layer that makes the map, for rows of it could not be computed apart; a layer
// whose rows cannot be told apart is executed whole.
func TestRowsBehindAReshape(t *testing.T) {
	s := newSketch(1, 3, 12, 12).weight("w", 8, 3, 3, 3).weight("w2", 4, 8, 1, 1).ints("flat", 1, 8, 144).ints("map", 1, 8, 12, 12)
	s.op("Conv", "x w -> a", ints("pads", 1, 1, 1, 1)).op("Reshape", "a flat -> r").op("Relu", "r -> q").op("Reshape", "q map -> z").op("Conv", "z w2 -> y")
	g := s.graph(t, "y")
	require.Equal(t, "conv opaque conv", ops(g))
	require.Equal(t, workloads.Shape{C: 8, H: 12, W: 12}, g.Layers[2].Out)

	s = newSketch(1, 3, 12, 12).weight("w", 8, 3, 1, 1).op("Conv", "x w -> a").op("Transpose", "a -> t", ints("perm", 0, 2, 3, 1)).op("LRN", "t -> n", Attr{Name: "size", I: 3})
	s.op("Transpose", "n -> y", ints("perm", 0, 3, 1, 2))
	require.Equal(t, "conv opaque", ops(s.graph(t, "y")), "it normalises across rows")
}
