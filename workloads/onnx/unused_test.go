package onnx

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// withWeights writes a network of one activation, with weights that nobody reads and one that is read.
func withWeights(unused int) []byte {
	w := Writer{IRVersion: 8, Opset: 13, Name: "g"}
	for i := range unused {
		w.Inline(fmt.Sprint("unused", i), Float, []int64{1}, make([]byte, 4))
	}
	w.Inline("used", Float, []int64{1}, []byte{0, 0, 128, 63})
	w.Node(&Node{OpType: "Add", Name: "add", Inputs: []string{"x", "used"}, Outputs: []string{"y"}})
	w.Input(Port{Name: "x", Type: Float, Dims: []int64{1, 3, 4, 4}})
	w.Output(Port{Name: "y", Type: Float, Dims: []int64{1, 3, 4, 4}})
	return w.Bytes()
}

func TestWithoutUnused(t *testing.T) {
	for unused, slim := range map[int]bool{0: false, fewUnused: false, fewUnused + 1: true, 300_000: true} {
		file := withWeights(unused)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		m, err := Decode(bytes.NewReader(file), int64(len(file)), ".")
		require.NoError(t, err)
		b, err := m.WithoutUnused(bytes.NewReader(file), int64(len(file)))
		require.NoError(t, err)
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(500<<20))
		if !slim {
			require.Nil(t, b)
			continue
		}
		require.Equal(t, withWeights(0), b, "the same as if they had never been there")
	}
}
