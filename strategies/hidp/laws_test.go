package hidp

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hidp/devices"
	"hidp/strategies"
	"hidp/strategies/conformance"
	"hidp/strategies/optchain"
	"hidp/strategies/plan"
	"hidp/strategies/single"
	"hidp/workloads"
	"hidp/workloads/zoo"
)

func TestHiDPIsNeverWorseThanModelPartitionOrOneNode(t *testing.T) {
	others := append(single.Entries(), optchain.Entry())
	rapid.Check(t, func(t *rapid.T) {
		r, b := instance(t)
		got, p := planned(t, build(t, Entry(), nil), r, b)
		for _, e := range others {
			if f, q := planned(t, build(t, e, nil), r, b); q != nil && p != nil {
				require.LessOrEqual(t, got.Latency, f.Latency+time.Duration(4*len(q.Ops)), e.Name)
			}
		}
	})
}

// The search for another objective starts from the plans of the search for latency, but refines their shares its own way and may end
// up on another hill: it may lose a little.
func TestObjectivesKeepTheirPromise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, b := instance(t)
		fast, p := planned(t, build(t, Entry(), nil), r, b)
		if p == nil {
			return
		}
		frugal, _ := planned(t, build(t, Entry(), strategies.Options{"objective": "energy"}), r, b)
		require.LessOrEqual(t, frugal.Energy, fast.Energy*1.05)
		both, _ := planned(t, build(t, Entry(), strategies.Options{"objective": "edp"}), r, b)
		require.LessOrEqual(t, both.Energy*both.Latency.Seconds(), fast.Energy*fast.Latency.Seconds()*1.05)
	})
}

func TestPlansAreDeterministic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, b := instance(t)
		_, p := planned(t, build(t, Entry(), nil), r, b)
		_, q := planned(t, build(t, Entry(), nil), r, plan.NewBelief(b.Platform))
		require.Equal(t, p, q)
	})
}

// What a strategy remembers of earlier requests changes no answer.
func TestMemoryOfEarlierRequestsChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, b := instance(t)
		used := build(t, Entry(), nil)
		for range 3 {
			b.Backlog = nil
			for j := range b.Platform.Nodes {
				var row []time.Duration
				for range b.Platform.Nodes[j].Physical {
					row = append(row, time.Duration(rapid.IntRange(0, 5).Draw(t, "queue"))*time.Millisecond)
				}
				b.Backlog = append(b.Backlog, row)
			}
			_, p := planned(t, used, r, b)
			_, q := planned(t, build(t, Entry(), nil), r, b)
			require.Equal(t, q, p)
		}
	})
}

// A board that nobody can reach changes nothing.
// What was worked out is kept for the last requests only, and what is forgotten is worked out anew.
func TestMemoryOfEarlierRequestsIsBounded(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 0))
	g, p := conformance.RandomGraph(rng), conformance.RandomPlatform(rng)
	s := build(t, Entry(), nil)
	r := plan.Problem{Graph: g, Batch: 1, Leader: p.Leader}
	b := plan.NewBelief(p)
	_, first := planned(t, s, r, b)
	h := s.(interface{ Inner() plan.Planner }).Inner().(*hidp)
	kept := h.planners[0]
	for range mostPlanners + 5 {
		again := *p
		planned(t, s, r, plan.NewBelief(&again))
		_, same := planned(t, s, r, b)
		require.Equal(t, first, same)
	}
	require.Len(t, h.planners, mostPlanners)
	require.Same(t, kept, h.planners[mostPlanners-1], "in use all the time")
	for range mostPlanners {
		again := *p
		planned(t, s, r, plan.NewBelief(&again))
	}
	require.False(t, slices.Contains(h.planners, kept))
	_, same := planned(t, s, r, b)
	require.Equal(t, first, same)
}

func TestUnreachableBoardChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, b := instance(t)
		before, p := planned(t, build(t, Entry(), nil), r, b)
		more := *b.Platform
		more.Nodes = append(append([]devices.Node(nil), more.Nodes...), more.Nodes[0])
		more.Network.Paths = nil
		for _, row := range b.Platform.Network.Paths {
			more.Network.Paths = append(more.Network.Paths, append(append([]devices.Path(nil), row...), devices.Path{}))
		}
		more.Network.Paths = append(more.Network.Paths, make([]devices.Path, len(more.Nodes)))
		after, q := planned(t, build(t, Entry(), nil), r, plan.NewBelief(&more))
		require.Equal(t, p == nil, q == nil)
		require.Equal(t, before.Latency, after.Latency)
	})
}

// pair is two equal boards of one CPU cluster each, on a link of the given speed and no latency.
func pair(bytesPerSecond float64) *devices.Platform {
	p := roughPlatform(8e-6*bytesPerSecond, 0)
	p.Nodes = []devices.Node{p.Nodes[3], p.Nodes[3]}
	for j := range p.Nodes {
		p.Nodes[j].Message = 0
		p.Nodes[j].Clusters[0].Params.InvokeOverhead = 20e-6
	}
	path := func(r int) devices.Path { return devices.Path{Hops: []devices.Hop{{Resource: r, Weight: 1}}} }
	p.Network = devices.Network{Resources: p.Network.Resources[:2], Paths: [][]devices.Path{{{}, path(0)}, {path(1), {}}}}
	return p
}

func network2(t require.TestingT, name string, batch int, p *devices.Platform) (plan.Problem, *plan.Belief) {
	g, err := zoo.Get(name)
	require.NoError(t, err)
	return plan.Problem{Graph: g, Batch: batch, Leader: p.Leader}, plan.NewBelief(p)
}

// Over a perfect link two equal boards share every kind of network, gates included, and come near half the time.
func TestPerfectLinkIsUsed(t *testing.T) {
	for _, name := range []string{"vgg19", "resnet152", "inception_v3", "efficientnet_b0"} {
		r, b := network2(t, name, 1, pair(1e12))
		alone, _ := planned(t, build(t, Entry(), strategies.Options{"data": "none"}), r, b)
		shared, p := planned(t, build(t, Entry(), nil), r, b)
		require.True(t, p.Exact())
		require.Less(t, shared.Latency.Seconds(), 0.8*alone.Latency.Seconds(), name)
		ignored, q := planned(t, build(t, Entry(), strategies.Options{"data": "rows-nohalo"}), r, b)
		require.False(t, q.Exact())
		require.Less(t, ignored.Latency.Seconds(), 0.62*alone.Latency.Seconds(), name)
	}
}

func TestSamplesOfABatchAreShared(t *testing.T) {
	r, b := network2(t, "resnet50", 4, pair(1e9))
	alone, _ := planned(t, build(t, Entry(), strategies.Options{"data": "none"}), r, b)
	shared, p := planned(t, build(t, Entry(), strategies.Options{"data": "samples"}), r, b)
	require.Less(t, shared.Latency.Seconds(), 0.55*alone.Latency.Seconds())
	for i := range p.Ops {
		if op := &p.Ops[i]; op.Kind == plan.Compute {
			require.Equal(t, 2, op.Slice.Samples().Len())
		}
	}
}

func TestNoDataPartitionMeansWholeTensors(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, b := instance(t)
		_, p := planned(t, build(t, Entry(), strategies.Options{"data": "none"}), r, b)
		if p == nil {
			return
		}
		for i := range p.Ops {
			if op := &p.Ops[i]; op.Kind == plan.Compute {
				require.Equal(t, r.Graph.Full(op.Slice.To-1, r.Batch), op.Slice.Out)
			}
		}
	})
}

// A network that fits no board is spread; one that fits nowhere is refused.
func TestMemory(t *testing.T) {
	p := roughPlatform(940, 0)
	for j := range p.Nodes {
		p.Nodes[j].Memory = 450 << 20 // VGG19's weights are 548 MB, 392 MB of them in one layer
	}
	r, b := network2(t, "vgg19", 1, p)
	_, plan := planned(t, build(t, Entry(), nil), r, b)
	require.NotNil(t, plan)
	require.Greater(t, len(plan.Ops), 1)
	for j := range p.Nodes {
		p.Nodes[j].Memory = 300 << 20
	}
	_, plan = planned(t, build(t, Entry(), nil), r, b)
	require.Nil(t, plan)
}

func TestBacklogIsAvoided(t *testing.T) {
	p := roughPlatform(940, 1)
	r, b := network2(t, "resnet152", 1, p)
	idle, _ := planned(t, build(t, Entry(), nil), r, b)
	for j := range p.Nodes {
		b.Backlog = append(b.Backlog, make([]time.Duration, p.Nodes[j].Physical))
	}
	b.Backlog[0][1] = 10 * time.Second // the fastest GPU
	blind, _ := planned(t, build(t, Entry(), strategies.Options{"backlog": "false"}), r, b)
	aware, _ := planned(t, build(t, Entry(), nil), r, b)
	require.Greater(t, aware.Latency, idle.Latency)
	require.Less(t, aware.Latency, 200*time.Millisecond)
	require.Greater(t, blind.Latency, 10*time.Second)
}

func TestCoRunIsFluid(t *testing.T) {
	n := roughPlatform(80, 0).Nodes[0] // every neighbour costs a tenth of the speed
	times := []float64{1, 4}
	require.InDelta(t, 1/0.9+(4-1.0), coRun(&n, []int{0, 1}, times), 1e-9)
	require.InDelta(t, 1/0.9, times[0], 1e-9)
}

func TestLoneMessageCostsATransfer(t *testing.T) {
	p := roughPlatform(80, 0)
	n := newNetwork(p)
	arrival := make([]float64, 2)
	c := n.carry([]message{{0, 1, 1 << 20}}, arrival)
	require.InDelta(t, p.Transfer(0, 1, 1<<20).Seconds(), c.time, 1e-8)
	two := n.carry([]message{{0, 1, 1 << 20}, {0, 2, 1 << 19}}, arrival) // they share the sender's uplink
	require.InDelta(t, c.time+float64(1<<19)/1e7, two.time, 1e-8)
	require.Less(t, arrival[1], arrival[0])
}

func TestGatesArePositions(t *testing.T) {
	g, err := zoo.Get("efficientnet_b0")
	require.NoError(t, err)
	c := newChain(g, 1, true)
	stops := map[place]int{}
	for p, k := range c.kind {
		stops[k]++
		if k == pooled {
			require.Equal(t, workloads.OpGlobalPool, g.Layers[c.at[p]-1].Op)
			require.Equal(t, workloads.OpMul, g.Layers[c.at[p+1]].Op)
		}
	}
	require.Equal(t, 16, stops[pooled])
	require.Equal(t, 16, stops[gated])
}
