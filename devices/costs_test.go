package devices

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hidp/workloads"
	"hidp/workloads/tensor"
	"hidp/workloads/zoo"
)

// testGraphs are networks with every kind of layer that costs differ by.
func testGraphs(t testing.TB) []*workloads.Graph {
	t.Helper()
	var graphs []*workloads.Graph
	for _, name := range []string{"vgg16", "resnet18", "efficientnet_b0", "squeezenet1_1", "inception_v3"} {
		g, err := zoo.Get(name)
		require.NoError(t, err)
		graphs = append(graphs, g)
	}
	return graphs
}

func testPlatform(t testing.TB) *Platform {
	t.Helper()
	p, err := Open("paper-wlan")
	require.NoError(t, err)
	return p
}

// drawn is a random cluster and layer of a random network.
func drawn(t *rapid.T, p *Platform, graphs []*workloads.Graph) (c *Costs, j, k, i int) {
	g := rapid.SampledFrom(graphs).Draw(t, "graph")
	c = NewCosts(p, g)
	j = rapid.IntRange(0, len(p.Nodes)-1).Draw(t, "node")
	k = rapid.IntRange(0, len(p.Nodes[j].Clusters)-1).Draw(t, "cluster")
	return c, j, k, rapid.IntRange(1, len(g.Layers)-1).Draw(t, "layer")
}

func TestMoreRowsAreNeverCheaper(t *testing.T) {
	p, graphs := testPlatform(t), testGraphs(t)
	rapid.Check(t, func(t *rapid.T) {
		c, j, k, i := drawn(t, p, graphs)
		last := 0.0
		for n := 0; n <= c.Graph.Rows(i); n++ {
			cost := c.Rows(j, k, i, n, 1)
			require.GreaterOrEqual(t, cost, last)
			last = cost
		}
	})
}

func TestSplitRowsCostAtLeastTheWhole(t *testing.T) {
	p, graphs := testPlatform(t), testGraphs(t)
	rapid.Check(t, func(t *rapid.T) {
		c, j, k, i := drawn(t, p, graphs)
		rows := c.Graph.Rows(i)
		cut := rapid.IntRange(0, rows).Draw(t, "cut")
		whole := c.Rows(j, k, i, rows, 1)
		require.GreaterOrEqual(t, c.Rows(j, k, i, cut, 1)+c.Rows(j, k, i, rows-cut, 1), whole*(1-1e-12))
	})
}

func TestBatchIsCheaperThanItsSamplesAlone(t *testing.T) {
	p, graphs := testPlatform(t), testGraphs(t)
	rapid.Check(t, func(t *rapid.T) {
		c, j, k, i := drawn(t, p, graphs)
		b := rapid.IntRange(1, 32).Draw(t, "batch")
		rows := c.Graph.Rows(i)
		one, all := c.Rows(j, k, i, rows, 1), c.Rows(j, k, i, rows, b)
		require.LessOrEqual(t, all, float64(b)*one*(1+1e-12))
		require.GreaterOrEqual(t, all, one)
	})
}

func TestRowsAreTheLayerOfThatManyRows(t *testing.T) {
	p, graphs := testPlatform(t), testGraphs(t)
	rapid.Check(t, func(t *rapid.T) {
		c, j, k, i := drawn(t, p, graphs)
		b := rapid.IntRange(1, 4).Draw(t, "batch")
		all := c.Graph.Rows(i)
		rows := workloads.Range{Lo: rapid.IntRange(0, all-1).Draw(t, "from"), Hi: all}
		part := c.Graph.Restrict(c.Graph.Tensor(i, b), tensor.Row, rows)
		require.InEpsilon(t, c.Layer(j, k, i, &part.Box), c.Rows(j, k, i, rows.Len(), b), 1e-12)
	})
}

func TestFewerChannelsCostLess(t *testing.T) {
	p, graphs := testPlatform(t), testGraphs(t)
	rapid.Check(t, func(t *rapid.T) {
		c, j, k, i := drawn(t, p, graphs)
		full := c.Graph.Tensor(i, 1)
		some := workloads.Range{Hi: rapid.IntRange(1, c.Graph.Layers[i].Out.C).Draw(t, "channels")}
		part := c.Graph.Restrict(full, tensor.Channel, some)
		require.LessOrEqual(t, c.Layer(j, k, i, &part.Box), c.Layer(j, k, i, &full.Box)*(1+1e-12))
	})
}

// The whole network costs what the fit says of it: invocation plus layers times the correction.
func TestWholeNetworkIsWhatTheFitPredicts(t *testing.T) {
	p := testPlatform(t)
	for _, g := range testGraphs(t) {
		c, net := NewCosts(p, g), graphNetwork(g)
		for j := range p.Nodes {
			for k := range p.Nodes[j].Clusters {
				cl := &p.Nodes[j].Clusters[k]
				scale := 1.0
				if s, ok := cl.Rescale[g.Name]; ok {
					scale = s
				}
				want := cl.Params.InvokeOverhead + scale*(net.seconds(&cl.Params)-cl.Params.InvokeOverhead)
				require.InEpsilon(t, want, wholeNetwork(c, j, k), 1e-9, "%s on %s %s", g.Name, p.Nodes[j].Name, cl.Name)
			}
		}
	}
}

func wholeNetwork(c *Costs, j, k int) float64 {
	total := c.Invoke(j, k)
	for i := range c.Graph.Layers {
		full := c.Graph.Full(i, 1)
		total += c.Layer(j, k, i, &full)
	}
	return total
}

// Published latencies come back: exactly, up to stored digits, for networks that were measured themselves, and within the stated
// error for variants of them.
func TestPublishedLatencies(t *testing.T) {
	for _, c := range []struct {
		platform, cluster, model string
		milliseconds, tolerance  float64
	}{
		{"board:jetson-tx2@tensorflow/fp32", "gpu", "inception_v3", 98.4, 0.002},
		{"board:jetson-tx2@tensorflow/fp32", "gpu", "vgg16", 171, 0.002},
		{"board:jetson-tx2@tensorflow/fp32", "gpu", "resnet152", 157, 0.10}, // TF-slim's variant has 5 % fewer operations
		{"board:jetson-tx2@tensorflow/fp32", "gpu", "resnet50", 63.9, 0.18}, // 15 % fewer
		{"board:jetson-tx2@tensorrt/fp16", "gpu", "vgg16", 38.2, 0.002},
		{"board:jetson-tx2@tensorrt/fp32", "gpu", "vgg19", 97.3, 0.05}, // a row outside the fit: commented out in its source
		{"board:jetson-nano@tensorrt/fp16", "gpu", "resnet152", 72.3, 0.002},
		{"board:jetson-nano@tensorflow/fp32", "gpu", "mobilenet_v2", 20.18, 0.002},
		{"board:jetson-nano@tensorflow/fp32", "cpu", "mobilenet_v2", 126.19, 0.002},
		{"board:jetson-agx-xavier@pytorch/fp16", "gpu", "vgg19", 18.7, 0.002},
		{"board:raspberry-pi-4b@tensorflow/fp32", "cpu", "mobilenet_v2", 207.43, 0.002},
		{"board:raspberry-pi-4b@tflite/fp32", "cpu", "resnet50", 576.52, 0.002},
		{"board:raspberry-pi-5@ncnn", "cpu", "efficientnet_b0", 12.28, 0.002},
	} {
		p, err := Open(c.platform)
		require.NoError(t, err)
		k, ok := p.Nodes[0].Cluster(c.cluster)
		require.True(t, ok)
		g, err := zoo.Get(c.model)
		require.NoError(t, err)
		require.InEpsilon(t, c.milliseconds, 1e3*wholeNetwork(NewCosts(p, g), 0, k), c.tolerance, "%s on %s", c.model, c.platform)
	}
}

func TestCrossAndTransfer(t *testing.T) {
	p := testPlatform(t)
	tx2 := &p.Nodes[0]
	gpu, _ := tx2.Cluster("gpu")
	a57, _ := tx2.Cluster("a57")
	denver, _ := tx2.Cluster("denver2")
	c := NewCosts(p, testGraphs(t)[0])
	require.Equal(t, 26*time.Microsecond+time.Millisecond, c.Cross(0, a57, gpu, 2_100_000))
	require.Equal(t, 50*time.Microsecond, c.Cross(0, a57, denver, 2_100_000))
	require.Zero(t, c.Cross(0, gpu, gpu, 1e9))
	nano, _ := p.Node("jetson-nano")
	require.Equal(t, 100*time.Microsecond+133*time.Microsecond+3490*time.Microsecond+100*time.Millisecond, p.Transfer(0, nano, 1_000_000))
	require.Zero(t, p.Transfer(0, 0, 1e9))
}

func TestSpeedBesideOthers(t *testing.T) {
	tx2 := &testPlatform(t).Nodes[0]
	gpu, _ := tx2.Cluster("gpu")
	cpu, _ := tx2.Cluster("cpu")
	require.Equal(t, 1.0, tx2.Speed(gpu, 0b100))
	require.InDelta(t, 0.81, tx2.Speed(gpu, 0b111), 1e-12)
	require.Equal(t, 1.0, tx2.Speed(cpu, 0b011))
	require.InDelta(t, 0.95, tx2.Speed(cpu, 0b111), 1e-12)
	require.True(t, tx2.Clusters[cpu].Group())
	require.Equal(t, gpu, tx2.DefaultCluster)
	require.Equal(t, cpu, tx2.CPUCluster)
}

func BenchmarkRows(b *testing.B) {
	c := NewCosts(testPlatform(b), testGraphs(b)[1])
	sum, i := 0.0, 1
	for b.Loop() {
		sum += c.Rows(0, 2, i, 7, 1)
		if i++; i == len(c.Graph.Layers) {
			i = 1
		}
	}
	_ = sum
}

func BenchmarkNewCosts(b *testing.B) {
	p, g := testPlatform(b), testGraphs(b)[1]
	for b.Loop() {
		NewCosts(p, g)
	}
}

func BenchmarkOpen(b *testing.B) {
	for b.Loop() {
		if _, err := Open("paper-wlan"); err != nil {
			b.Fatal(err)
		}
	}
}
