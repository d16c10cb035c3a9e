package disnet

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/strategies"
	"hidp/strategies/conformance"
	"hidp/strategies/plan"
	"hidp/strategies/split"
	"hidp/workloads"
	"hidp/workloads/zoo"
)

func p(t *testing.T, model string, p *devices.Platform, opts strategies.Options) (*plan.Plan, *workloads.Graph) {
	g, err := zoo.Get(model)
	require.NoError(t, err)
	s, err := newDisNet(opts)
	require.NoError(t, err)
	got, err := s.Plan(plan.Problem{Graph: g, Batch: 4}, plan.NewBelief(p))
	require.NoError(t, err)
	require.NoError(t, plan.Validate(got, g, p))
	return got, g
}

// helpers returns the most nodes that compute a strip ending at the same layer.
func helpers(p *plan.Plan) int {
	at, most := map[int]map[int]bool{}, 0
	for i := range p.Ops {
		if op := &p.Ops[i]; op.Kind == plan.Compute {
			if at[op.Slice.To] == nil {
				at[op.Slice.To] = map[int]bool{}
			}
			at[op.Slice.To][op.Node] = true
			most = max(most, len(at[op.Slice.To]))
		}
	}
	return most
}

// Segments tile the body, are at most V, and end behind a pool where one is near (of VGG19, the first two).
func TestVerticalCuts(t *testing.T) {
	for _, model := range zoo.Names() {
		g, err := zoo.Get(model)
		require.NoError(t, err)
		for n := 1; n <= 8; n++ {
			cuts := vertical(g, len(g.Layers), n)
			require.LessOrEqual(t, len(cuts), n+1)
			require.IsIncreasing(t, cuts)
			require.Equal(t, []int{1, len(g.Layers)}, []int{cuts[0], cuts[len(cuts)-1]})
		}
	}
	g, err := zoo.Get("vgg19")
	require.NoError(t, err)
	for _, at := range vertical(g, len(g.Layers), 4)[1:3] {
		require.Equal(t, workloads.OpMaxPool, g.Layers[at-1].Op)
	}
}

func TestTableOfHelpers(t *testing.T) {
	d := &disnet{}
	require.Equal(t, []int{4, 3, 3, 3, 3}, []int{d.most(0, 5), d.most(1, 5), d.most(2, 5), d.most(3, 5), d.most(4, 5)})
	require.Equal(t, []int{1, 2, 7}, []int{d.most(0, 1), d.most(3, 2), d.most(0, 40)})
	d.maxPar = 9
	require.Equal(t, 5, d.most(0, 5))
}

// Where transfers cost nothing, equal nodes share the rows; where they cost everything, one node does it all.
func TestNetworkDecides(t *testing.T) {
	fast, g := p(t, "vgg19", conformance.Boards(1e12, 1, 1, 1, 1, 1), strategies.Options{"eps": "1"})
	require.Equal(t, 4, helpers(fast))
	require.True(t, fast.Exact())
	slow, _ := p(t, "vgg19", conformance.Boards(1e3, 1, 1, 1, 1, 1), strategies.Options{"eps": "1"})
	require.Equal(t, 1, helpers(slow))
	require.Zero(t, slow.SentBytes(g))
}

// At equal power, splitting never saves energy: with eps=0 one node computes everything.
func TestEnergyAlone(t *testing.T) {
	p, _ := p(t, "resnet50", conformance.Boards(1e12, 1, 1, 1), strategies.Options{"eps": "0"})
	require.Equal(t, 1, helpers(p))
}

// Shares follow speed: 3:1 over the 4 samples of the request.
func TestSamplesFollowSpeed(t *testing.T) {
	p, _ := p(t, "resnet50", conformance.Boards(1e12, 3, 1), strategies.Options{"eps": "1", "split": "samples"})
	require.Equal(t, 2, helpers(p))
	for i := range p.Ops {
		if op := &p.Ops[i]; op.Kind == plan.Compute {
			require.Equal(t, []int{3, 1}[op.Node], op.Slice.Samples().Len())
		}
	}
}

// The unit of cost is what the forecast says of the best single node.
func TestReferencePriceIsTheForecast(t *testing.T) {
	g, err := zoo.Get("squeezenet1_1")
	require.NoError(t, err)
	b := plan.NewBelief(conformance.Boards(1e6, 1))
	d := &disnet{eps: 1, segments: 1}
	r := plan.Problem{Graph: g, Batch: 1}
	pl := &planner{disnet: d, r: r, g: g, b: b, workers: d.workers(r, b)}
	pl.reference()
	p, err := d.Plan(r, b)
	require.NoError(t, err)
	require.InEpsilon(t, pl.base.seconds, plan.Forecast(p, g, b).Latency.Seconds(), 1e-6)
}

// Looking ahead never costs more than not to, in the method's own belief.
func TestOptimalSearchIsNoWorseThanGreedy(t *testing.T) {
	better := 0
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		g, b := conformance.RandomGraph(rng), plan.NewBelief(conformance.RandomPlatform(rng))
		var cost [2]float64
		for i, greedy := range []bool{false, true} {
			d := &disnet{eps: 0.5, segments: 4, greedy: greedy}
			r := plan.Problem{Graph: g, Batch: 1, Leader: b.Platform.Leader}
			pl := &planner{disnet: d, r: r, g: g, b: b, workers: d.workers(r, b), body: split.Body(g)}
			pl.reference()
			cuts := vertical(g, pl.body, d.segments)
			choices, _ := pl.search(cuts)
			last := pl.leader()
			for v, c := range choices {
				p := pl.segment(cuts[v], cuts[v+1], c)
				p.add(pl.forward(last, c.anchor, cuts[v]-1))
				if cuts[v+1] == pl.body {
					p.add(pl.tail(c.anchor))
				}
				cost[i] += pl.cost(p)
				last = c.anchor
			}
		}
		require.LessOrEqual(t, cost[0], cost[1]*(1+1e-12))
		if cost[0] < 0.99*cost[1] {
			better++
		}
	}
	require.Positive(t, better, "greedy must fall short somewhere, or the option shows nothing")
}

func BenchmarkPlanResNet152(b *testing.B) {
	g, err := zoo.Get("resnet152")
	require.NoError(b, err)
	belief := plan.NewBelief(conformance.Boards(1e7, 5, 4, 3, 2, 1))
	for _, sync := range []string{"recompute", "halo"} {
		b.Run(sync, func(b *testing.B) {
			s, err := newDisNet(strategies.Options{"sync": sync})
			require.NoError(b, err)
			for b.Loop() {
				if _, err := s.Plan(plan.Problem{Graph: g, Batch: 1}, belief); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
