package plan

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/workloads"
)

// testPlatform is two nodes with a CPU and a GPU each, joined by one medium of 1 MB/s with 1 ms latency and 100 µs per message
// at each end. CPUs run at 1 GFLOP/s, GPUs at 4, all overheads zero, and neighbours slow each other to 80 %.
func testPlatform() *devices.Platform {
	p := &devices.Platform{Name: "test"}
	for _, name := range []string{"a", "b"} {
		n := devices.Node{Name: name, Physical: 2, Memory: 1 << 30, IdlePower: 2, NICPower: 0.5, Message: 100 * time.Microsecond, DefaultCluster: 1}
		for k, rate := range []float64{1e9, 4e9} {
			cl := devices.Cluster{Name: []string{"cpu", "gpu"}[k], Kind: devices.Kind(k), Mask: 1 << k, ActivePower: 3}
			for c := range cl.Params.Rate {
				cl.Params.Rate[c] = rate
			}
			cl.Params.ActBandwidth, cl.Params.WeightBandwidth = 1e15, 1e15
			n.Clusters = append(n.Clusters, cl)
			n.Keep = append(n.Keep, []float64{0.8, 0.8})
			n.Crossings = append(n.Crossings, make([]devices.Crossing, 2))
		}
		p.Nodes = append(p.Nodes, n)
	}
	path := devices.Path{Hops: []devices.Hop{{Resource: 0, Weight: 1}}, Latency: time.Millisecond}
	p.Network = devices.Network{Resources: []devices.Resource{{Name: "wlan", Capacity: 1e6, Medium: true}},
		Paths: [][]devices.Path{{{}, path}, {path, {}}}}
	return p
}

// testGraph is a chain of three 3×3 convolutions on a 4×32×32 map.
func testGraph(t *testing.T) *workloads.Graph {
	b := workloads.NewBuilder("chain", workloads.Shape{C: 4, H: 32, W: 32})
	at := 0
	for range 3 {
		at = b.Conv("conv", at, workloads.Conv{Out: 4, Window: workloads.Square(3, 1, 1)})
	}
	g, err := b.Build()
	require.NoError(t, err)
	return g
}

func TestForecastOfOneSlice(t *testing.T) {
	g, b := testGraph(t), NewBelief(testPlatform())
	r := Problem{Graph: g, Batch: 1}
	pb := NewBuilder("t", r, b)
	pb.Compute(0, 0, workloads.Slice{From: 1, To: 4, Out: g.Full(3, 1)})
	p, err := pb.Finish()
	require.NoError(t, err)
	require.NoError(t, Validate(p, g, b.Platform))
	want := time.Duration(g.FLOPs()) // 1 GFLOP/s: a FLOP a nanosecond
	got := Forecast(p, g, b)
	require.InDelta(t, want, got.Latency, 1)
	require.InEpsilon(t, want.Seconds()*(2+3), got.Energy, 1e-6)
}

func TestForecastOfARemoteSlice(t *testing.T) {
	g, b := testGraph(t), NewBelief(testPlatform())
	pb := NewBuilder("t", Problem{Graph: g, Batch: 1}, b)
	pb.Compute(1, 1, workloads.Slice{From: 1, To: 4, Out: g.Full(3, 1)})
	p, err := pb.Finish()
	require.NoError(t, err)
	require.NoError(t, Validate(p, g, b.Platform))
	require.Len(t, p.Ops, 3)
	bytes := g.Layers[0].Out.Elements() * 4
	transfer := 2*100*time.Microsecond + time.Millisecond + time.Duration(bytes)*time.Microsecond
	want := 2*transfer + time.Duration(g.FLOPs()/4)
	got := Forecast(p, g, b)
	require.InDelta(t, want, got.Latency, 2)
	flow := (2 * time.Duration(bytes) * time.Microsecond).Seconds()
	require.InEpsilon(t, want.Seconds()*2*2+time.Duration(g.FLOPs()/4).Seconds()*3+2*0.5*flow, got.Energy, 1e-6)
}

// Two strips side by side on CPU and GPU of one node: both run at 80 % until the shorter ends, then the longer at full speed.
func TestForecastOfCoRunningClusters(t *testing.T) {
	g, b := testGraph(t), NewBelief(testPlatform())
	pb := NewBuilder("t", Problem{Graph: g, Batch: 1}, b)
	top, bottom := rowsOf(g, 3, 0, 8), rowsOf(g, 3, 8, 32)
	cpu := pb.Compute(0, 0, workloads.Slice{From: 1, To: 4, Out: top})
	gpu := pb.Compute(0, 1, workloads.Slice{From: 1, To: 4, Out: bottom})
	p, err := pb.Finish()
	require.NoError(t, err)
	require.NoError(t, Validate(p, g, b.Platform))
	c := b.Costs(g)
	x, y := float64(p.ComputeTime(c, cpu)), float64(p.ComputeTime(c, gpu))
	short, long := min(x, y), max(x, y)
	want := short/0.8 + (long - short)
	require.InDelta(t, want, float64(Forecast(p, g, b).Latency), 2)
}

// Two transfers at once on the shared medium: the small one ends at twice its lone time, the large one at the sum of both.
func TestForecastSharesTheMedium(t *testing.T) {
	b := NewBelief(testPlatform())
	wb := workloads.NewBuilder("fork", workloads.Shape{C: 1, H: 64, W: 64})
	l, r := wb.Conv("l", 0, workloads.Conv{Out: 1, Window: workloads.Square(1, 1, 0)}), 0
	r = wb.Conv("r", 0, workloads.Conv{Out: 3, Window: workloads.Square(1, 1, 0)})
	wb.Concat("cat", l, r)
	g, err := wb.Build()
	require.NoError(t, err)
	pb := NewBuilder("t", Problem{Graph: g, Batch: 1}, b)
	pb.Compute(0, 0, workloads.Slice{From: 1, To: 2, Out: g.Full(1, 1)})
	pb.Compute(0, 0, workloads.Slice{From: 2, To: 3, Out: g.Full(2, 1)})
	pb.Compute(1, 1, workloads.Slice{From: 3, To: 4, Out: g.Full(3, 1)})
	p, err := pb.Finish()
	require.NoError(t, err)
	require.NoError(t, Validate(p, g, b.Platform))
	f := newForecast(p, b.Costs(g), b)
	f.ops[2].stage, f.ops[2].remaining = flowing, 16384
	f.ops[3].stage, f.ops[3].remaining = flowing, 49152
	f.active = []int{2, 3}
	f.shareNetwork()
	require.InDelta(t, f.ops[2].rate, f.ops[3].rate, 1e-12)
	require.InDelta(t, 1e-3, f.ops[2].rate+f.ops[3].rate, 1e-12)
}

func TestValidateNamesEveryFault(t *testing.T) {
	g, b := testGraph(t), NewBelief(testPlatform())
	pb := NewBuilder("t", Problem{Graph: g, Batch: 1}, b)
	pb.Compute(1, 1, workloads.Slice{From: 1, To: 4, Out: g.Full(3, 1)})
	p, err := pb.Finish()
	require.NoError(t, err)
	p.Ops[1].After = nil                    // forgets to wait for the input
	p.Ops[1].Cluster = 9                    // no such cluster
	p.Ops[2].Part.Box = rowsOf(g, 3, 0, 16) // half of the output stays behind
	err = Validate(p, g, b.Platform)
	require.ErrorContains(t, err, "op 1: node b has no cluster 9")
	require.ErrorContains(t, err, "op 1: reads layer 0 (input)")
	require.ErrorContains(t, err, "the leader a never gets samples [0,1) rows [16,32)")
}

func TestValidateRefusesToWaitForAnotherNode(t *testing.T) {
	g, b := testGraph(t), NewBelief(testPlatform())
	pb := NewBuilder("t", Problem{Graph: g, Batch: 1}, b)
	pb.Compute(1, 1, workloads.Slice{From: 1, To: 4, Out: g.Full(3, 1)})
	p, err := pb.Finish()
	require.NoError(t, err)
	p.Ops = append(p.Ops, Op{Kind: Compute, Node: 0, Slice: workloads.Slice{From: 1, To: 2, Out: g.Full(1, 1)}, After: []int{1}})
	require.ErrorContains(t, Validate(p, g, b.Platform), "op 3: waits for op 1, which ends on another node")
}

func TestValidateChecksMemory(t *testing.T) {
	g, plat := testGraph(t), testPlatform()
	plat.Nodes[0].Memory = 1000
	pb := NewBuilder("t", Problem{Graph: g, Batch: 1}, NewBelief(plat))
	pb.Compute(0, 0, workloads.Slice{From: 1, To: 4, Out: g.Full(3, 1)})
	p, err := pb.Finish()
	require.NoError(t, err)
	require.ErrorContains(t, Validate(p, g, plat), "node a needs")
}
