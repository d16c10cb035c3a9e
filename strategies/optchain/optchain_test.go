package optchain

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hidp/strategies/conformance"
	"hidp/strategies/plan"
)

// The forecast of a chain is the sum of its costs, so opt-chain is checked against every assignment of blocks to devices.
func TestLatencyIsTheBestOfAllAssignments(t *testing.T) {
	compared := 0
	rapid.Check(t, func(t *rapid.T) {
		r, b := instance(t)
		c := newChain(r, b, All)
		if !roomy(b) || combinations(len(c.devices), len(c.blocks)) > 3000 {
			return
		}
		s, err := Entry().New(nil)
		require.NoError(t, err)
		p, err := s.Plan(r, b)
		if err != nil {
			return
		}
		got := plan.Forecast(p, r.Graph, b).Latency
		fitting := 0
		every(len(c.devices), len(c.blocks), func(assign []int) {
			other, err := c.emit(runsOf(assign))
			if err != nil || plan.Fits(other, c.r.Graph, c.b.Platform) != nil {
				return
			}
			fitting++
			require.LessOrEqual(t, got, plan.Forecast(other, r.Graph, b).Latency+tolerance(other))
		})
		if fitting > 1 {
			compared++
		}
	})
	require.Greater(t, compared, 10)
}

// tolerance is what rounding every op to nanoseconds may add up to.
func tolerance(p *plan.Plan) time.Duration { return time.Duration(2 * len(p.Ops)) }

// roomy reports whether no node of the belief is short of memory for the small random networks; where one is, opt-chain only
// promises the best plan that uses every node once.
func roomy(b *plan.Belief) bool {
	for j := range b.Platform.Nodes {
		if b.Platform.Nodes[j].Memory < 1<<20 {
			return false
		}
	}
	return true
}

func TestThroughputIsTheBestOfAllPipelines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, b := instance(t)
		c := newChain(r, b, All)
		if len(c.devices) > most || combinations(len(c.devices), len(c.blocks)) > 3000 {
			return
		}
		got := c.bottleneck(c.throughput())
		every(len(c.devices), len(c.blocks), func(assign []int) {
			if runs := runsOf(assign); c.once(runs) {
				require.LessOrEqual(t, got, c.bottleneck(runs)*(1+1e-12))
			}
		})
	})
}

// once reports whether no physical cluster serves two runs.
func (c *chain) once(runs []run) bool {
	used := map[int]uint32{}
	for _, x := range runs {
		d := c.devices[x.device]
		mask := c.b.Platform.Nodes[d.node].Clusters[d.cluster].Mask
		if used[d.node]&mask != 0 {
			return false
		}
		used[d.node] |= mask
	}
	return true
}

// bottleneck returns the longest stage or transfer of a pipeline.
func (c *chain) bottleneck(runs []run) float64 {
	worst := c.transfer(c.r.Leader, c.devices[runs[0].device].node, 0)
	for i, x := range runs {
		stage := c.compute(x.device, x.from, x.to)
		if i > 0 {
			in := c.move(runs[i-1].device, x.device, x.from)
			if c.devices[runs[i-1].device].node == c.devices[x.device].node {
				stage += in
			} else {
				worst = max(worst, in)
			}
		}
		worst = max(worst, stage)
	}
	return max(worst, c.transfer(c.devices[runs[len(runs)-1].device].node, c.r.Leader, len(c.blocks)))
}

func TestShortMemoryIsRespectedOrReported(t *testing.T) {
	split, refused := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		r, b := instance(t)
		for j := range b.Platform.Nodes {
			b.Platform.Nodes[j].Memory = r.Graph.WeightBytes()*2/3 + 40<<10
		}
		s, err := Entry().New(nil)
		require.NoError(t, err)
		p, err := s.Plan(r, b)
		if err != nil {
			var none *plan.InfeasibleError
			require.True(t, errors.As(err, &none))
			refused++
			return
		}
		require.NoError(t, plan.Validate(p, r.Graph, b.Platform))
		if p.SentBytes(r.Graph) > 0 {
			split++
		}
	})
	require.Positive(t, split)
	require.Positive(t, refused)
}

// With equal links and proportional speeds the best model partition is one device (Benoit et al., inria hal-00786381).
func TestProportionalSpeedsNeedOneDevice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, b := instance(t)
		base := b.Platform.Nodes[0].Clusters[0].Params
		for j := range b.Platform.Nodes {
			for k := range b.Platform.Nodes[j].Clusters {
				p := base
				f := float64(1 + j*4 + k)
				for i := range p.Rate {
					p.Rate[i] *= f
				}
				p.ActBandwidth, p.WeightBandwidth = p.ActBandwidth*f, p.WeightBandwidth*f
				p.ConvOverhead, p.OtherOverhead, p.InvokeOverhead = p.ConvOverhead/f, p.OtherOverhead/f, p.InvokeOverhead/f
				b.Platform.Nodes[j].Clusters[k].Params = p
			}
			for v := range b.Platform.Network.Paths[j] {
				if len(b.Platform.Network.Paths[j][v].Hops) > 0 {
					b.Platform.Network.Paths[j][v].Latency = 0
				}
			}
			b.Platform.Nodes[j].Message = 0
		}
		for i := range b.Platform.Network.Resources {
			b.Platform.Network.Resources[i].Capacity = 1e18
		}
		c := newChain(r, b, All)
		runs := c.latency()
		used := map[int]bool{}
		for _, x := range runs {
			used[x.device] = true
		}
		require.LessOrEqual(t, len(used), 1+detours(b))
	})
}

// detours returns how many more devices a plan may need where some nodes are not connected.
func detours(b *plan.Belief) int {
	for u := range b.Platform.Nodes {
		for v := range b.Platform.Nodes {
			if !b.Platform.Network.Connected(u, v) {
				return len(b.Platform.Nodes)
			}
		}
	}
	return 0
}

func instance(t *rapid.T) (plan.Problem, *plan.Belief) {
	rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
	g, p := conformance.RandomGraph(rng), conformance.RandomPlatform(rng)
	return plan.Problem{Graph: g, Batch: rapid.IntRange(1, 3).Draw(t, "batch"), Leader: p.Leader}, plan.NewBelief(p)
}

func combinations(devices, blocks int) int {
	n := 1
	for range blocks {
		if n *= devices; n > 1<<20 {
			return n
		}
	}
	return n
}

// every calls f with every assignment of blocks to devices.
func every(devices, blocks int, f func(assign []int)) {
	assign := make([]int, blocks)
	for {
		f(assign)
		i := 0
		for ; i < blocks; i++ {
			if assign[i]++; assign[i] < devices {
				break
			}
			assign[i] = 0
		}
		if i == blocks {
			return
		}
	}
}

func runsOf(assign []int) []run {
	var runs []run
	for i, d := range assign {
		if n := len(runs); n > 0 && runs[n-1].device == d {
			runs[n-1].to = i + 1
		} else {
			runs = append(runs, run{d, i, i + 1})
		}
	}
	return runs
}
