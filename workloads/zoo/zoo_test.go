package zoo

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/workloads"
)

// published holds what torchvision states of its models: "num_params" and "_ops" (GFLOPS, multiply-accumulates) of the weight
// entries in torchvision/models/*.py and the table "Table of all available classification weights" of its documentation. The
// parameters of inception_v3 and googlenet are without the auxiliary heads, which the documentation includes for the former
// (27161264, of which 3326696 are the head's).
//
// Blocks are counted by hand: see the reasons.
var published = []struct {
	name   string
	side   int
	params int64
	gmac   float64
	blocks int
	why    string
}{
	{"vgg16", 224, 138357544, 15.47, 21, "13 conv + 5 pool + 3 fc, a chain"},
	{"vgg19", 224, 143667240, 19.63, 24, "16 conv + 5 pool + 3 fc, a chain"},
	{"resnet18", 224, 11689512, 1.81, 12, "conv, pool, 8 residual blocks, global pool, fc"},
	{"resnet50", 224, 25557032, 4.09, 20, "conv, pool, 16 residual blocks, global pool, fc"},
	{"resnet101", 224, 44549160, 7.80, 37, "conv, pool, 33 residual blocks, global pool, fc"},
	{"resnet152", 224, 60192808, 11.51, 54, "conv, pool, 50 residual blocks, global pool, fc"},
	{"inception_v3", 299, 23834568, 5.71, 20, "5 conv, 2 pools, 11 mixed blocks, global pool, fc"},
	{"googlenet", 224, 6624904, 1.50, 18, "3 conv, 4 pools, 9 inception blocks, global pool, fc"},
	{"efficientnet_b0", 224, 5288548, 0.39, 40, "stem; first block: depthwise, attention, projection; 6 blocks that change the shape: " +
		"expansion, depthwise, attention, projection; 9 residual blocks; head, global pool, fc"},
	{"mobilenet_v2", 224, 3504872, 0.30, 34, "stem; first block: 2 layers; 6 blocks that change the shape: 3 layers each; 10 residual blocks; " +
		"head, global pool, fc"},
	{"densenet121", 224, 7978856, 2.83, 72, "conv, pool, 58 dense layers, 3 transitions of 3 layers, norm, global pool, fc"},
	{"squeezenet1_1", 224, 1235496, 0.35, 22, "conv, 3 pools, 8 fires (squeeze | both expansions), conv, global pool"},
}

func TestPublished(t *testing.T) {
	require.Len(t, Names(), len(published))
	for i, want := range published {
		t.Run(want.name, func(t *testing.T) {
			require.Equal(t, want.name, Names()[i])
			g, err := Get(want.name)
			require.NoError(t, err)
			require.Equal(t, want.name, g.Name)
			require.Equal(t, workloads.Shape{C: 3, H: want.side, W: want.side}, g.Layers[0].Out)
			require.Equal(t, workloads.Shape{C: 1000, H: 1, W: 1}, g.Layers[g.Output()].Out)
			require.Equal(t, want.params, g.Params())
			require.Equal(t, 4*want.params, g.WeightBytes())
			require.Equal(t, want.gmac, math.Round(float64(g.MACs())/1e7)/100, "%d MACs", g.MACs())
			require.Len(t, g.Blocks(), want.blocks, want.why)
		})
	}
}

func TestBlocksTileTheLayersAndCutSingleTensors(t *testing.T) {
	for _, name := range Names() {
		g, err := Get(name)
		require.NoError(t, err)
		next := 1
		for _, b := range g.Blocks() {
			require.Equal(t, next, b.From)
			require.Greater(t, b.To, b.From)
			for i := b.From; i < b.To; i++ {
				for _, in := range g.Layers[i].Inputs {
					require.GreaterOrEqual(t, in, b.From-1, "%s: layer %s reads past a cut", name, g.Layers[i].Name)
				}
			}
			next = b.To
		}
		require.Equal(t, len(g.Layers), next)
	}
}

func TestEntriesAreDescribedAndNamesUnique(t *testing.T) {
	for _, e := range Entries() {
		require.NotEmpty(t, e.Description)
		require.Contains(t, e.Paper, "arXiv:")
		g, err := e.Build()
		require.NoError(t, err)
		seen := map[string]bool{}
		for _, l := range g.Layers {
			require.False(t, seen[l.Name], "%s has two layers %s", e.Name, l.Name)
			seen[l.Name] = true
		}
	}
}

func TestUnknownNameSuggests(t *testing.T) {
	_, err := Get("resnet151")
	require.EqualError(t, err, `no model "resnet151" (did you mean "resnet101"?)`)
	_, err = Get("transformer")
	require.ErrorContains(t, err, "known are [vgg16 vgg19")
}

// The bytes at the cut points of VGG19, by hand from the shapes: input, five pools, two hidden layers.
func TestCutTensorBytes(t *testing.T) {
	g, err := Get("vgg19")
	require.NoError(t, err)
	var got []int64
	for i := range g.Layers {
		if l := &g.Layers[i]; i == 0 || l.Op == workloads.OpMaxPool || l.Op == workloads.OpLinear {
			got = append(got, g.Bytes(g.Tensor(i, 1)))
		}
	}
	require.Equal(t, []int64{602112, 3211264, 1605632, 802816, 401408, 100352, 16384, 16384, 4000}, got)
}

func BenchmarkGetResNet152(b *testing.B) {
	for b.Loop() {
		if _, err := Get("resnet152"); err != nil {
			b.Fatal(err)
		}
	}
}
