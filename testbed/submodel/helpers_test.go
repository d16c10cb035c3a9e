package submodel

import (
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/internal/parts"
	"hidp/testbed/inference"
	"hidp/workloads"
	"hidp/workloads/onnx"
	"hidp/workloads/zoo"
)

const root = "../.." // of the repository

// ort opens ONNX Runtime; without the library the test is skipped.
func ort(t testing.TB) inference.Engine {
	path, err := inference.FindLibrary("", root)
	parts.Need(t, parts.ONNXRuntime, err)
	e, err := inference.OpenORT(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	return e
}

// engines returns the reference engine and, if its library is there, ONNX Runtime.
func engines(t testing.TB) []inference.Engine {
	list := []inference.Engine{inference.Reference{}}
	if _, err := inference.FindLibrary("", root); parts.Have(t, parts.ONNXRuntime, err) {
		list = append(list, ort(t))
	}
	return list
}

// noise returns a tensor of numbers in [-1, 1).
func noise(shape ...int) inference.Tensor {
	t := inference.NewTensor(shape...)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range t.Data {
		t.Data[i] = random.Float32()*2 - 1
	}
	return t
}

// inputOf returns a batch of inputs of g.
func inputOf(g *workloads.Graph, batch int) inference.Tensor {
	s := g.Layers[0].Out
	return noise(batch, s.C, s.H, s.W)
}

// difference returns the largest difference of two tensors, relative to the largest magnitude of the first; infinite if one is not
// a number.
func difference(t require.TestingT, want, got inference.Tensor) float64 {
	require.Equal(t, want.Shape, got.Shape)
	worst, most := 0.0, 0.0
	for i, w := range want.Data {
		d := math.Abs(float64(w) - float64(got.Data[i]))
		if math.IsNaN(d) {
			return math.Inf(1)
		}
		worst, most = max(worst, d), max(most, math.Abs(float64(w)))
	}
	if worst == 0 {
		return 0
	}
	return worst / most
}

// tolerance is what a partitioned run may differ from the unsplit one where bits may differ: ten times the worst seen.
const tolerance = 1e-5

// begin returns a store that holds the input only.
func begin(t require.TestingT, g *workloads.Graph, input inference.Tensor) *Store {
	s := NewStore(g)
	require.NoError(t, s.Put(workloads.Part{Layer: 0, Box: g.Full(0, input.Shape[0])}, input))
	return s
}

// answer returns the whole tensor of a layer.
func answer(t require.TestingT, s *Store, layer, batch int) inference.Tensor {
	out, _, err := s.Get(s.g.Tensor(layer, batch))
	require.NoError(t, err)
	return out
}

// whole returns the slice of layers [from, to) with all rows.
func whole(g *workloads.Graph, from, to, batch int) workloads.Slice {
	return workloads.Slice{From: from, To: to, Out: g.Full(to-1, batch)}
}

// networks returns the zoo: the small networks whole, of the large ones the first blocks.
func networks(t testing.TB) []*workloads.Graph {
	var list []*workloads.Graph
	for _, name := range zoo.Names() {
		g, err := zoo.Get(name)
		require.NoError(t, err)
		switch name {
		case "mobilenet_v2", "resnet18", "squeezenet1_1", "googlenet", "efficientnet_b0", "inception_v3":
		default:
			g = head(t, g)
		}
		list = append(list, g)
	}
	return list
}

// head returns the first blocks of g, up to 3 million parameters and 4 billion multiply-accumulates. Weights are drawn by the names
// of layers, so that they are those of the whole network.
func head(t testing.TB, g *workloads.Graph) *workloads.Graph {
	to := 0
	var params, macs int64
	for _, block := range g.Blocks() {
		for i := block.From; i < block.To; i++ {
			params, macs = params+g.Layers[i].Params, macs+g.Layers[i].MACs
		}
		if to > 0 && (params > 3e6 || macs > 4e9) {
			break
		}
		to = block.To
	}
	b := workloads.NewBuilder(g.Name, g.Layers[0].Out)
	for _, l := range g.Layers[1:to] {
		b.Add(l)
	}
	h, err := b.Build()
	require.NoError(t, err)
	return h
}

// exported returns a network of the zoo as a source.
func exported(t testing.TB, g *workloads.Graph) *Source {
	s, err := FromGraph(g, t.TempDir(), 1)
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

// fetched opens a real file that scripts/fetch-test-models.sh fetches; without it the test is skipped.
func fetched(t testing.TB, name string, dims []int) *Source {
	path := parts.File(t, parts.Models, filepath.Join(root, ".cache", "test-models", name))
	opt := onnx.Options{}
	if dims != nil {
		opt.Inputs = map[string][]int{"x": dims}
	}
	s, err := Open(path, opt)
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}
