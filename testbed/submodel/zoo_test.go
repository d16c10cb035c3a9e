package submodel

import (
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/testbed/inference"
	"hidp/workloads"
	"hidp/workloads/tensor"
	"hidp/workloads/zoo"
)

// Every network of the zoo, cut at every cut point into models of its own, gives the bits of the whole.
func TestCutsAreExact(t *testing.T) {
	engine := ort(t)
	for _, g := range networks(t) {
		t.Run(g.Name, func(t *testing.T) {
			r := &Runner{Source: exported(t, g), Engine: engine}
			in := inputOf(g, 1)
			want, err := r.Unsplit(in)
			require.NoError(t, err)
			s := begin(t, g, in)
			for _, b := range g.Blocks() {
				require.NoError(t, r.Compute(whole(g, b.From, b.To, 1), s))
			}
			require.Zero(t, difference(t, want, answer(t, s, g.Output(), 1)))
		})
	}
}

// Cuts inside blocks have several tensors cross: a residual sum's two arms, the branches of a concatenation. The bits may then
// differ, because a sum is no longer fused with the convolution before it.
func TestCutsAcrossBranches(t *testing.T) {
	engine := ort(t)
	for _, name := range []string{"resnet18", "googlenet", "efficientnet_b0", "densenet121", "squeezenet1_1"} {
		t.Run(name, func(t *testing.T) {
			g, err := zoo.Get(name)
			require.NoError(t, err)
			if name == "densenet121" {
				g = head(t, g)
			}
			r := &Runner{Source: exported(t, g), Engine: engine}
			in := inputOf(g, 1)
			want, err := r.Unsplit(in)
			require.NoError(t, err)
			s := begin(t, g, in)
			crossing := 0
			for from := 1; from < len(g.Layers); from += 3 {
				slice := whole(g, from, min(from+3, len(g.Layers)), 1)
				crossing = max(crossing, len(g.Work(slice).Inputs))
				require.NoError(t, r.Compute(slice, s))
			}
			require.Greater(t, crossing, 1)
			require.LessOrEqual(t, difference(t, want, answer(t, s, g.Output(), 1)), tolerance)
		})
	}
}

// phases splits layers [from, to) at global pools, each of which ends a slice that can be split by rows.
func phases(g *workloads.Graph, from, to int) [][2]int {
	var list [][2]int
	for i := from; i < to; i++ {
		if i == to-1 || g.Layers[i].Op == workloads.OpGlobalPool {
			list = append(list, [2]int{from, i + 1})
			from = i + 1
		}
	}
	return list
}

// strips returns the k strips of a slice, or nil if it cannot be split by rows. Short maps have fewer.
func strips(g *workloads.Graph, from, to, k int) []workloads.Slice {
	h := g.Rows(to - 1)
	k = min(k, h)
	var list []workloads.Slice
	for i := range k {
		s := whole(g, from, to, 1)
		s = g.Strip(s, tensor.Row, workloads.Range{Lo: i * h / k, Hi: (i + 1) * h / k})
		if g.Check(s, 1) != nil {
			return nil
		}
		list = append(list, s)
	}
	return list
}

// exact reports whether a strip is known to give the bits of the whole with one thread: no convolution computes fewer than
// 64 positions (with fewer, ONNX Runtime's matrix product takes another path), and there is no partial sum.
func exact(g *workloads.Graph, s workloads.Slice) bool {
	for _, p := range g.Work(s).Layers {
		l := &g.Layers[p.Layer]
		if l.Op == workloads.OpConv && g.Along(p, tensor.Row).Len()*l.Out.W < 64 && l.Out.H > 1 || l.Op == workloads.OpGlobalPool {
			return false
		}
	}
	return true
}

// checkStrips splits one slice into strips, phase by phase, and compares with the slice whole.
func checkStrips(t *testing.T, r *Runner, inputs *Store, want inference.Tensor, from, to, k int) (same bool) {
	g := r.Source.Graph
	s := NewStore(g)
	for _, p := range g.Work(whole(g, from, to, 1)).Inputs {
		x, _, err := inputs.Get(p)
		require.NoError(t, err)
		require.NoError(t, s.Put(p, x))
	}
	demand := true
	for _, phase := range phases(g, from, to) {
		slices := strips(g, phase[0], phase[1], k)
		if slices == nil {
			return true
		}
		for _, slice := range slices {
			require.NoError(t, r.Compute(slice, s), "%+v", slice)
			demand = demand && exact(g, slice)
		}
	}
	d := difference(t, want, answer(t, s, to-1, 1))
	if demand {
		require.Zero(t, d, "layers [%d,%d) in %d strips", from, to, k)
	}
	require.LessOrEqual(t, d, tolerance, "layers [%d,%d) in %d strips", from, to, k)
	return d == 0
}

// Row strips of every block, and of runs of three blocks, of every network: halos, padding at the true borders only, residual
// branches, pools, squeeze-excite in phases.
func TestStrips(t *testing.T) {
	engine := ort(t)
	for n, g := range networks(t) {
		t.Run(g.Name, func(t *testing.T) {
			r := &Runner{Source: exported(t, g), Engine: engine}
			s := begin(t, g, inputOf(g, 1))
			blocks := g.Blocks()
			tried, same := 0, 0
			for i, b := range blocks {
				require.NoError(t, r.Compute(whole(g, b.From, b.To, 1), s))
				want := answer(t, s, b.To-1, 1)
				from := blocks[max(0, i-2*((i+n)%2))].From // every other run is of three blocks
				tried++
				if checkStrips(t, r, s, want, from, b.To, 2+(i+n)/2%2) {
					same++
				}
			}
			t.Logf("%d of %d bit-identical", same, tried)
		})
	}
}

// Every convolution and fully connected layer of a network, by output channels.
func TestChannelSlices(t *testing.T) {
	engine := ort(t)
	for _, name := range []string{"mobilenet_v2", "squeezenet1_1", "efficientnet_b0"} {
		t.Run(name, func(t *testing.T) {
			g, err := zoo.Get(name)
			require.NoError(t, err)
			r := &Runner{Source: exported(t, g), Engine: engine}
			in := inputOf(g, 1)
			want, err := r.Unsplit(in)
			require.NoError(t, err)
			s := begin(t, g, in)
			for i := 1; i < len(g.Layers); i++ {
				all, n := whole(g, i, i+1, 1), g.Layers[i].Out.C
				for k := range 2 {
					slice := g.Strip(all, tensor.Channel, workloads.Range{Lo: k * n * 2 / 5, Hi: n*2/5 + k*(n-n*2/5)})
					if g.Check(slice, 1) != nil {
						require.NoError(t, r.Compute(all, s))
						break
					}
					require.NoError(t, r.Compute(slice, s))
				}
			}
			require.LessOrEqual(t, difference(t, want, answer(t, s, g.Output(), 1)), tolerance)
		})
	}
}
