package node

import (
	"fmt"
	"strings"

	"hidp/strategies/plan"
)

// Program is a plan compiled for execution: flat, immutable, and shared by all requests that run the plan.
type Program struct {
	Parts  []Part  // the nodes that take part, ascending by node
	Leader int     // index in Parts of the leader
	Routes []Route // by op of the plan
}

// Route says on which parts (indices into Program.Parts) an op starts and ends; a compute op ends where it starts.
type Route struct{ Start, End int32 }

// Part is what one node does of a program.
type Part struct {
	Node  int  // index in the platform
	Leads bool // this node is the plan's leader

	steps   []step
	gates   [][]int32 // the steps behind each
	initial []int32   // the steps that wait for nothing, arrivals excepted
	landing []int32   // by op of the plan: the step that is its arrival here, or nowhere
	waits   []int32   // what every request begins with: per step waiting, then per gate the steps that it waits for
}

// A gate lets the steps begin that wait for the same several steps, when these are done. A layer cut into strips makes every strip
// wait for all strips before: counting for all at once takes n steps instead of n².

// nowhere is the landing of an op that does not arrive here.
const nowhere = int32(-1)

// step is an op as one node sees it. Steps are in the order of the plan's ops.
type step struct {
	kind    stepKind
	op      int32
	cluster int32   // compute
	peer    int32   // node at the other end of a send or an arrival
	opens   []int32 // its successors: a step that waits for this one alone, or ^g for gate g. A send has none here
}

type stepKind uint8

const (
	compute stepKind = iota
	send             // the sender's view of a send: done once it is handed to the network
	arrival          // the receiver's view of a send: done once the tensor is here
)

// PlanError lists why a plan cannot be executed, each fault naming its op.
type PlanError struct{ Faults []string }

// Error implements error.
func (e *PlanError) Error() string { return strings.Join(e.Faults, "\n") }

// Compile turns plan p into a program. The plan is expected to have passed plan.Validate for its platform; on top of that
// every op must wait only for ops that end on the node where it starts (a node learns of the work of another by a send and by
// nothing else). It returns a *PlanError that lists all ops that do not.
func Compile(p *plan.Plan) (*Program, error) {
	if faults := foreignWaits(p); len(faults) > 0 {
		return nil, &PlanError{faults}
	}
	c := compiler{plan: p, prog: &Program{Routes: make([]Route, len(p.Ops))}, partOf: map[int]int32{}}
	c.parts()
	c.steps()
	for i := range c.prog.Parts {
		c.link(&c.prog.Parts[i])
	}
	return c.prog, nil
}

// endNode returns the node on which an op ends.
func endNode(op *plan.Op) int {
	if op.Kind == plan.Send {
		return op.To
	}
	return op.Node
}

func foreignWaits(p *plan.Plan) []string {
	var faults []string
	for i := range p.Ops {
		op := &p.Ops[i]
		if op.Kind == plan.Send && op.To == op.Node {
			faults = append(faults, fmt.Sprintf("op %d: node %d sends to itself", i, op.Node))
		}
		for _, a := range op.After {
			if a < 0 || a >= i {
				faults = append(faults, fmt.Sprintf("op %d: waits for op %d, which is not an earlier op", i, a))
			} else if end := endNode(&p.Ops[a]); end != op.Node {
				faults = append(faults, fmt.Sprintf("op %d: starts on node %d but waits for op %d, which ends on node %d; a send must tell it", i, op.Node, a, end))
			}
		}
	}
	return faults
}

type compiler struct {
	plan   *plan.Plan
	prog   *Program
	partOf map[int]int32 // node → part
	local  []int32       // by op: its step on the node where it starts
	ending []int32       // by op: its step on the node where it ends
}

// parts makes a part for every node involved.
func (c *compiler) parts() {
	highest := c.plan.Leader
	for i := range c.plan.Ops {
		highest = max(highest, c.plan.Ops[i].Node, endNode(&c.plan.Ops[i]))
	}
	for j, in := range c.plan.Nodes(highest + 1) {
		if !in {
			continue
		}
		c.partOf[j] = int32(len(c.prog.Parts))
		if j == c.plan.Leader {
			c.prog.Leader = len(c.prog.Parts)
		}
		c.prog.Parts = append(c.prog.Parts, Part{Node: j, Leads: j == c.plan.Leader})
	}
}

// steps appends every op to the parts that see it.
func (c *compiler) steps() {
	n := len(c.plan.Ops)
	c.local, c.ending = make([]int32, n), make([]int32, n)
	for i := range c.plan.Ops {
		op := &c.plan.Ops[i]
		r := Route{c.partOf[op.Node], c.partOf[endNode(op)]}
		c.prog.Routes[i] = r
		from := &c.prog.Parts[r.Start]
		c.local[i] = int32(len(from.steps))
		if op.Kind == plan.Compute {
			c.ending[i] = c.local[i]
			from.steps = append(from.steps, step{kind: compute, op: int32(i), cluster: int32(op.Cluster)})
			continue
		}
		from.steps = append(from.steps, step{kind: send, op: int32(i), peer: int32(op.To)})
		to := &c.prog.Parts[r.End]
		c.ending[i] = int32(len(to.steps))
		to.steps = append(to.steps, step{kind: arrival, op: int32(i), peer: int32(op.Node)})
	}
}

// link finds what every step of a part waits for and lists its successors.
func (c *compiler) link(part *Part) {
	part.landing = make([]int32, len(c.ending))
	for i := range part.landing {
		part.landing[i] = nowhere
	}
	known := map[string]int{}
	var waits []int32 // by gate
	open := func(op int, what int32) {
		s := &part.steps[c.ending[op]]
		s.opens = append(s.opens, what)
	}
	for s := range part.steps {
		if part.steps[s].kind == arrival {
			part.landing[part.steps[s].op] = int32(s)
			continue
		}
		after := c.plan.Ops[part.steps[s].op].After
		switch len(after) {
		case 0:
			part.initial = append(part.initial, int32(s))
			continue
		case 1:
			open(after[0], int32(s))
			continue
		}
		key := fmt.Sprint(after)
		g, ok := known[key]
		if !ok {
			g = len(part.gates)
			known[key] = g
			part.gates = append(part.gates, nil)
			waits = append(waits, int32(len(after)))
			for _, a := range after {
				open(a, ^int32(g))
			}
		}
		part.gates[g] = append(part.gates[g], int32(s))
	}
	for range part.steps {
		part.waits = append(part.waits, waiting)
	}
	part.waits = append(part.waits, waits...)
}
