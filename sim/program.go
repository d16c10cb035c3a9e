package sim

import (
	"errors"
	"time"

	"hidp/sim/flow"
	"hidp/sim/node"
	"hidp/strategies/plan"
	"hidp/workloads"
)

// program is a plan made ready to run: the node machines' program, and what its ops cost in truth and in belief. Runs that share it
// have copies of this struct and of nothing below it.
type program struct {
	*node.Program
	plan   *plan.Plan
	index  int32 // in the trace's plans; -1 before its first use there
	ops    []opCost
	memory []plan.NodeMemory // by part
	load   []load
	number int32 // among the programs of its class
}

// opCost is what the simulation needs to know of an op.
type opCost struct {
	work     float64       // compute: nanoseconds on an otherwise idle node
	believed time.Duration // compute: what the belief says of work
	load     int32         // compute: index in program.load

	from, to int32         // send: nodes of the site
	end      int32         // send: the part that receives it
	bytes    int64         // send
	path     []flow.Hop    // send
	before   time.Duration // send: from ready to the first byte on the network
	after    time.Duration // send: from the last byte to arrival
	jitter   time.Duration // send: mean extra latency
}

// load is the believed work of a program on one cluster of a site.
type load struct {
	node, cluster int32
	total         time.Duration
}

// compile checks plan p against the truth and prepares it.
func (s *simulation) compile(k *class, p *plan.Plan, g *workloads.Graph) (*program, error) {
	if err := k.validate(p, g); err != nil {
		return nil, err
	}
	prog, err := node.Compile(p)
	if err != nil {
		return nil, err
	}
	out := &program{Program: prog, plan: p, index: -1, ops: make([]opCost, len(p.Ops))}
	needs := plan.Memory(p, g, len(k.Truth.Nodes))
	for i := range prog.Parts {
		out.memory = append(out.memory, needs[prog.Parts[i].Node])
	}
	truth, belief := k.costs(g), k.believed().Costs(g)
	for i := range p.Ops {
		if p.Ops[i].Kind == plan.Send {
			out.ops[i] = k.sendCost(&p.Ops[i], g)
			out.ops[i].end = prog.Routes[i].End
			continue
		}
		c := &out.ops[i]
		if s.cfg.Work != nil {
			c.work = float64(s.cfg.Work(p, i))
		} else {
			c.work = float64(p.ComputeTime(truth, i))
		}
		if s.loaded {
			c.believed = p.ComputeTime(belief, i)
			c.load = out.addLoad(p.Ops[i].Node, p.Ops[i].Cluster, c.believed)
		}
	}
	return out, nil
}

// validate returns a *plan.InvalidError or an *OutOfMemoryError if the plan cannot run on the true platform.
func (k *class) validate(p *plan.Plan, g *workloads.Graph) error {
	if err := plan.Sound(p, g, k.Truth); err != nil {
		return err
	}
	for _, s := range plan.Shortages(p, g, k.Truth) {
		return &OutOfMemoryError{Node: k.Truth.Nodes[s.Node].Name, Model: p.Model, Weights: s.Need.Weights,
			Activation: s.Need.Activations, Memory: s.Have}
	}
	return nil
}

func (k *class) sendCost(op *plan.Op, g *workloads.Graph) opCost {
	path := k.Truth.Network.Paths[op.Node][op.To]
	c := opCost{from: int32(op.Node), to: int32(op.To), bytes: op.Bytes(g), before: k.Truth.Nodes[op.Node].Message,
		after: path.Latency + k.Truth.Nodes[op.To].Message, jitter: path.Jitter}
	c.path = k.cache.pathOf(k.Truth, op.Node, op.To)
	return c
}

// addLoad adds to the program's work on a cluster and returns the index of the entry.
func (p *program) addLoad(j, k int, d time.Duration) int32 {
	for i := range p.load {
		if l := &p.load[i]; int(l.node) == j && int(l.cluster) == k {
			l.total += d
			return int32(i)
		}
	}
	p.load = append(p.load, load{int32(j), int32(k), d})
	return int32(len(p.load) - 1)
}

// isInfeasible reports whether err says that the modelled world allows no plan.
func isInfeasible(err error) bool {
	var e *plan.InfeasibleError
	return errors.As(err, &e)
}
