package controller

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/strategies/plan"
	"hidp/testbed/control"
	"hidp/testbed/inference"
	"hidp/testbed/submodel"
	"hidp/workloads"
	"hidp/workloads/tensor"
)

// small is a network of a few convolutions with a residual branch.
func small(t *testing.T) *submodel.Source {
	b := workloads.NewBuilder("small", workloads.Shape{C: 3, H: 16, W: 16})
	x := b.Conv("a", 0, workloads.Conv{Out: 8, Window: workloads.Square(3, 1, 1), Act: workloads.ReLU})
	y := b.Conv("b", x, workloads.Conv{Out: 8, Window: workloads.Square(3, 1, 1), Act: workloads.ReLU})
	z := b.Sum("sum", workloads.ReLU, x, y)
	z = b.GlobalPool("pool", z)
	b.Linear("fc", z, 10, workloads.NoAct)
	g, err := b.Build()
	require.NoError(t, err)
	s, err := submodel.FromGraph(g, t.TempDir(), 1)
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

// spread computes the convolutions in rows on all nodes, and the rest at the leader.
func spread(t *testing.T, g *workloads.Graph, p *devices.Platform, leader int) *plan.Plan {
	b := plan.NewBuilder("spread", plan.Problem{Graph: g, Batch: 1, Leader: leader}, plan.NewBelief(p))
	all, rows := workloads.Slice{From: 1, To: 4, Out: g.Full(3, 1)}, g.Rows(3)
	for j := range p.Nodes {
		strip := workloads.Range{Lo: rows * j / len(p.Nodes), Hi: rows * (j + 1) / len(p.Nodes)}
		b.Compute(j, 0, g.Strip(all, tensor.Row, strip))
	}
	b.Compute(leader, 0, workloads.Slice{From: 4, To: len(g.Layers), Out: g.Full(g.Output(), 1)})
	plan, err := b.Finish()
	require.NoError(t, err)
	return plan
}

// noise is an input.
func noise(g *workloads.Graph, batch int) inference.Tensor {
	x := inference.NewTensor(submodel.Shape(g, g.Tensor(0, batch))...)
	rng := rand.New(rand.NewPCG(5, 5))
	for i := range x.Data {
		x.Data[i] = rng.Float32() - 0.5
	}
	return x
}

// fakes are the agents of three boards.
func fakes(p *devices.Platform) []*fake {
	var list []*fake
	for j := range p.Nodes {
		list = append(list, newFake(p.Nodes[j].Name))
	}
	return list
}

// hollow deploys a job without compute on fakes.
func hollow(t *testing.T, p *devices.Platform, o Options, list []*fake, leaders ...int) *Session {
	a, err := Dial(t.Context(), serve(t, p, nil, list...), o)
	require.NoError(t, err)
	t.Cleanup(func() { a.Close() })
	src := small(t)
	job := Job{Graph: src.Graph, Modelled: func(int, int) time.Duration { return time.Millisecond }}
	for _, l := range append([]int{0}, leaders...) {
		job.Plans = append(job.Plans, spread(t, src.Graph, p, l))
	}
	s, err := a.Deploy(t.Context(), job)
	require.NoError(t, err)
	t.Cleanup(s.Abort)
	return s
}

// told returns the commands of one kind that a fake was given.
func told[T any](f *fake) []T {
	var out []T
	for _, c := range f.commands() {
		if w, ok := c.What.(T); ok {
			out = append(out, w)
		}
	}
	return out
}

type (
	toldOpen     = *control.Command_Open
	toldConnect  = *control.Command_Connect
	toldSchedule = *control.Command_Schedule
	toldJoin     = *control.Command_Join
	toldDrop     = *control.Command_Drop
	toldProfile  = *control.Command_Profile
)
