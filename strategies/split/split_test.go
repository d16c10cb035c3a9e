package split

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hidp/workloads"
	"hidp/workloads/zoo"
)

func TestSharesByHand(t *testing.T) {
	require.Equal(t, []int{4, 2, 1}, Shares(7, []float64{4, 2, 1}))
	require.Equal(t, []int{3, 2, 2}, Shares(7, []float64{1, 1, 1}), "the first of equals gets the odd unit")
	require.Equal(t, []int{0, 1}, Shares(1, []float64{1, 2}))
	require.Equal(t, []int{2, 2}, Shares(4, []float64{0, 0}))
	require.Equal(t, []workloads.Range{{Lo: 0, Hi: 4}, {Lo: 4, Hi: 4}, {Lo: 4, Hi: 7}}, Ranges(7, []float64{4, 0, 3}))
}

// Shares tile the total, and nobody is a whole unit or more from its quota.
func TestSharesAreProportional(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.IntRange(0, 1000).Draw(t, "total")
		weights := rapid.SliceOfN(rapid.Float64Range(1e-3, 1e3), 1, 8).Draw(t, "weights")
		var sum, used = 0.0, 0
		for _, w := range weights {
			sum += w
		}
		for i, n := range Shares(total, weights) {
			require.InDelta(t, float64(total)*weights[i]/sum, n, 1+1e-9)
			used += n
		}
		require.Equal(t, total, used)
	})
}

// Before the tail, every known network has five stages (tables 1 of the papers; the stem goes with what follows it).
func TestBoundariesOfKnownNetworks(t *testing.T) {
	for name, want := range map[string]int{"vgg16": 4, "vgg19": 4, "resnet152": 4, "efficientnet_b0": 4, "inception_v3": 4} {
		g, err := zoo.Get(name)
		require.NoError(t, err)
		body, n := Body(g), 0
		for _, b := range Boundaries(g) {
			if b < body {
				n++
			}
		}
		require.Equal(t, want, n, "%s: %v", name, Boundaries(g))
	}
}

func TestPiecesStopAtSqueezeExcite(t *testing.T) {
	g, err := zoo.Get("efficientnet_b0")
	require.NoError(t, err)
	pieces := Pieces(g, 1, len(g.Layers), workloads.HaloRecompute)
	require.Len(t, pieces, 3*16+2, "strips, gate and projection of 16 blocks, then the head and the classifier")
	for i, p := range pieces[:3*16] {
		require.Equal(t, i%3 == 1, p.Whole)
	}
	require.Len(t, Pieces(g, 1, len(g.Layers), workloads.HaloIgnore), 2)
}
