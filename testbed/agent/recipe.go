package agent

import (
	"fmt"

	"hidp/devices"
	"hidp/sim/node"
	"hidp/strategies/plan"
	"hidp/testbed/submodel"
	"hidp/testbed/wire"
	"hidp/workloads"
)

// Plan is a plan of a session with the network it is for.
type Plan struct {
	Plan  *plan.Plan
	Graph *workloads.Graph
}

// recipe is what one node needs to know of a plan.
type recipe struct {
	Plan
	index int
	part  *node.Part // nil: the node does not take part
	ops   []opParts  // by op; empty for what other nodes do
	uses  []int32    // by layer: how many of this node's ops read a part of its tensor or bring one here
}

// opParts are the parts of tensors that an op reads on a node, and those that it brings there.
type opParts struct{ reads, makes []workloads.Part }

// newRecipe checks a plan and gathers what node j needs of it. Memory is checked on that node only.
func newRecipe(index int, p Plan, j int, platform *devices.Platform) (*recipe, error) {
	if err := plan.Sound(p.Plan, p.Graph, platform); err != nil {
		return nil, fmt.Errorf("plan %d: %w", index, err)
	}
	n := &platform.Nodes[j]
	if need := plan.Memory(p.Plan, p.Graph, len(platform.Nodes))[j].Total(); need > n.Memory {
		return nil, &OutOfMemoryError{Node: n.Name, Plan: index, Need: need, Memory: n.Memory}
	}
	prog, err := node.Compile(p.Plan)
	if err != nil {
		return nil, fmt.Errorf("plan %d: %w", index, err)
	}
	r := &recipe{Plan: p, index: index, ops: make([]opParts, len(p.Plan.Ops)), uses: make([]int32, len(p.Graph.Layers))}
	for i := range prog.Parts {
		if prog.Parts[i].Node == j {
			r.part = &prog.Parts[i]
		}
	}
	for i := range p.Plan.Ops {
		r.ops[i] = partsOf(&p.Plan.Ops[i], p.Graph, j)
		r.count(&r.ops[i])
	}
	if p.Plan.Leader == j {
		r.count(&opParts{reads: []workloads.Part{r.output()}, makes: []workloads.Part{r.input()}})
	}
	return r, nil
}

func partsOf(op *plan.Op, g *workloads.Graph, j int) opParts {
	switch {
	case op.Kind == plan.Compute && op.Node == j:
		return opParts{g.Work(op.Slice).Inputs, g.Outputs(op.Slice)}
	case op.Kind == plan.Send && op.Node == j:
		return opParts{reads: []workloads.Part{op.Part}}
	case op.Kind == plan.Send && op.To == j:
		return opParts{makes: []workloads.Part{op.Part}}
	}
	return opParts{}
}

func (r *recipe) count(p *opParts) {
	for _, list := range [][]workloads.Part{p.reads, p.makes} {
		for _, part := range list {
			r.uses[part.Layer]++
		}
	}
}

// input is what a request brings to the leader, output what the leader has in the end.
func (r *recipe) input() workloads.Part {
	return r.Graph.Tensor(0, r.Plan.Plan.Batch)
}

func (r *recipe) output() workloads.Part {
	out := r.Graph.Output()
	return r.Graph.Tensor(out, r.Plan.Plan.Batch)
}

// Requests and plans share the request number of a message: the plan has the upper bits.
const (
	planShift   = 48
	maxRequests = 1 << planShift // ids are below
	maxPlans    = 1 << (64 - planShift)
)

// Limits returns the tightest limits of a transport that suit the messages of a session.
func Limits(plans []Plan) wire.Limits {
	l := wire.DefaultLimits()
	l.Payload, l.Index = 1, 1
	for _, p := range plans {
		for i := range p.Plan.Ops {
			op := &p.Plan.Ops[i]
			if op.Kind != plan.Send {
				continue
			}
			l.Payload = max(l.Payload, 4*int64(product(submodel.Shape(p.Graph, op.Part))))
			r := regionOf(p.Graph, op.Part)
			l.Index = max(l.Index, int32(max(i, op.Part.Layer)), r.Samples.Hi, r.Rows.Hi, r.Channels.Hi)
		}
	}
	l.Window = max(l.Window, l.Payload)
	return l
}
