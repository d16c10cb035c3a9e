package exhaustive

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/strategies"
	"hidp/strategies/hidp"
	"hidp/strategies/optchain"
	"hidp/strategies/plan"
	"hidp/workloads"
)

// chain returns a network of the given number of convolutions, some of which shrink the map; with a classifier now and then.
func chain(rng *rand.Rand, blocks int) *workloads.Graph {
	b := workloads.NewBuilder("chain", workloads.Shape{C: 3, H: 32 + rng.IntN(64), W: 32})
	at := 0
	for i := range blocks {
		if i == blocks-1 && i > 0 && rng.IntN(3) == 0 {
			b.Linear("fc", at, 10, workloads.NoAct)
			break
		}
		w := workloads.Square(3, 1, 1)
		if rng.IntN(4) == 0 {
			w = workloads.Square(3, 2, 1)
		}
		at = b.Conv(fmt.Sprintf("conv%d", i), at, workloads.Conv{Out: 4 << rng.IntN(4), Window: w, Bias: true})
	}
	g, err := b.Build()
	if err != nil {
		panic(err)
	}
	return g
}

// platform returns nodes of one CPU cluster each whose speeds are within a factor of four, on a switch.
func platform(rng *rand.Rand, nodes int) *devices.Platform {
	p := &devices.Platform{Name: "small", Leader: rng.IntN(nodes)}
	for j := range nodes {
		c := devices.Cluster{Name: "cpu", Mask: 1, ActivePower: 3}
		for i := range c.Params.Rate {
			c.Params.Rate[i] = 2e8 * (1 + 3*rng.Float64())
		}
		c.Params.ActBandwidth, c.Params.WeightBandwidth = 2e9, 1e9
		c.Params.ConvOverhead, c.Params.OtherOverhead, c.Params.InvokeOverhead, c.Params.Fill = 20e-6, 10e-6, 200e-6, 500
		p.Nodes = append(p.Nodes, devices.Node{Name: fmt.Sprint("n", j), Clusters: []devices.Cluster{c}, Physical: 1, Memory: 1 << 30,
			IdlePower: 2, NICPower: 0.5, Message: 50 * time.Microsecond, Crossings: [][]devices.Crossing{{{}}}, Keep: [][]float64{{1}}})
		p.Network.Paths = append(p.Network.Paths, make([]devices.Path, nodes))
		speed := []float64{1e6, 1e7, 1e8}[rng.IntN(3)]
		p.Network.Resources = append(p.Network.Resources, devices.Resource{Name: "up", Capacity: speed}, devices.Resource{Name: "down", Capacity: speed})
	}
	latency := []time.Duration{50 * time.Microsecond, 500 * time.Microsecond, 3 * time.Millisecond}[rng.IntN(3)]
	for u := range nodes {
		for v := range nodes {
			if u != v {
				p.Network.Paths[u][v] = devices.Path{Hops: []devices.Hop{{Resource: 2 * u, Weight: 1}, {Resource: 2*v + 1, Weight: 1}}, Latency: latency}
			}
		}
	}
	return p
}

func made(t *testing.T, e strategies.Entry, r plan.Problem, b *plan.Belief) time.Duration {
	s, err := e.New(nil)
	require.NoError(t, err)
	p, err := s.Plan(r, b)
	require.NoError(t, err)
	require.NoError(t, plan.Validate(p, r.Graph, b.Platform))
	return plan.Forecast(p, r.Graph, b).Latency
}

// On at most 3 nodes × 8 blocks nothing beats opt-chain among all mappings of blocks to nodes.
func TestNoMappingBeatsOptChain(t *testing.T) {
	for seed := range uint64(12) {
		rng := rand.New(rand.NewPCG(seed, 1))
		p := platform(rng, 2+rng.IntN(2))
		r := plan.Problem{Graph: chain(rng, 4+rng.IntN(5)), Batch: 1 + rng.IntN(2), Leader: p.Leader}
		b := plan.NewBelief(p)
		all := Search(r, b, Space{})
		got := made(t, optchain.Entry(), r, b)
		require.InDelta(t, all.Latency, got, float64(4*len(r.Graph.Blocks())), "seed %d: %d plans tried", seed, all.Tried)
	}
}

// The gap of hidp to the best of all {model, data} plans with shares on a grid. HiDP's own shares are not bound to the grid, so it may
// come out ahead; where it does not, the gap is what its pricing of segments and its shares in proportion to rates cost.
func TestGapOfHiDPToTheOptimum(t *testing.T) {
	var gaps []float64
	shared, tried := 0, 0
	t.Log("nodes blocks  exhaustive     hidp  opt-chain    gap")
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 2))
		nodes := 2 + int(seed%2)
		p := platform(rng, nodes)
		blocks, grid := 3, 8
		if nodes == 3 {
			blocks = 2
		}
		r := plan.Problem{Graph: chain(rng, blocks), Batch: 1, Leader: p.Leader}
		b := plan.NewBelief(p)
		best := Search(r, b, Space{Grid: grid})
		got, model := made(t, hidp.Entry(), r, b), made(t, optchain.Entry(), r, b)
		require.LessOrEqual(t, got, model+time.Duration(100))
		gap := float64(got)/float64(best.Latency) - 1
		gaps = append(gaps, gap)
		tried += best.Tried
		if best.Latency < model {
			shared++
		}
		t.Logf("%5d %6d %11v %8v %10v %+6.2f%%", nodes, blocks, best.Latency.Round(time.Microsecond), got.Round(time.Microsecond), model.Round(time.Microsecond), 100*gap)
	}
	slices.Sort(gaps)
	mean := 0.0
	for _, x := range gaps {
		mean += x / float64(len(gaps))
	}
	t.Logf("gap of hidp: mean %.2f%%, median %.2f%%, max %.2f%% over %d instances (%d plans; data partition helps in %d)",
		100*mean, 100*gaps[len(gaps)/2], 100*gaps[len(gaps)-1], len(gaps), tried, shared)
	require.Greater(t, shared, 5, "too few instances where data partition helps")
	require.Less(t, mean, 0.05)
	require.Less(t, gaps[len(gaps)-1], 0.25)
}
