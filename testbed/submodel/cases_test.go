package submodel

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/testbed/inference"
	"hidp/workloads/onnx"
)

// Files that were cut wrongly, refused or made the program panic, although they validated: tensors in two arrangements, heads that end
// in views, rows behind a Reshape, inputs whose first extent is no batch. Every layer of them, whole and in strips, is what the file
// computes.
func TestFilesThatWereCutWrongly(t *testing.T) {
	engine := ort(t)
	for _, name := range []string{"nhwc_cumsum", "nhwc_cumsum_t", "nhwc_concat", "nchw_w3", "signal_w4", "heads_flatten", "heads_identity",
		"heads_one_tr", "heads_transpose", "peaks_b", "resh_rows", "reshape_mul", "frames", "timemajor", "scalar", "batch8flat"} {
		t.Run(name, func(t *testing.T) { checkFile(t, filepath.Join("testdata", name+".onnx"), engine) })
	}
}

// Inputs whose first extent is no batch: an image without one, a vector, and a batch of several samples of any of them.
func TestFirstExtentIsNoBatch(t *testing.T) {
	engine := ort(t)
	for _, dims := range [][]int64{{3, 8, 7}, {12}, {5, 4}, {2, 3, 4, 5}, {}} {
		s := newSketch(13)
		s.node("Sin", "sin", []string{"x"})
		s.node("Exp", "a", []string{"sin"})
		s.ports(dims, map[string][]int64{"a": dims})
		src := s.check(t, engine)
		r := &Runner{Source: src, Engine: engine}
		in := inputOf(src.Graph, 3)
		want, err := r.Unsplit(in)
		require.NoError(t, err)
		have := begin(t, src.Graph, in)
		require.NoError(t, r.Compute(whole(src.Graph, 1, len(src.Graph.Layers), 3), have))
		require.Zero(t, difference(t, want, answer(t, have, src.Graph.Output(), 3)))
	}
}

// Samples do not know of each other, also where the file could compute them at once, but takes statistics of all it is
// given.
func TestSamplesAreComputedApart(t *testing.T) {
	engine := ort(t)
	for _, name := range []string{"bn_train15", "conv_dynbias", "same_lower"} {
		src, err := Open(filepath.Join(root, "workloads", "onnx", "testdata", "runs", name+".onnx"), onnx.Options{})
		require.NoError(t, err)
		defer src.Close()
		r := &Runner{Source: src, Engine: engine}
		in := inputOf(src.Graph, 3)
		all, err := r.Unsplit(in)
		require.NoError(t, err)
		have := begin(t, src.Graph, in)
		require.NoError(t, r.Compute(whole(src.Graph, 1, len(src.Graph.Layers), 3), have))
		cut := answer(t, have, src.Graph.Output(), 3)
		for i := range 3 {
			want, err := r.Unsplit(sample(in, in.Shape, i, 3))
			require.NoError(t, err)
			require.Zero(t, difference(t, want, sample(all, all.Shape, i, 3)), "%s, sample %d", name, i)
			require.LessOrEqual(t, difference(t, want, sample(cut, cut.Shape, i, 3)), tolerance, "%s, sample %d", name, i)
		}
	}
}

func checkFile(t *testing.T, path string, engine inference.Engine) *Source {
	src, err := Open(path, onnx.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { src.Close() })
	checkSource(t, src, engine)
	return src
}
