package plan_test

import (
	"fmt"

	"hidp/devices"
	"hidp/strategies/plan"
	"hidp/workloads"
	"hidp/workloads/zoo"
)

// firstHalf is the strategy of docs/add-a-strategy.md: the first half of the blocks on the leader, the rest on the next node.
type firstHalf struct{}

// Plan implements plan.Planner.
func (s *firstHalf) Plan(r plan.Problem, b *plan.Belief) (*plan.Plan, error) {
	pb := plan.NewBuilder("first-half", r, b)
	blocks := r.Graph.Blocks()
	mid := blocks[len(blocks)/2].To
	end := len(r.Graph.Layers)
	other := (r.Leader + 1) % len(b.Platform.Nodes)
	pb.Compute(r.Leader, b.Platform.Nodes[r.Leader].DefaultCluster,
		workloads.Slice{From: 1, To: mid, Out: r.Graph.Full(mid-1, r.Batch)})
	pb.Compute(other, b.Platform.Nodes[other].DefaultCluster,
		workloads.Slice{From: mid, To: end, Out: r.Graph.Full(end-1, r.Batch)})
	return pb.Finish()
}

// A strategy of one's own: place slices, let the builder insert the sends, validate, forecast.
func ExamplePlanner() {
	platform, err := devices.Open("paper-gbe")
	if err != nil {
		fmt.Println(err)
		return
	}
	g, err := zoo.Get("resnet18")
	if err != nil {
		fmt.Println(err)
		return
	}
	belief := plan.NewBelief(platform)
	p, err := (&firstHalf{}).Plan(plan.Problem{Graph: g, Batch: 1, Leader: platform.Leader}, belief)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("valid:", plan.Validate(p, g, platform) == nil)
	for i := range p.Ops {
		op := &p.Ops[i]
		fmt.Println(op.Kind, platform.Nodes[op.End()].Name)
	}
	fmt.Println("predicted:", plan.Forecast(p, g, belief).Latency > 0)
	// Output:
	// valid: true
	// compute jetson-tx2
	// send jetson-orin-nx
	// compute jetson-orin-nx
	// send jetson-tx2
	// predicted: true
}
