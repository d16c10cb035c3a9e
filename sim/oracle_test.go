package sim

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/strategies/plan"
	"hidp/workloads"
)

// An unsplit chain takes the sum of its costs, to the nanosecond, whatever platform it is on.
func TestUnsplitChainIsTheSumOfItsCosts(t *testing.T) {
	for seed := range uint64(200) {
		s := randomScenario(seed)
		leader := s.platform.Leader
		k := s.platform.Nodes[leader].DefaultCluster
		b := plan.NewBuilder("chain", plan.Problem{Graph: s.graph, Batch: 1, Leader: leader}, plan.NewBelief(s.platform))
		for _, block := range s.graph.Blocks() {
			b.Compute(leader, k, workloads.Slice{From: block.From, To: block.To, Out: s.graph.Full(block.To-1, 1)})
		}
		p, err := b.Finish()
		require.NoError(t, err)
		if plan.Validate(p, s.graph, s.platform) != nil {
			continue // it does not fit the leader's memory
		}
		var want time.Duration
		costs := devices.NewCosts(s.platform, s.graph)
		for i := range p.Ops {
			want += p.ComputeTime(costs, i)
		}
		r := runPlan(t, Config{Truth: s.platform, Arrivals: once()}, p, s.graph)
		require.Equal(t, want, r.Latency.Mean, "seed %d", seed)
	}
}

// One node with Poisson arrivals and deterministic service is M/D/1: the mean sojourn is s·(1 + ρ/(2(1-ρ))) (Pollaczek and
// Khinchine).
func TestOneNodeIsMD1(t *testing.T) {
	p := plainPlatform(1)
	g := tasks(t, 4, 1_000_000) // 1 ms
	plan := chainPlan(t, p, g, 0, at{0, 0})
	for _, rho := range []float64{0.3, 0.6, 0.8} {
		source, err := workloads.Poisson{Rate: rho * 1000}.Source(3, workloads.Mix{}, workloads.Limit{Requests: 400_000})
		require.NoError(t, err)
		r := runPlan(t, Config{Truth: p, Arrivals: source}, plan, g)
		want := 1e-3 * (1 + rho/(2*(1-rho)))
		require.InEpsilon(t, want, r.Latency.Mean.Seconds(), 0.02, "utilisation %v", rho)
		require.InEpsilon(t, rho, r.Nodes[0].Clusters[0].Busy.Seconds()/r.Makespan.Seconds(), 0.01)
	}
}

// A saturated pipeline that visits every resource once puts out one request per period of its slowest resource: a cluster, or a
// link.
func TestSaturatedPipelineRunsAtItsSlowestResource(t *testing.T) {
	p := plainPlatform(1, 1, 1)
	p.Network.Resources[2].Capacity = 0.5e6 // node 1's uplink
	for _, c := range []struct {
		flops  []int64
		bytes  int
		period time.Duration
	}{
		{[]int64{3e6, 7e6, 5e6}, 400, 7 * time.Millisecond},
		{[]int64{3e6, 7e6, 5e6}, 12_000, 24 * time.Millisecond},
		{[]int64{9e6, 7e6, 5e6}, 400, 9 * time.Millisecond},
	} {
		g := tasks(t, c.bytes, c.flops...)
		plan := chainPlan(t, p, g, 0, at{0, 0}, at{1, 0}, at{2, 0})
		const n = 4000
		clients, err := workloads.Closed{Clients: 20}.Loop(1, workloads.Mix{}, workloads.Limit{Requests: n})
		require.NoError(t, err)
		r := runPlan(t, Config{Truth: p, Clients: clients, Records: true}, plan, g)
		period := (r.Records[n-100].Finish - r.Records[100].Finish) / (n - 200)
		require.InEpsilon(t, c.period, period, 0.01)
	}
}

// Transfers that share links get the max-min fair rates computed by hand: of three flows from node 0, two go to node 1 and one to
// node 2; node 0's uplink of 1 MB/s gives each a third; when the small ones are through, the large one has it alone.
func TestMaxMinSharesByHand(t *testing.T) {
	p := plainPlatform(1, 2, 1)
	b := workloads.NewBuilder("fan", workloads.Shape{C: 30_000, H: 1, W: 1})
	add := func(name string, elements int, in ...int) int {
		return b.Add(workloads.Layer{Name: name, Op: workloads.OpOpaque, Inputs: in, Out: workloads.Shape{C: elements, H: 1, W: 1},
			Class: workloads.ClassElementwise, FLOPs: 1_000_000})
	}
	l, m, s := add("large", 30_000, 0), add("medium", 15_000, 0), add("small", 7_500, 0)
	b.Add(workloads.Layer{Name: "end", Op: workloads.OpOpaque, Inputs: []int{add("x", 1, l), add("y", 1, m), add("z", 1, s)},
		Out: workloads.Shape{C: 1, H: 1, W: 1}, Class: workloads.ClassElementwise})
	g, err := b.Build()
	require.NoError(t, err)
	pb := plan.NewBuilder("fan", plan.Problem{Graph: g, Batch: 1}, plan.NewBelief(p))
	for layer, x := range []at{1: {0, 0}, {0, 0}, {0, 0}, {1, 0}, {1, 1}, {2, 0}, {0, 0}} {
		if layer > 0 {
			pb.Compute(x.node, x.cluster, workloads.Slice{From: layer, To: layer + 1, Out: g.Full(layer, 1)})
		}
	}
	plan, err := pb.Finish()
	require.NoError(t, err)
	r := runPlan(t, Config{Truth: p, Arrivals: once(), TraceLimit: -1}, plan, g)
	ends := map[int64]time.Duration{}
	for _, x := range r.Trace.Transfers {
		ends[x.Bytes] = x.End
	}
	// The flows start at 1, 2 and 3 ms. Bytes left at 3 ms: 118 500, 59 500 and 30 000 at a third of 1 MB/s each.
	ms := func(x float64) time.Duration { return time.Duration(x * 1e6) }
	require.InDelta(t, ms(3+90), ends[30_000], 2)                   // 30 kB at 1/3
	require.InDelta(t, ms(3+90+2*29.5), ends[60_000], 2)            // then 29.5 kB at 1/2
	require.InDelta(t, ms(3+90+59+118.5-30-29.5), ends[120_000], 2) // then 59 kB alone
}

// On a shared medium every transfer takes airtime from every other, twice where it goes through an access point.
func TestSharedMediumByHand(t *testing.T) {
	p := plainPlatform(1, 1, 1)
	p.Network.Resources = []devices.Resource{{Name: "air", Capacity: 1e6, Medium: true}}
	for u := range p.Nodes {
		for v := range p.Nodes {
			p.Network.Paths[u][v].Hops = []devices.Hop{{Resource: 0, Weight: 2}}
		}
	}
	g := tasks(t, 1000, 1_000_000)
	plan := chainPlan(t, p, g, 0, at{1, 0})
	r := runPlan(t, Config{Truth: p, Arrivals: once()}, plan, g)
	require.Equal(t, 2*(2+1)*time.Millisecond+time.Millisecond, r.Latency.Mean)
	require.Equal(t, 4000.0, r.Resources[0].Bytes)

	r = runPlan(t, Config{Truth: p, Arrivals: &fixedArrivals{at: make([]time.Duration, 3)}, Records: true}, plan, g)
	// Three inputs share the air for 6 ms and arrive at 7; results leave at 8, 9, 10 ms and take 2 ms each alone, 3 ms where
	// two overlap: 8–11, 9–13 and 10–14 with one, two and three on the air.
	require.InDelta(t, 14*time.Millisecond+time.Millisecond, r.Records[2].Finish, 10)
}

// A device that no plan uses changes nothing.
func TestUnusedDeviceChangesNothing(t *testing.T) {
	for seed := range uint64(100) {
		cfg := randomRun(seed)
		cfg.Faults = Faults{}
		r, err := Run(context.Background(), cfg)
		require.NoError(t, err)
		more := randomRun(seed)
		more.Faults = Faults{}
		more.Truth = withStranger(more.Truth)
		m, err := Run(context.Background(), more)
		require.NoError(t, err)
		require.Equal(t, r.Trace.Requests, m.Trace.Requests, "seed %d", seed)
		require.Equal(t, r.Trace.Transfers, m.Trace.Transfers)
		require.Equal(t, r.Latency, m.Latency)
		require.Equal(t, r.EnergyServing(), m.EnergyServing())
		require.Greater(t, m.EnergyPlatform, r.EnergyPlatform)
	}
}

// withStranger returns the platform with one more node, connected to all over links of its own.
func withStranger(p *devices.Platform) *devices.Platform {
	q := *p
	n := len(p.Nodes)
	stranger := plainPlatform(2).Nodes[0]
	stranger.Name = "stranger"
	q.Nodes = append(append([]devices.Node(nil), p.Nodes...), stranger)
	q.Network.Resources = append(append([]devices.Resource(nil), p.Network.Resources...), devices.Resource{Name: "new", Capacity: 1e6})
	path := devices.Path{Hops: []devices.Hop{{Resource: len(p.Network.Resources), Weight: 1}}}
	q.Network.Paths = nil
	for u := range n {
		q.Network.Paths = append(q.Network.Paths, append(append([]devices.Path(nil), p.Network.Paths[u]...), path))
	}
	last := make([]devices.Path, n+1)
	for v := range last {
		last[v] = path
	}
	q.Network.Paths = append(q.Network.Paths, last)
	return &q
}

// Everything twice as fast halves the latency, up to the rounding of each op.
func TestTwiceAsFastHalvesTheTime(t *testing.T) {
	for seed := range uint64(300) {
		s := randomScenario(seed)
		slow := runPlan(t, Config{Truth: s.platform, Arrivals: once()}, s.plan, s.graph)
		fast := runPlan(t, Config{Truth: faster(s.platform, 2), Arrivals: once()}, s.plan, s.graph)
		require.InDelta(t, float64(slow.Latency.Mean)/2, float64(fast.Latency.Mean), float64(3*len(s.plan.Ops)+2), "seed %d", seed)
	}
}

func faster(p *devices.Platform, k float64) *devices.Platform {
	q := *p
	q.Nodes = append([]devices.Node(nil), p.Nodes...)
	for j := range q.Nodes {
		n := &q.Nodes[j]
		n.Message = time.Duration(float64(n.Message) / k)
		n.Clusters = append([]devices.Cluster(nil), n.Clusters...)
		for c := range n.Clusters {
			x := &n.Clusters[c].Params
			for i := range x.Rate {
				x.Rate[i] *= k
			}
			x.ActBandwidth, x.WeightBandwidth = x.ActBandwidth*k, x.WeightBandwidth*k
			x.ConvOverhead, x.OtherOverhead, x.InvokeOverhead = x.ConvOverhead/k, x.OtherOverhead/k, x.InvokeOverhead/k
		}
		crossings := make([][]devices.Crossing, len(n.Crossings))
		for a := range crossings {
			crossings[a] = append([]devices.Crossing(nil), n.Crossings[a]...)
			for b := range crossings[a] {
				crossings[a][b].Sync /= k
				crossings[a][b].Bandwidth *= k
			}
		}
		n.Crossings = crossings
	}
	q.Network.Resources = append([]devices.Resource(nil), p.Network.Resources...)
	for i := range q.Network.Resources {
		q.Network.Resources[i].Capacity *= k
	}
	paths := make([][]devices.Path, len(p.Nodes))
	for u := range paths {
		paths[u] = append([]devices.Path(nil), p.Network.Paths[u]...)
		for v := range paths[u] {
			paths[u][v].Latency = time.Duration(float64(paths[u][v].Latency) / k)
		}
	}
	q.Network.Paths = paths
	return &q
}
