package onnx

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/internal/parts"
	"hidp/workloads"
)

// fetched returns the path of a real file that scripts/fetch-test-models.sh fetches; without it the test is skipped.
func fetched(t *testing.T, name string) string {
	return parts.File(t, parts.Models, filepath.Join("..", "..", ".cache", "test-models", name))
}

// The parameters and multiply-accumulates of the PP-OCR networks were counted independently with the Python package onnx 1.12:
// floating-point constants that are not running statistics, and its own shape inference. Second summands are the layers whose
// shapes that could not infer (behind reshapes that depend on Shape), by hand.
func TestRealFiles(t *testing.T) {
	for _, c := range []struct {
		file           string
		input          []int
		params, macs   int64
		layers, blocks int
	}{
		{"ocr/ch_PP-OCRv4_det_infer.onnx", []int{1, 3, 320, 320}, 1171593, 575567744, 128, 17},
		{"ocr/ch_PP-OCRv4_rec_infer.onnx", []int{1, 3, 48, 320}, 2688509, 651181440 + 51288000, 113, 66},
		{"ocr/ch_ppocr_mobile_v2.0_cls_infer.onnx", []int{1, 3, 48, 192}, 129356, 16314976 + 200*2, 83, 28},
		{"wake/hello_deepa.onnx", nil, 78049, 2400*32 + 32*32 + 32, 6, 5},
	} {
		t.Run(c.file, func(t *testing.T) {
			opt := Options{}
			path := fetched(t, c.file)
			if c.input != nil {
				_, _, err := Load(path, opt)
				require.ErrorContains(t, err, "--input x=")
				opt.Inputs = map[string][]int{"x": c.input}
			}
			g, m, err := Load(path, opt)
			require.NoError(t, err)
			require.Equal(t, c.params, g.Params())
			require.Equal(t, c.macs, g.MACs())
			require.Len(t, g.Layers, c.layers)
			require.Len(t, g.Blocks(), c.blocks)
			requireComplete(t, g, m)
		})
	}
}

// requireComplete demands that every node of the file that computes on the data is in some layer.
func requireComplete(t *testing.T, g *workloads.Graph, m *Model) {
	have := map[string]bool{}
	for i := range g.Layers {
		for _, id := range g.Layers[i].Nodes {
			have[id] = true
		}
	}
	sorted, err := order(m)
	require.NoError(t, err)
	live := alive(m, sorted, true)
	data := map[string]bool{m.Input: true} // tensors that depend on the data
	for _, i := range sorted {
		n := &m.Nodes[i]
		if !live[i] || n.OpType == "Shape" || !slices.ContainsFunc(n.Inputs, func(in string) bool { return data[in] }) {
			continue
		}
		require.True(t, have[n.ID], "%v is in no layer", n)
		for _, out := range n.Outputs {
			data[out] = true
		}
	}
}

func TestControlFlowIsRefusedByName(t *testing.T) {
	_, _, err := Load(fetched(t, "vad/silero_vad_v5.onnx"), Options{Inputs: map[string][]int{"input": {1, 576}, "state": {2, 1, 128}}})
	require.ErrorContains(t, err, `node "If_0" (If): which branch is taken depends on "Equal_0_C", whose value is not known before the network runs`)
}

// TestShapesAgreeWithTheStandard compares the inferred shapes with those that ONNX's own one-operator models declare for
// their outputs. Inputs beyond the first are taken as constants of unknown value, so that models whose shapes depend on such are out.
func TestShapesAgreeWithTheStandard(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(fetched(t, "suite"), "*", "model.onnx"))
	require.NoError(t, err)
	agree := 0
	for _, path := range files {
		im := importOne(t, path)
		if im == nil {
			continue
		}
		for _, out := range im.m.Outputs {
			v := im.values[out.Name]
			if v == nil || !out.Shaped || slices.Contains(out.Dims, -1) {
				continue
			}
			require.Equal(t, len(out.Dims), len(v.dims), "%s: %s", path, out.Name)
			require.True(t, slices.Equal(out.Dims, v.dims), "%s: %s is %v, not %v", path, out.Name, out.Dims, v.dims)
			agree++
		}
	}
	require.Greater(t, agree, 500)
}

// importOne imports the nodes of a model of which nothing need be supported; nil if something is not.
func importOne(t *testing.T, path string) *importer {
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	info, err := file.Stat()
	require.NoError(t, err)
	m, err := decode(file, info.Size())
	if err != nil || m.Opset < minOpset || m.Opset > maxOpset || len(m.Inputs) == 0 {
		return nil
	}
	for i := range m.Inputs {
		if p := &m.Inputs[i]; p.Type.Bytes() == 0 || !p.Shaped || slices.Contains(p.Dims, -1) {
			return nil
		}
	}
	m.Path, m.Input = path, m.Inputs[0].Name
	sorted, err := order(m)
	require.NoError(t, err)
	im := newImporter(m, file, sorted, AnyLayout)
	if im.unsupported() != nil || im.run() != nil {
		return nil
	}
	return im
}
