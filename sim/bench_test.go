package sim

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/strategies/catalog"
	"hidp/strategies/plan"
	"hidp/workloads"
	"hidp/workloads/tensor"
	"hidp/workloads/zoo"
)

// ringPlatform is the platform of the ring workload: five hosts with three clusters of 150, 50 and 20 GFLOP/s on a star of
// full-duplex links of 10 MB/s, 1 ms from end to end.
func ringPlatform() *devices.Platform {
	p := &devices.Platform{Name: "ring"}
	for j := range 5 {
		n := devices.Node{Name: fmt.Sprintf("host%d", j), Physical: 3, Memory: 1 << 40, IdlePower: 2, NICPower: 0.5}
		for k, rate := range []float64{150e9, 50e9, 20e9} {
			c := devices.Cluster{Name: fmt.Sprintf("c%d", k), Mask: 1 << k, ActivePower: float64(2 + k),
				Params: devices.Params{ActBandwidth: 1e30, WeightBandwidth: 1e30}}
			for class := range c.Params.Rate {
				c.Params.Rate[class] = rate
			}
			n.Clusters = append(n.Clusters, c)
			n.Keep = append(n.Keep, []float64{1, 1, 1})
			n.Crossings = append(n.Crossings, make([]devices.Crossing, 3))
		}
		p.Nodes = append(p.Nodes, n)
		for _, dir := range []string{"up", "down"} {
			p.Network.Resources = append(p.Network.Resources, devices.Resource{Name: fmt.Sprintf("%s%d", dir, j), Capacity: 10e6})
		}
	}
	p.Network.Paths = make([][]devices.Path, 5)
	for u := range 5 {
		for v := range 5 {
			p.Network.Paths[u] = append(p.Network.Paths[u], devices.Path{Latency: time.Millisecond,
				Hops: []devices.Hop{{Resource: 2 * u, Weight: 1}, {Resource: 2*v + 1, Weight: 1}}})
		}
	}
	return p
}

// ring is the strategy of the ring workload: the model called "ring<i>" visits the hosts in turn from host i on.
type ring struct{}

func (ring) Plan(r plan.Problem, b *plan.Belief) (*plan.Plan, error) {
	pb := plan.NewBuilder("ring", r, b)
	for s := range 10 {
		pb.Compute((r.Leader+s)%5, s%3, workloads.Slice{From: s + 1, To: s + 2, Out: r.Graph.Full(s+1, r.Batch)})
	}
	return pb.Finish()
}

// ringModels are five networks of ten layers of 3 GFLOP that hand on 600 kB each, one for every first host.
func ringModels(tb testing.TB) []*workloads.Graph {
	var models []*workloads.Graph
	for i := range 5 {
		b := workloads.NewBuilder(fmt.Sprintf("ring%d", i), workloads.Shape{C: 150_000, H: 1, W: 1})
		for s := range 10 {
			b.Add(workloads.Layer{Name: "task", Op: workloads.OpElementwise, Inputs: []int{s}, Out: workloads.Shape{C: 150_000, H: 1, W: 1},
				Class: workloads.ClassElementwise, FLOPs: 3e9})
		}
		g, err := b.Build()
		require.NoError(tb, err)
		models = append(models, g)
	}
	return models
}

func ringConfig(tb testing.TB, seed uint64, requests int) Config {
	source, err := workloads.Poisson{Rate: 5}.Source(seed, workloads.Equal(5), workloads.Limit{Requests: requests})
	require.NoError(tb, err)
	return Config{Truth: ringPlatform(), Strategy: ring{}, Models: ringModels(tb), Leaders: []int{0, 1, 2, 3, 4}, Arrivals: source, Seed: seed}
}

// BenchmarkRing runs the ring workload by which simulators are compared: 10 000 requests that each do ten computations and ten
// transfers. One iteration is one request.
func BenchmarkRing(b *testing.B) {
	b.ReportAllocs()
	var sum time.Duration
	var runs int
	for done := 0; done < b.N; done += 10_000 {
		r, err := Run(context.Background(), ringConfig(b, uint64(runs), min(10_000, b.N-done)))
		require.NoError(b, err)
		sum += r.Latency.Mean
		runs++
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
	b.ReportMetric((sum / time.Duration(runs)).Seconds(), "s-mean-latency")
}

// benchPlatform is five boards of three clusters on one radio channel, where neighbours slow each other.
func benchPlatform() *devices.Platform {
	p := ringPlatform()
	p.Network.Resources = []devices.Resource{{Name: "air", Capacity: 40e6, Medium: true}}
	for u := range p.Nodes {
		p.Nodes[u].Message = 200 * time.Microsecond
		for k := range 3 {
			p.Nodes[u].Keep[k] = []float64{0.9, 0.9, 0.9}
			p.Nodes[u].Clusters[k].Params.InvokeOverhead = 1e-3
		}
		for v := range p.Nodes {
			p.Network.Paths[u][v].Hops = []devices.Hop{{Resource: 0, Weight: 1}}
		}
	}
	return p
}

// benchPlan splits ResNet-50 into seven segments, every other one into row strips over four clusters of three nodes.
func benchPlan(tb testing.TB, p *devices.Platform) (*plan.Plan, *workloads.Graph) {
	g, err := zoo.Get("resnet50")
	require.NoError(tb, err)
	b := plan.NewBuilder("bench", plan.Problem{Graph: g, Batch: 1}, plan.NewBelief(p))
	blocks := g.Blocks()
	from := 0
	for i, to := range []int{4, 6, 9, 12, 14, 16, len(blocks)} {
		s := workloads.Slice{From: blocks[from].From, To: blocks[to-1].To}
		s.Out = g.Full(s.To-1, 1)
		from = to
		if i%2 == 1 || i == 6 {
			b.Compute(i%5, i%3, s)
			continue
		}
		h := g.Rows(s.To - 1)
		for part := range 4 {
			s = g.Strip(s, tensor.Row, workloads.Range{Lo: part * h / 4, Hi: (part + 1) * h / 4})
			b.Compute((i+part/2)%5, part%2, s)
		}
	}
	plan, err := b.Finish()
	require.NoError(tb, err)
	return plan, g
}

// BenchmarkRun simulates requests of a realistic plan with queueing, contention and a shared channel. One iteration is one
// request.
func BenchmarkRun(b *testing.B) {
	p := benchPlatform()
	plan, g := benchPlan(b, p)
	source, err := workloads.Poisson{Rate: 5}.Source(1, workloads.Mix{}, workloads.Limit{Requests: b.N})
	require.NoError(b, err)
	b.ReportAllocs()
	b.ResetTimer()
	r, err := RunPlan(context.Background(), Config{Truth: p, Arrivals: source}, plan, g)
	require.NoError(b, err)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
	b.ReportMetric(float64(len(plan.Ops)), "ops/plan")
	b.ReportMetric(float64(r.Events)/float64(b.N), "events/request")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(r.Events), "ns/event")
	b.ReportMetric(r.Latency.Mean.Seconds(), "s-mean-latency")
}

// BenchmarkPaperPlatform simulates requests on the paper's five boards, cached plans of strategies for ResNet-50 at four fifths
// of what the boards bear. One iteration is one request.
func BenchmarkPaperPlatform(b *testing.B) {
	p, err := devices.Open("paper-wlan")
	require.NoError(b, err)
	g, err := zoo.Get("resnet50")
	require.NoError(b, err)
	for _, name := range []string{"hidp", "modnn", "disnet", "omniboost", "single-gpu"} {
		b.Run(name, func(b *testing.B) {
			s, err := catalog.New(name, nil)
			require.NoError(b, err)
			belief := plan.NewBelief(p)
			plan, err := s.Plan(plan.Problem{Graph: g, Batch: 1, Leader: p.Leader}, belief)
			require.NoError(b, err)
			rate := 0.8 / busiest(b, p, plan, g).Seconds()
			source, err := workloads.Poisson{Rate: rate}.Source(1, workloads.Mix{}, workloads.Limit{Requests: b.N})
			require.NoError(b, err)
			b.ReportAllocs()
			b.ResetTimer()
			r, err := RunPlan(context.Background(), Config{Truth: p, Arrivals: source}, plan, g)
			require.NoError(b, err)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
			b.ReportMetric(float64(len(plan.Ops)), "ops/plan")
			b.ReportMetric(float64(r.Events)/float64(b.N), "events/request")
		})
	}
}

// busiest returns the time for which one request keeps the busiest cluster or network interface busy.
func busiest(tb testing.TB, p *devices.Platform, plan *plan.Plan, g *workloads.Graph) time.Duration {
	r := runPlan(tb, Config{Truth: p, Arrivals: once()}, plan, g)
	var most time.Duration
	for _, n := range r.Nodes {
		most = max(most, n.NICBusy)
		for _, c := range n.Clusters {
			most = max(most, c.Busy)
		}
	}
	return most
}
