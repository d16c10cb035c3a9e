package sealed

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryBitCounts(t *testing.T) {
	data := []byte(`{"says":"hidp-sha256:0123 is no seal","sum":"` + Blank + `"}` + "\n")
	Seal(data)
	require.NoError(t, Check(data))
	require.Contains(t, string(data), `"sum":"hidp-sha256:62427333b1417625379d923bf921d3fc"`, "files of earlier programs must stay readable")
	for i := range data {
		for bit := range 8 {
			data[i] ^= 1 << bit
			require.Error(t, Check(data), "byte %d bit %d", i, bit)
			data[i] ^= 1 << bit
		}
		require.Error(t, Check(data[:i]), "cut at %d", i)
	}
	require.Error(t, Check(append(data, 0)))
	require.ErrorIs(t, Check(nil), ErrNone)
	require.ErrorIs(t, Check([]byte("null")), ErrNone)
	require.ErrorIs(t, Check([]byte(Blank)), ErrWrong, "blank is no checksum")
}

func TestWhatAFileBelongsToCounts(t *testing.T) {
	data := []byte("x " + Blank)
	Seal(data, "run 1", "a")
	require.NoError(t, Check(data, "run 1", "a"))
	for _, other := range [][]string{nil, {"run 2", "a"}, {"run 1a"}, {"run 1", "a", ""}} {
		require.ErrorIs(t, Check(data, other...), ErrWrong)
	}
	require.Panics(t, func() { Seal(data) }, "sealed already")
	require.Panics(t, func() { Seal([]byte("x")) })
}
