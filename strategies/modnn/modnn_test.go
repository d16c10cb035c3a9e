package modnn

import (
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/strategies"
	"hidp/strategies/conformance"
	"hidp/strategies/plan"
	"hidp/workloads"
	"hidp/workloads/tensor"
	"hidp/workloads/zoo"
)

// boards returns nodes of the given relative speeds on a switch of 10 MB/s.
func boards(speeds ...float64) *devices.Platform { return conformance.Boards(1e7, speeds...) }

func made(t *testing.T, model string, p *devices.Platform, batch int, opts strategies.Options) (*plan.Plan, *workloads.Graph) {
	g, err := zoo.Get(model)
	require.NoError(t, err)
	s, err := newMoDNN(opts)
	require.NoError(t, err)
	b := plan.NewBelief(p)
	got, err := s.Plan(plan.Problem{Graph: g, Batch: batch}, b)
	require.NoError(t, err)
	require.NoError(t, plan.Validate(got, g, p))
	return got, g
}

// The bytes that scatter and gather move for VGG16 over two equal workers were counted by hand over torchvision's layer table:
// 122 MB with a step per layer and 13.4 MB with a step per pooled stage if both workers are remote; here one of them is the host.
func TestBytesOfScatterAndGather(t *testing.T) {
	two := boards(1, 1)
	noFC := strategies.Options{"fc": "1000", "sync": "layer"}
	p, g := made(t, "vgg16", two, 1, noFC)
	require.InEpsilon(t, 122e6/2, p.SentBytes(g), 0.03)
	p, g = made(t, "vgg16", two, 1, strategies.Options{"fc": "1000"})
	require.InEpsilon(t, 13.4e6/2, p.SentBytes(g), 0.03)
}

// Straight from node to node only the halos of the inner layers travel, 1.0 MB both ways, and half of the image and the result.
func TestBytesOfHaloExchange(t *testing.T) {
	p, g := made(t, "vgg16", boards(1, 1), 1, strategies.Options{"fc": "1000", "sync": "layer", "route": "p2p"})
	image, result := 3*224*224*4/2, 512*7*7*4/2
	require.InEpsilon(t, 1.0e6+float64(image+result), p.SentBytes(g), 0.05)
}

// Strips are proportional to speed: at 3:1, three quarters of the rows of every stage of VGG19 that divides.
func TestBiasedStrips(t *testing.T) {
	p, g := made(t, "vgg19", boards(3, 1), 1, nil)
	rows := func(p *plan.Plan) workloads.Range { return g.Along(p.Ops[0].Slice.Last(), tensor.Row) }
	first := p.Ops[0]
	require.Equal(t, plan.Compute, first.Kind)
	require.Equal(t, workloads.Range{Lo: 0, Hi: 84}, rows(p), "of the 112 rows behind the first pool")
	equal, _ := made(t, "vgg19", boards(3, 1), 1, strategies.Options{"weights": "equal"})
	require.Equal(t, workloads.Range{Lo: 0, Hi: 56}, rows(equal))
	require.Equal(t, 2, splitFC(p, g), "fc6 and fc7 exceed 16 MiB, fc8 does not")
}

// splitFC counts the fully connected layers that run in parts.
func splitFC(p *plan.Plan, g *workloads.Graph) int {
	parts := map[int]int{}
	for i := range p.Ops {
		if s := p.Ops[i].Slice; p.Ops[i].Kind == plan.Compute && g.Layers[s.From].Op == workloads.OpLinear {
			parts[s.From]++
		}
	}
	n := 0
	for _, k := range parts {
		if k > 1 {
			n++
		}
	}
	return n
}

func TestSamplesSplit(t *testing.T) {
	p, g := made(t, "resnet50", boards(2, 1, 1), 8, strategies.Options{"split": "samples"})
	var samples []workloads.Range
	for i := range p.Ops {
		if p.Ops[i].Kind == plan.Compute {
			samples = append(samples, p.Ops[i].Slice.Samples())
			require.Equal(t, len(g.Layers), p.Ops[i].Slice.To)
		}
	}
	require.Equal(t, []workloads.Range{{Lo: 0, Hi: 4}, {Lo: 4, Hi: 6}, {Lo: 6, Hi: 8}}, samples)
}

// Once and ignoring halos, the network is one strip per node and a tail; the plan says that it is inexact.
func TestOnceIgnoringHalos(t *testing.T) {
	p, _ := made(t, "efficientnet_b0", boards(1, 1, 1, 1), 1, strategies.Options{"sync": "once", "halo": "ignore"})
	require.False(t, p.Exact())
	computes := 0
	for i := range p.Ops {
		if p.Ops[i].Kind == plan.Compute {
			computes++
		}
	}
	require.Equal(t, 4+1, computes)
}

func BenchmarkPlanResNet152(b *testing.B) {
	g, err := zoo.Get("resnet152")
	require.NoError(b, err)
	s, err := newMoDNN(nil)
	require.NoError(b, err)
	belief := plan.NewBelief(boards(5, 4, 3, 2, 1))
	for b.Loop() {
		if _, err := s.Plan(plan.Problem{Graph: g, Batch: 1}, belief); err != nil {
			b.Fatal(err)
		}
	}
}
