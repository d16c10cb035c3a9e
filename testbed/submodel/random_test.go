package submodel

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hidp/strategies/conformance"
	"hidp/testbed/inference"
	"hidp/workloads"
	"hidp/workloads/onnx"
	"hidp/workloads/tensor"
)

// randomSource exports a random network and opens it. The import may find fewer layers, because it makes normalisations part of the
// convolutions before them.
func randomSource(t require.TestingT, dir string, rng *rand.Rand) *Source {
	path := filepath.Join(dir, "random.onnx")
	require.NoError(t, onnx.Export(conformance.RandomGraph(rng), path, 1))
	s, err := Open(path, onnx.Options{})
	require.NoError(t, err)
	return s
}

// randomSlices tiles the network: runs of one to six layers, each whole, in strips, by samples, or (single layers) by channels.
func randomSlices(g *workloads.Graph, rng *rand.Rand, batch int) []workloads.Slice {
	var list []workloads.Slice
	for from := 1; from < len(g.Layers); {
		to := min(len(g.Layers), from+1+rng.IntN(6))
		how := rng.IntN(4)
		if how == 0 {
			to = from + 1
		}
		all := whole(g, from, to, batch)
		parts := randomParts(g, all, how, rng)
		for _, s := range parts {
			if g.Check(s, batch) != nil {
				parts = []workloads.Slice{all}
				break
			}
		}
		list = append(list, parts...)
		from = to
	}
	return list
}

// randomParts cuts a slice at random places along one of its dimensions.
func randomParts(g *workloads.Graph, all workloads.Slice, how int, rng *rand.Rand) []workloads.Slice {
	cut := func(axis tensor.Axis, k int) []workloads.Slice {
		var list []workloads.Slice
		extent := g.Along(all.Last(), axis).Hi
		for at := 0; at < extent; k-- {
			end := at + 1 + rng.IntN(extent-at)
			if k == 1 {
				end = extent
			}
			list = append(list, g.Strip(all, axis, workloads.Range{Lo: at, Hi: end}))
			at = end
		}
		return list
	}
	switch how {
	case 0:
		return cut(tensor.Channel, 2)
	case 1, 2:
		return cut(tensor.Row, 3)
	}
	return cut(tensor.Sample, 2)
}

// compareRandom runs random partitions of random networks and compares with the network whole.
func compareRandom(rt require.TestingT, seed uint64, dir string, engines ...inference.Engine) {
	rng := rand.New(rand.NewPCG(seed, 7))
	src := randomSource(rt, dir, rng)
	defer src.Close()
	g := src.Graph
	batch := 1 + rng.IntN(2)
	list := randomSlices(g, rng, batch)
	in := inputOf(g, batch)
	tolerance := max(tolerance, 4*sensitivity(rt, &Runner{Source: src, Engine: inference.Reference{}}, in))
	for _, slice := range list {
		cut, err := src.Cut(slice)
		require.NoError(rt, err)
		told, err := Describe(g, slice, cut.Repeat)
		require.NoError(rt, err)
		require.Equal(rt, [2][]Port{cut.Inputs, cut.Outputs}, [2][]Port{told.Inputs, told.Outputs})
		_, err = told.Bytes(Inline{})
		require.ErrorContains(rt, err, "described, not cut")
	}
	var answers []inference.Tensor
	for _, engine := range engines {
		r := &Runner{Source: src, Engine: engine}
		want, err := r.Unsplit(in)
		require.NoError(rt, err)
		s := begin(rt, g, in)
		for _, slice := range list {
			require.NoError(rt, r.Compute(slice, s), "%+v", slice)
		}
		got := answer(rt, s, g.Output(), batch)
		require.LessOrEqual(rt, difference(rt, want, got), tolerance, engine.Name())
		if _, plain := engine.(inference.Reference); plain && !sums(g, list) {
			require.Zero(rt, difference(rt, want, got), "the reference engine computes every element alike")
		}
		answers = append(answers, got)
	}
	for _, a := range answers[1:] {
		require.LessOrEqual(rt, difference(rt, answers[0], a), tolerance, "the engines differ")
	}
}

// sensitivity returns by how much the answer of a network changes when each element of its input does by four roundings: much, where
// large products cancel out, as in a random network that ends in a single number close to zero.
func sensitivity(t require.TestingT, r *Runner, in inference.Tensor) float64 {
	want, err := r.Unsplit(in)
	require.NoError(t, err)
	nudged := in
	nudged.Data = slices.Clone(in.Data)
	for i := range nudged.Data {
		nudged.Data[i] *= 1 + float32(1-i%3)*0x1p-21
	}
	got, err := r.Unsplit(nudged)
	require.NoError(t, err)
	return difference(t, want, got)
}

// sums reports whether any global pool is computed as partial sums.
func sums(g *workloads.Graph, list []workloads.Slice) bool {
	for _, s := range list {
		if g.Layers[s.To-1].Op == workloads.OpGlobalPool && g.Geometry(s.To-1).Dims.Partial(&s.Out) {
			return true
		}
	}
	return false
}

func TestRandomPartitionsInReferenceEngine(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) { compareRandom(rt, rapid.Uint64().Draw(rt, "seed"), dir, inference.Reference{}) })
}

func TestRandomPartitionsInBothEngines(t *testing.T) {
	engine := ort(t)
	dir := t.TempDir()
	compareRandom(t, 0xc2, dir, engine, inference.Reference{})            // ONNX Runtime infers two rows for a pooling that rounds up, and computes one
	compareRandom(t, 0x842d6b12c56c5, dir, engine, inference.Reference{}) // and refuses a concatenation whose rows it then thinks unequal
	compareRandom(t, 0xf56c8, dir, engine, inference.Reference{})         // the answer is what is left of products that cancel out
	rapid.Check(t, func(rt *rapid.T) {
		compareRandom(rt, rapid.Uint64().Draw(rt, "seed"), dir, engine, inference.Reference{})
	})
}

// A slice that ignores its halo is computed with zeros where rows of neighbours would be: it can be cut, its outputs have the right
// shape, and one strip of all rows is exact.
func TestIgnoredHalos(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 8))
		src := randomSource(rt, dir, rng)
		defer src.Close()
		g := src.Graph
		to := 1 // up to where no row split can go, behind global pools
		for to < len(g.Layers) && !g.Whole(to) {
			to++
		}
		if to == 1 {
			return
		}
		r := &Runner{Source: src, Engine: inference.Reference{}}
		in := inputOf(g, 1)
		exact, ignored := begin(rt, g, in), begin(rt, g, in)
		require.NoError(rt, r.Compute(whole(g, 1, to, 1), exact))
		k := min(1+rng.IntN(3), g.Rows(to-1))
		for i := range k {
			rows := g.Rows(to - 1)
			slice := g.Strip(whole(g, 1, to, 1), tensor.Row, workloads.Range{Lo: i * rows / k, Hi: (i + 1) * rows / k})
			slice.Halo = workloads.HaloIgnore
			require.NoError(rt, r.Compute(slice, ignored), "%+v", slice)
		}
		d := difference(rt, answer(rt, exact, to-1, 1), answer(rt, ignored, to-1, 1))
		if k == 1 {
			require.Zero(rt, d)
		}
	})
}

// Strips that see nothing but padding, which no network of the zoo has.
func TestStripOfPadding(t *testing.T) {
	b := workloads.NewBuilder("padded", workloads.Shape{C: 2, H: 3, W: 3})
	b.Conv("conv", 0, workloads.Conv{Out: 3, Bias: true, Window: workloads.Window{KH: 2, KW: 2, SH: 1, SW: 1, DH: 1, DW: 1,
		PadTop: 4, PadLeft: 1, PadBottom: 4, PadRight: 1}})
	g, err := b.Build()
	require.NoError(t, err)
	for _, engine := range engines(t) {
		r := &Runner{Source: exported(t, g), Engine: engine}
		in := inputOf(g, 1)
		want, err := r.Unsplit(in)
		require.NoError(t, err)
		s := begin(t, g, in)
		for _, slice := range strips(g, 1, 2, g.Rows(1)) {
			require.NoError(t, r.Compute(slice, s))
		}
		require.LessOrEqual(t, difference(t, want, answer(t, s, 1, 1)), tolerance)
	}
}

// Pools that round up, count their padding, or both, in every number of strips.
func TestPoolsAtBorders(t *testing.T) {
	both := engines(t)
	for _, op := range []workloads.Op{workloads.OpMaxPool, workloads.OpAvgPool} {
		for n := range 16 {
			w := workloads.Square(3, 2, n%2)
			w.Ceil, w.CountPad = n&2 != 0, n&4 != 0 && op == workloads.OpAvgPool
			if n&8 != 0 {
				w.PadTop, w.PadRight = 2, 0
			}
			for h := 3; h < 9; h++ {
				b := workloads.NewBuilder(fmt.Sprintf("pool%d", n), workloads.Shape{C: 2, H: h, W: 11 - h})
				b.Pool("pool", op, 0, w)
				g, err := b.Build()
				require.NoError(t, err)
				src := exported(t, g)
				for _, engine := range both {
					r := &Runner{Source: src, Engine: engine}
					in := inputOf(g, 1)
					want, err := r.Unsplit(in)
					require.NoError(t, err, "%+v over %d", w, h)
					for k := 2; k <= g.Rows(1); k++ {
						s := begin(t, g, in)
						for _, slice := range strips(g, 1, 2, k) {
							require.NoError(t, r.Compute(slice, s))
						}
						require.LessOrEqual(t, difference(t, want, answer(t, s, 1, 1)), tolerance, "%v %+v over %d rows in %d strips, %s", op, w, h, k, engine.Name())
					}
				}
			}
		}
	}
}

// What is no slice, or is run an impossible number of times, is not described.
func TestDescribeRefuses(t *testing.T) {
	g := networks(t)[0]
	_, err := Describe(g, workloads.Slice{From: 1, To: len(g.Layers) + 1}, 1)
	require.ErrorContains(t, err, "are not in the graph")
	_, err = Describe(g, whole(g, 1, 3, 4), 2)
	require.ErrorContains(t, err, "run 2 times for 4 samples")
	_, err = Describe(g, whole(g, 1, 3, 4), 4)
	require.NoError(t, err)
}
