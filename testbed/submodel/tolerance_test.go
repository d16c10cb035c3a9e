package submodel

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/strategies"
	"hidp/strategies/conformance"
	"hidp/workloads/onnx"
)

// Files that compute in int8 and float16 differ in strips by more than float32 may, and less than their own arithmetic allows. Strips
// whose halos are ignored are still found out.
func TestToleranceOfArithmetic(t *testing.T) {
	engine := ort(t)
	plat := conformance.Boards(1e9, 1, 1, 1, 1)
	for _, c := range []struct {
		file, says       string
		relative, atMost float64 // the tolerance, and the difference that is there
	}{
		{"qdq.onnx", "0.016: int8, sums in another order fall on the other side of a quantisation step", 2 / 127.5, 0.0077},
		{"half.onnx", "0.0039: float16, numbers are rounded to 2^-11 at other places", 0.00390625, 0.002},
	} {
		src, err := Open(filepath.Join("testdata", c.file), onnx.Options{})
		require.NoError(t, err)
		defer src.Close()
		require.Equal(t, c.relative, src.Tolerance().Relative)
		require.Equal(t, c.says, src.Tolerance().String())
		r := &Runner{Source: src, Engine: engine}
		in := inputOf(src.Graph, 1)
		want, err := r.Unsplit(in)
		require.NoError(t, err)
		run := func(options strategies.Options) Agreement {
			p, err := planned(t, "modnn", options, src.Graph, plat, 1)
			require.NoError(t, err)
			got, err := r.ExecutePlan(p, in)
			require.NoError(t, err)
			a, err := src.Compare(want, got)
			require.NoError(t, err)
			return a
		}
		a := run(strategies.Options{"sync": "layer", "weights": "equal"})
		require.True(t, a.OK(), "%s: %v", c.file, a)
		require.LessOrEqual(t, a.Relative(), c.atMost, c.file)
		require.False(t, run(strategies.Options{"sync": "once", "weights": "equal", "halo": "ignore"}).OK(), c.file)
	}
}

// What is computed in float32 keeps its tolerance.
func TestToleranceOfFloat32(t *testing.T) {
	src := fetched(t, "wake/hello_deepa.onnx", nil)
	require.Equal(t, "0.0001: float32, sums are added in another order", src.Tolerance().String())
}
