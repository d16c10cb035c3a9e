package onnx

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestRandomNodes throws operators together with any inputs and attributes: what cannot be is an error, what can is a graph
// that package workloads accepts, and nothing panics.
func TestRandomNodes(t *testing.T) {
	names := slices.Sorted(maps.Keys(operators()))
	loaded := 0
	rapid.Check(t, func(rt *rapid.T) {
		s := randomSketch(rt, names)
		file := s.bytes()
		g, m, err := read(bytes.NewReader(file), int64(len(file)), "m.onnx", Options{})
		if err != nil {
			require.NotContains(rt, err.Error(), "graph m: ", "package workloads rejects what the import made")
			require.NotContains(rt, err.Error(), "unsupported operator")
			return
		}
		loaded++
		require.Len(rt, m.Tensors, len(g.Layers))
		for i := range g.Layers {
			for _, id := range g.Layers[i].Nodes {
				require.NotNil(rt, m.Node(id))
			}
		}
	})
	require.Positive(t, loaded)
}

// randomSketch draws a network of a few nodes; most inputs and attributes are such that they might fit.
func randomSketch(rt *rapid.T, names []string) *sketch {
	n := func(lo, hi int, what string) int { return rapid.IntRange(lo, hi).Draw(rt, what) }
	s := newSketch(1, 4, 6, 6)
	if n(0, 3, "rank") == 0 {
		s = newSketch(1, 4, 6)
	}
	s.weight("w1", 4, 4, 1, 1).weight("w3", 4, 2, 3, 3).weight("c", 4).weight("m", 6, 4).weight("p", 1, 4, 1, 1).scalar("s", 6).scalar("z", 0)
	s.ints("i1", 1).ints("i2", 0, -1).ints("i4", 1, 1, 2, 2).ints("big", 1<<40, 1<<40).constant("f4", Float, []float64{1, 1, 2, 2}, 4)
	s.ints("p8", 0, 0, 1, 1, 0, 0, 1, 0)
	pool := []string{"w1", "w3", "c", "m", "p", "s", "z", "i1", "i2", "i4", "big", "f4", "p8", "_"}
	data := []string{"x"}
	for i := range n(1, 8, "nodes") {
		op := rapid.SampledFrom(names).Draw(rt, "op")
		in := rapid.SampledFrom(data).Draw(rt, "data")
		for range n(0, 4, "inputs") {
			if n(0, 2, "kind") == 0 {
				in += " " + rapid.SampledFrom(data).Draw(rt, "data")
			} else {
				in += " " + rapid.SampledFrom(pool).Draw(rt, "constant")
			}
		}
		out := "t" + itoa(i)
		data = append(data, out)
		if n(0, 4, "two") == 0 {
			out += " u" + itoa(i)
			data = append(data, "u"+itoa(i))
		}
		var attrs []Attr
		for range n(0, 3, "attributes") {
			attrs = append(attrs, randomAttr(rt))
		}
		s.op(op, in+" -> "+out, attrs...)
	}
	return s.outputs(data[1+n(0, len(data)-2, "output"):]...)
}

func randomAttr(rt *rapid.T) Attr {
	name := rapid.SampledFrom([]string{"axis", "axes", "perm", "pads", "kernel_shape", "strides", "group", "transB", "keepdims", "mode", "auto_pad",
		"to", "split", "starts", "ends", "scales", "blocksize", "value", "min", "max", "ceil_mode", "count_include_pad", "alpha"}).Draw(rt, "name")
	a := Attr{Name: name, I: rapid.Int64Range(-2, 8).Draw(rt, "i")}
	switch name {
	case "axes", "perm", "pads", "kernel_shape", "strides", "split", "starts", "ends":
		a.Ints = rapid.SliceOfN(rapid.Int64Range(-1, 4), 1, 8).Draw(rt, "ints")
		if name == "perm" {
			a.Ints = rapid.Permutation([]int64{0, 1, 2, 3}).Draw(rt, "perm")
		}
	case "mode", "auto_pad":
		a.S = rapid.SampledFrom([]string{"nearest", "linear", "reflect", "SAME_UPPER", "VALID", "nonsense"}).Draw(rt, "s")
	case "min", "max", "alpha":
		a.F = float32(a.I)
	case "value":
		a.Tensor = &Tensor{Name: "v", Type: Int64, Dims: []int64{2}, list: []float64{1, -1}}
	}
	return a
}
