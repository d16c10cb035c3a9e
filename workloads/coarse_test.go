package workloads

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// chainOf builds a chain of opaque layers with tensors of the given sizes and a million operations each.
func chainOf(t require.TestingT, bytes []int) *Graph {
	b := NewBuilder("chain", Shape{100, 1, 1})
	for i, n := range bytes {
		b.Add(Layer{Name: fmt.Sprint("layer", i), Op: OpOpaque, Inputs: []int{i}, Out: Shape{n, 1, 1}, FLOPs: 1e6, ElemBytes: 1})
	}
	g, err := b.Build()
	require.NoError(t, err)
	return g
}

func TestCoarseKeepsTheSmallestTensors(t *testing.T) {
	g := chainOf(t, []int{50, 10, 50, 50, 20, 50, 50, 50, 5, 50, 50, 50})
	require.Equal(t, []Block{{1, 3}, {3, 6}, {6, 10}, {10, 13}}, g.Coarse(4))
	require.Equal(t, []Block{{1, 13}}, g.Coarse(1))
}

func TestCoarseTilesTheChain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := chainOf(t, rapid.SliceOfN(rapid.IntRange(1, 100), 1, 60).Draw(t, "bytes"))
		most := rapid.IntRange(1, 60).Draw(t, "most")
		blocks := g.Coarse(most)
		require.LessOrEqual(t, len(blocks), most)
		if len(g.Blocks()) <= most {
			require.Equal(t, g.Blocks(), blocks)
			return
		}
		ends := map[int]bool{}
		for _, b := range g.Blocks() {
			ends[b.To] = true
		}
		at := 1
		for _, b := range blocks {
			require.Equal(t, at, b.From)
			require.Greater(t, b.To, b.From)
			require.True(t, ends[b.To], "blocks end at cut points")
			at = b.To
		}
		require.Equal(t, len(g.Layers), at)
		require.GreaterOrEqual(t, 3*len(blocks), most, "equal layers fill the parts")
	})
}
