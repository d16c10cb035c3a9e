package submodel

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"

	"hidp/testbed/inference"
	"hidp/workloads"
	"hidp/workloads/onnx"
	"hidp/workloads/tensor"
	"hidp/workloads/zoo"
)

// realFiles are files with their real weights.
func realFiles() map[string][]int {
	return map[string][]int{"ocr/ch_PP-OCRv4_det_infer.onnx": {1, 3, 320, 320}, "ocr/ch_PP-OCRv4_rec_infer.onnx": {1, 3, 48, 320},
		"ocr/ch_ppocr_mobile_v2.0_cls_infer.onnx": {1, 3, 48, 192}, "wake/hello_deepa.onnx": nil}
}

// Real files cut at every cut point, and into single layers, give the answer of the file.
func TestRealFilesInPieces(t *testing.T) {
	engine := ort(t)
	for name, dims := range realFiles() {
		t.Run(name, func(t *testing.T) {
			src := fetched(t, name, dims)
			g := src.Graph
			r := &Runner{Source: src, Engine: engine}
			in := inputOf(g, 1)
			want, err := r.Unsplit(in)
			require.NoError(t, err)
			byBlock, byLayer := begin(t, g, in), begin(t, g, in)
			for _, b := range g.Blocks() {
				require.NoError(t, r.Compute(whole(g, b.From, b.To, 1), byBlock))
			}
			require.LessOrEqual(t, difference(t, want, answer(t, byBlock, g.Output(), 1)), tolerance)
			for i := 1; i < len(g.Layers); i++ {
				require.NoError(t, r.Compute(whole(g, i, i+1, 1), byLayer))
			}
			require.LessOrEqual(t, difference(t, want, answer(t, byLayer, g.Output(), 1)), tolerance)
		})
	}
}

// The layers of real files, and runs of up to eight, in strips wherever the row arithmetic allows it, and by channels.
func TestRealFilesInStrips(t *testing.T) {
	engine := ort(t)
	for name, dims := range realFiles() {
		t.Run(name, func(t *testing.T) {
			src := fetched(t, name, dims)
			g := src.Graph
			r := &Runner{Source: src, Engine: engine}
			s := begin(t, g, inputOf(g, 1))
			split := 0
			for i := 1; i < len(g.Layers); i++ {
				require.NoError(t, r.Compute(whole(g, i, i+1, 1), s))
				from := max(1, i-i%8)
				for list := strips(g, from, i+1, 2+i%2); list == nil && from < i; list = strips(g, from, i+1, 2) {
					from++
				}
				if g.Rows(i) < 2 || strips(g, from, i+1, 2) == nil {
					continue
				}
				split++
				inexactStrips(t, r, s, from, i+1, 2+i%2)
			}
			t.Logf("%d of %d layers in strips", split, len(g.Layers)-1)
		})
	}
}

// inexactStrips compares strips of a slice with what the store has of its last layer.
func inexactStrips(t *testing.T, r *Runner, have *Store, from, to, k int) {
	g := r.Source.Graph
	s := NewStore(g)
	for _, p := range g.Work(whole(g, from, to, 1)).Inputs {
		x, _, err := have.Get(p)
		require.NoError(t, err)
		require.NoError(t, s.Put(p, x))
	}
	for _, slice := range strips(g, from, to, k) {
		require.NoError(t, r.Compute(slice, s), "%+v", slice)
	}
	d := difference(t, answer(t, have, to-1, 1), answer(t, s, to-1, 1))
	require.LessOrEqual(t, d, tolerance, "layers [%d,%d)", from, to)
}

// Wherever the weights are placed, the model computes the same; a Pack holds each weight once.
func TestPlacements(t *testing.T) {
	for _, engine := range engines(t) {
		src := randomSeed(t, 5)
		if _, reference := engine.(inference.Reference); !reference { // which lacks what the other file has
			src = fetched(t, "ocr/ch_ppocr_mobile_v2.0_cls_infer.onnx", []int{1, 3, 48, 192}) // its weights are inside the file
		}
		g := src.Graph
		folder := filepath.Dir(src.Model.Path)
		var in []inference.Tensor
		sub, err := src.Cut(whole(g, 1, len(g.Layers), 1))
		require.NoError(t, err)
		for _, p := range sub.Inputs {
			in = append(in, noise(p.Shape...))
		}
		run := func(place Placement, folder string) inference.Tensor {
			data, err := sub.Bytes(place)
			require.NoError(t, err)
			if pack, ok := place.(*Pack); ok {
				file, err := os.Create(filepath.Join(folder, "weights.bin"))
				require.NoError(t, err)
				n, err := pack.WriteTo(file)
				require.NoError(t, err)
				require.Equal(t, pack.Size(), n)
				require.NoError(t, file.Close())
			}
			l, err := Load(sub, engine, inference.Model{Bytes: data, Folder: folder}, inference.Options{})
			require.NoError(t, err)
			defer l.Session.Close()
			out, err := l.Run(in, nil)
			require.NoError(t, err)
			return out[0]
		}
		want := run(Inline{}, "")
		require.Zero(t, difference(t, want, run(Shared{}, folder)))
		pack := NewPack("weights.bin")
		require.Zero(t, difference(t, want, run(pack, t.TempDir())))
		size := pack.Size()
		for _, b := range g.Blocks() {
			block, err := src.Cut(whole(g, b.From, b.To, 1))
			require.NoError(t, err)
			_, err = block.Bytes(pack)
			require.NoError(t, err)
		}
		require.Equal(t, size, pack.Size(), "the blocks' weights are there already")
	}
}

// randomSeed returns a random network.
func randomSeed(t *testing.T, seed uint64) *Source {
	src := randomSource(t, t.TempDir(), newRandom(seed))
	t.Cleanup(func() { src.Close() })
	return src
}

// float_data takes the place of raw data in files of some exporters; also more of it than the import keeps.
func TestTypedWeights(t *testing.T) {
	const n = 5000
	var typed []byte
	for i := range n {
		typed = protowire.AppendFixed32(typed, math.Float32bits(float32(i)/n))
	}
	field := func(b []byte, number protowire.Number, v []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(b, number, protowire.BytesType), v)
	}
	number := func(b []byte, number protowire.Number, v uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(b, number, protowire.VarintType), v)
	}
	weights := number(number(number(nil, 1, n), 1, 1), 2, 1) // n×1 floats
	weights = field(field(weights, 8, []byte("w")), 4, typed)
	w := onnx.Writer{IRVersion: 8, Opset: 17, Name: "typed"}
	w.Node(&onnx.Node{OpType: "MatMul", Inputs: []string{"x", "w"}, Outputs: []string{"y"}})
	w.Input(onnx.Port{Name: "x", Type: onnx.Float, Shaped: true, Dims: []int64{1, n}})
	w.Output(onnx.Port{Name: "y", Type: onnx.Float, Shaped: true, Dims: []int64{1, 1}})
	path := filepath.Join(t.TempDir(), "typed.onnx")
	var model []byte
	for rest := w.Bytes(); len(rest) > 0; {
		tag, _, n := protowire.ConsumeField(rest)
		if tag == 7 { // the graph, which lacks its weights
			_, _, k := protowire.ConsumeTag(rest)
			graph, _ := protowire.ConsumeBytes(rest[k:])
			model = field(model, 7, field(append([]byte(nil), graph...), 5, weights))
		} else {
			model = append(model, rest[:n]...)
		}
		rest = rest[n:]
	}
	require.NoError(t, os.WriteFile(path, model, 0o600))

	src, err := Open(path, onnx.Options{})
	require.NoError(t, err)
	defer src.Close()
	ones := inference.NewTensor(1, n, 1, 1)
	for i := range ones.Data {
		ones.Data[i] = 1
	}
	for _, engine := range engines(t) {
		s := begin(t, src.Graph, ones)
		require.NoError(t, (&Runner{Source: src, Engine: engine}).Compute(whole(src.Graph, 1, 2, 1), s))
		require.InDelta(t, (n-1)/2.0, answer(t, s, 1, 1).Data[0], 0.1)
	}
}

// Slices that cannot be are refused by name.
func TestImpossibleSlices(t *testing.T) {
	g, err := zoo.Get("squeezenet1_1")
	require.NoError(t, err)
	src := exported(t, g)
	_, err = src.Cut(workloads.Slice{From: 3, To: 2})
	require.ErrorContains(t, err, "squeezenet1_1.onnx: layers [3,2): layers [3,2) are not in the graph's")
	_, err = src.Cut(g.Strip(whole(g, 1, 3, 1), tensor.Channel, workloads.Range{Hi: g.Layers[2].Out.C - 1}))
	require.ErrorContains(t, err, "only a single convolution or fully connected layer")
	_, err = Open(filepath.Join(t.TempDir(), "none.onnx"), onnx.Options{})
	require.ErrorContains(t, err, "none.onnx: no such file")
	require.NoError(t, src.Fits(g))
	other, err := zoo.Get("resnet18")
	require.NoError(t, err)
	require.ErrorContains(t, src.Fits(other), "layers, but the file")
}
