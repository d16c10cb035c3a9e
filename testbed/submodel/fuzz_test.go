package submodel

import (
	"os"
	"path/filepath"
	"testing"

	"hidp/workloads"
	"hidp/workloads/onnx"
	"hidp/workloads/tensor"
)

// Whatever a file is, opening it and cutting it anywhere ends with models or errors.
func FuzzCut(f *testing.F) {
	for opset := int64(9); opset < 18; opset += 4 {
		s := newSketch(opset)
		s.node("Conv", "conv", []string{"x", s.learnt("w", 4, 2, 3, 3)}, onnx.Attr{Name: "pads", Ints: []int64{1, 1, 1, 1}})
		s.node("Transpose", "view", []string{"conv"}, perm(0, 2, 3, 1))
		s.node("Add", "sum", []string{"view", s.learnt("bias", 4)})
		s.node("Transpose", "back", []string{"sum"}, perm(0, 3, 1, 2))
		s.node("MaxPool", "max", []string{"back"}, onnx.Attr{Name: "kernel_shape", Ints: []int64{3, 3}}, onnx.Attr{Name: "strides", Ints: []int64{2, 2}})
		s.node("Resize", "up", []string{"max", "", s.scales("scales", 1, 1, 2, 2)}, onnx.Attr{Name: "mode", S: "nearest"})
		s.node("GlobalAveragePool", "pool", []string{"up"})
		s.node("Flatten", "flat", []string{"pool"})
		s.node("Gemm", "a", []string{"flat", s.learnt("fc", 4, 3)})
		s.ports([]int64{1, 2, 9, 6}, map[string][]int64{"a": {1, 3}})
		f.Add(s.Bytes())
	}
	folder := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(folder, "fuzz.onnx")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		src, err := Open(path, onnx.Options{})
		if err != nil {
			return
		}
		defer src.Close()
		g := src.Graph
		for to := 2; to <= min(len(g.Layers), 12); to++ {
			slice := whole(g, max(1, to-3), to, 1+to%2)
			cutAll(src, slice)
			rows, channels := g.Rows(to-1), g.Layers[to-1].Out.C
			cutAll(src, g.Strip(slice, tensor.Row, workloads.Range{Lo: rows / 3, Hi: rows - rows/4}))
			cutAll(src, g.Strip(whole(g, to-1, to, 1), tensor.Channel, workloads.Range{Lo: channels / 2, Hi: channels}))
		}
	})
}

// cutAll cuts and writes a slice, if it can be.
func cutAll(src *Source, s workloads.Slice) {
	const most = 1 << 20 // elements: what is tried is the structure
	if src.Graph.Geometry(s.To-1).Dims.Elements(&s.Out) > most {
		return
	}
	sub, err := src.Cut(s)
	if err != nil {
		return
	}
	_, _ = sub.Bytes(Inline{})
	_, _ = sub.Bytes(NewPack("weights"))
}
