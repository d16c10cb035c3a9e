package inference

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/workloads"
	"hidp/workloads/onnx"
)

// menagerie is a small network of every layer and activation that an export can have and the reference engine knows.
func menagerie(t testing.TB) string {
	b := workloads.NewBuilder("menagerie", workloads.Shape{C: 4, H: 15, W: 13})
	x := 0
	for act := workloads.NoAct; act <= workloads.GELU; act++ {
		w := workloads.Rect(1+int(act)%3, 3, int(act)%3/2, 1)
		x = b.Conv("", x, workloads.Conv{Out: 8, Groups: 1 + int(act)%2*3, Window: w, Bias: act%2 == 0, Norm: act%3 == 0, Act: act})
	}
	x = b.Pool("max", workloads.OpMaxPool, x, workloads.Window{KH: 3, KW: 2, SH: 2, SW: 2, DH: 1, DW: 1, PadTop: 1, PadRight: 1, Ceil: true})
	w := workloads.Square(3, 2, 1)
	w.CountPad = true
	y := b.Pool("average", workloads.OpAvgPool, x, w)
	s := b.Shape(y)
	u := b.Add(workloads.Layer{Name: "nearest", Op: workloads.OpUpsample, Inputs: []int{y}, Scale: 2, Out: workloads.Shape{C: s.C, H: 2 * s.H, W: 2 * s.W}})
	v := b.Add(workloads.Layer{Name: "bilinear", Op: workloads.OpUpsample, Inputs: []int{y}, Scale: 2, Out: workloads.Shape{C: s.C, H: 2 * s.H, W: 2 * s.W}, Bilinear: true})
	x = b.Norm("norm", b.Concat("concat", u, v, b.Sum("three", workloads.NoAct, u, v, v)), workloads.ReLU)
	gate := b.Linear("gate", b.GlobalPool("squeeze", x), b.Shape(x).C, workloads.Sigmoid)
	x = b.Mul("scale", x, gate)
	x = b.Linear("fc", x, 9, workloads.NoAct)
	b.Add(workloads.Layer{Name: "softmax", Op: workloads.OpSoftmax, Inputs: []int{x}, Out: b.Shape(x)})
	g, err := b.Build()
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "menagerie.onnx")
	require.NoError(t, onnx.Export(g, path, 3))
	return path
}

func TestReferenceAgreesWithORT(t *testing.T) {
	ort := openORT(t)
	path := menagerie(t)
	in := NewTensor(2, 4, 15, 13)
	random := rand.New(rand.NewPCG(1, 1))
	for i := range in.Data {
		in.Data[i] = 4*random.Float32() - 2
	}
	var answers []map[string]Tensor
	for _, e := range []Engine{ort, Reference{}} {
		s, err := e.Load(Model{Path: path}, Options{})
		require.NoError(t, err)
		out, err := s.Run(map[string]Tensor{"input": in}, nil)
		require.NoError(t, err)
		require.NoError(t, s.Close())
		answers = append(answers, out)
	}
	require.Len(t, answers[0], 1)
	for name, want := range answers[0] {
		require.Equal(t, want.Shape, answers[1][name].Shape)
		require.InDeltaSlice(t, want.Data, answers[1][name].Data, 1e-5)
	}
}

// Models that are wrong, each told by name, and none a crash.
func TestReferenceRefuses(t *testing.T) {
	model := func(build func(w *onnx.Writer)) []byte {
		w := &onnx.Writer{IRVersion: 8, Opset: 17, Name: "wrong"}
		w.Input(onnx.Port{Name: "x", Type: onnx.Float, Shaped: true, Dims: []int64{1, 2}})
		w.Output(onnx.Port{Name: "y", Type: onnx.Float, Shaped: true, Dims: []int64{1, 2}})
		build(w)
		return w.Bytes()
	}
	one := binary.LittleEndian.AppendUint32(nil, math.Float32bits(1))
	for name, c := range map[string]struct {
		model      []byte
		load, runs string
	}{
		"operator": {model(func(w *onnx.Writer) {
			w.Node(&onnx.Node{OpType: "Einsum", Inputs: []string{"x"}, Outputs: []string{"y"}})
		}),
			"has no operator Einsum", ""},
		"domain": {model(func(w *onnx.Writer) {
			w.Node(&onnx.Node{OpType: "Relu", Domain: "com.example", Inputs: []string{"x"}, Outputs: []string{"y"}})
		}), "has no operator Relu", ""},
		"type":  {model(func(w *onnx.Writer) { w.Inline("w", onnx.Double, []int64{1}, make([]byte, 8)) }), "element type 11", ""},
		"short": {model(func(w *onnx.Writer) { w.Inline("w", onnx.Float, []int64{2}, one) }), "8 bytes, but its data has 4", ""},
		"outside": {model(func(w *onnx.Writer) { w.External("w", onnx.Float, []int64{1}, "../w", onnx.Span{Length: 4}) }),
			"must be a file in the model's own folder", ""},
		"unfed": {model(func(w *onnx.Writer) {
			w.Node(&onnx.Node{OpType: "Relu", Inputs: []string{"z"}, Outputs: []string{"y"}})
		}), "", "its input is missing"},
		"nothing": {model(func(w *onnx.Writer) {}), "", `output "y" is not computed`},
		"shapes": {model(func(w *onnx.Writer) {
			w.Inline("w", onnx.Float, []int64{1, 1, 1, 1}, one)
			w.Node(&onnx.Node{OpType: "Conv", Inputs: []string{"x", "w"}, Outputs: []string{"y"}})
		}), "", "its inputs do not fit"},
		"constant": {model(func(w *onnx.Writer) { w.Node(&onnx.Node{OpType: "Constant", Outputs: []string{"y"}}) }), "has no tensor", ""},
	} {
		s, err := Reference{}.Load(Model{Bytes: c.model, Folder: t.TempDir()}, Options{})
		if c.load != "" {
			require.ErrorContains(t, err, c.load, name)
			continue
		}
		require.NoError(t, err, name)
		_, err = s.Run(map[string]Tensor{"x": NewTensor(1, 2)}, nil)
		require.ErrorContains(t, err, c.runs, name)
	}
	_, err := Reference{}.Load(Model{Bytes: []byte{1}}, Options{Provider: "cuda"})
	require.ErrorContains(t, err, "no provider cuda")
}

// Whatever bytes a model is, loading and running it ends with an answer or an error.
func FuzzReference(f *testing.F) {
	f.Add(affine(f, ""))
	if data, err := os.ReadFile(menagerie(f)); err == nil {
		f.Add(data)
	}
	folder := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Reference{}.Load(Model{Bytes: data, Folder: folder}, Options{})
		if err != nil {
			return
		}
		in := map[string]Tensor{}
		for _, spec := range s.Inputs() {
			var shape []int
			for _, d := range spec.Shape {
				shape = append(shape, max(0, min(d, 4)))
			}
			in[spec.Name] = NewTensor(shape...)
		}
		_, _ = s.Run(in, nil) // only a crash is a fault
	})
}

func TestTensor(t *testing.T) {
	x := NewTensor(2, 3)
	require.NoError(t, x.Check())
	require.Equal(t, []int{3, 2}, x.Reshape(3, 2).Shape)
	require.Panics(t, func() { x.Reshape(4) })
	require.Error(t, Tensor{Shape: []int{-1}, Data: nil}.Check())
}
