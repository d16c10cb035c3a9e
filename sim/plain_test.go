package sim

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/strategies/plan"
	"hidp/workloads"
)

// plainPlatform is n nodes with the given numbers of clusters of 1 GFLOP/s and no overheads, all pairs joined by full-duplex
// switched links of 1 MB/s with 1 ms latency.
func plainPlatform(clusters ...int) *devices.Platform {
	p := &devices.Platform{Name: "plain"}
	for j, n := range clusters {
		d := devices.Node{Name: fmt.Sprintf("n%d", j), Physical: n, Memory: 1 << 40, IdlePower: 1, NICPower: 0.5}
		for k := range n {
			c := devices.Cluster{Name: fmt.Sprintf("c%d", k), Mask: 1 << k, ActivePower: 2, Params: devices.Params{ActBandwidth: 1e30, WeightBandwidth: 1e30}}
			for class := range c.Params.Rate {
				c.Params.Rate[class] = 1e9
			}
			d.Clusters = append(d.Clusters, c)
			keep := make([]float64, n)
			for i := range keep {
				keep[i] = 1
			}
			d.Keep = append(d.Keep, keep)
			d.Crossings = append(d.Crossings, make([]devices.Crossing, n))
		}
		p.Nodes = append(p.Nodes, d)
		p.Network.Resources = append(p.Network.Resources, devices.Resource{Name: d.Name + " up", Capacity: 1e6}, devices.Resource{Name: d.Name + " down", Capacity: 1e6})
	}
	p.Network.Paths = make([][]devices.Path, len(clusters))
	for u := range clusters {
		for v := range clusters {
			p.Network.Paths[u] = append(p.Network.Paths[u], devices.Path{Latency: time.Millisecond,
				Hops: []devices.Hop{{Resource: 2 * u, Weight: 1}, {Resource: 2*v + 1, Weight: 1}}})
		}
	}
	return p
}

// tasks is a chain of layers of the given FLOPs that hand on bytes each.
func tasks(tb testing.TB, bytes int, flops ...int64) *workloads.Graph {
	shape := workloads.Shape{C: bytes / 4, H: 1, W: 1}
	b := workloads.NewBuilder("tasks", shape)
	for i, f := range flops {
		b.Add(workloads.Layer{Name: fmt.Sprintf("task%d", i), Op: workloads.OpElementwise, Inputs: []int{i}, Out: shape,
			Class: workloads.ClassElementwise, FLOPs: f})
	}
	g, err := b.Build()
	require.NoError(tb, err)
	return g
}

// at is a place: a node and a cluster.
type at struct{ node, cluster int }

// chainPlan runs layer i+1 at places[i].
func chainPlan(tb testing.TB, p *devices.Platform, g *workloads.Graph, leader int, places ...at) *plan.Plan {
	b := plan.NewBuilder("chain", plan.Problem{Graph: g, Batch: 1, Leader: leader}, plan.NewBelief(p))
	for i, x := range places {
		b.Compute(x.node, x.cluster, workloads.Slice{From: i + 1, To: i + 2, Out: g.Full(i+1, 1)})
	}
	plan, err := b.Finish()
	require.NoError(tb, err)
	return plan
}

func once() *fixedArrivals { return &fixedArrivals{at: []time.Duration{0}} }

// every returns n arrivals at an interval.
func every(interval time.Duration, n int) *fixedArrivals {
	a := &fixedArrivals{}
	for i := range n {
		a.at = append(a.at, time.Duration(i)*interval)
	}
	return a
}

func runPlan(tb testing.TB, cfg Config, p *plan.Plan, g *workloads.Graph) *Result {
	r, err := RunPlan(context.Background(), cfg, p, g)
	require.NoError(tb, err)
	return r
}
