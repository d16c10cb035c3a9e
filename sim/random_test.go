package sim

import (
	"math/rand/v2"
	"time"

	"hidp/devices"
	"hidp/strategies/conformance"
	"hidp/strategies/plan"
	"hidp/workloads"
	"hidp/workloads/tensor"
)

// scenario is a random platform, network and plan.
type scenario struct {
	platform *devices.Platform
	graph    *workloads.Graph
	plan     *plan.Plan
}

// randomScenario draws a scenario with a valid plan: segments of blocks on random clusters, whole or split by rows, samples or
// channels. The same seed gives the same scenario.
func randomScenario(seed uint64) scenario {
	rng := rand.New(rand.NewPCG(seed, 17))
	for {
		s := scenario{platform: conformance.RandomPlatform(rng), graph: conformance.RandomGraph(rng)}
		r := plan.Problem{Graph: s.graph, Batch: 1 + rng.IntN(3), Leader: s.platform.Leader}
		s.plan = randomPlan(rng, r, s.platform)
		if s.plan != nil && plan.Validate(s.plan, s.graph, s.platform) == nil {
			return s
		}
	}
}

// randomPlan returns nil where missing links leave no way.
func randomPlan(rng *rand.Rand, r plan.Problem, p *devices.Platform) *plan.Plan {
	b := plan.NewBuilder("random", r, plan.NewBelief(p))
	blocks := r.Graph.Blocks()
	for i := 0; i < len(blocks); {
		n := min(len(blocks)-i, 1+rng.IntN(4))
		placeSegment(rng, b, r, p, blocks[i].From, blocks[i+n-1].To)
		i += n
	}
	plan, err := b.Finish()
	if err != nil {
		return nil
	}
	return plan
}

func placeSegment(rng *rand.Rand, b *plan.Builder, r plan.Problem, p *devices.Platform, from, to int) {
	parts := 1 + rng.IntN(4)
	axis := []tensor.Axis{tensor.Row, tensor.Sample, tensor.Channel}[rng.IntN(3)]
	if axis == tensor.Channel {
		for l := from; l < to-1; l++ { // channels: layer by layer, the last one split
			place(rng, b, p, workloads.Slice{From: l, To: l + 1, Out: r.Graph.Full(l, r.Batch)})
		}
		from = to - 1
	}
	all := workloads.Slice{From: from, To: to, Out: r.Graph.Full(to-1, r.Batch)}
	whole := r.Graph.Along(all.Last(), axis)
	parts = min(parts, whole.Len())
	for i := range parts {
		piece := workloads.Range{Lo: whole.Lo + i*whole.Len()/parts, Hi: whole.Lo + (i+1)*whole.Len()/parts}
		s := r.Graph.Strip(all, axis, piece)
		if r.Graph.Check(s, r.Batch) != nil {
			place(rng, b, p, all)
			return
		}
		place(rng, b, p, s)
	}
}

func place(rng *rand.Rand, b *plan.Builder, p *devices.Platform, s workloads.Slice) {
	j := rng.IntN(len(p.Nodes))
	b.Compute(j, rng.IntN(len(p.Nodes[j].Clusters)), s)
}

// fixedArrivals are arrivals at given times.
type fixedArrivals struct {
	at     []time.Duration
	models int
	n      int
}

func (f *fixedArrivals) Next() (workloads.Arrival, bool) {
	if f.n == len(f.at) {
		return workloads.Arrival{}, false
	}
	f.n++
	return workloads.Arrival{At: f.at[f.n-1], Model: (f.n - 1) % max(1, f.models)}, true
}
