package sim

import (
	"cmp"
	"maps"
	"slices"

	"hidp/sim/engine"
	"hidp/sim/flow"
	"hidp/sim/node"
	"hidp/sim/trace"
	"hidp/workloads"
)

// code codes the state of the run between two instants. What is left out follows from the configuration, or is empty then.
func (s *simulation) code(c *coder) {
	c.all(&s.now, &s.losses, &s.expected, &s.inFlight, &s.completions, &s.netAt, &s.drawn, &s.drawnHash, &s.freeSlot, &s.freeTransfer, &s.owner)
	for j := range s.nodes {
		s.nodes[j].code(c, s.cfg.Models)
	}
	if c.reading && c.err == nil {
		for j := range s.nodes {
			if s.nodes[j].lost {
				s.forget(j)
			}
		}
	}
	s.codePrograms(c)
	list(c, &s.transfers, func(c *coder, x *transfer) {
		if x.code(c); c.reading && c.err == nil && x.stage != idle {
			s.bind(x)
		}
	})
	s.codeMachines(c)
	s.codeNetwork(c)
	s.codeEvents(c)
	s.noise.code(c)
	s.stats.code(c)
	s.codeTrace(c)
}

func (n *nodeState) code(c *coder, models []*workloads.Graph) {
	for k := range n.ops {
		n.ops[k].code(c)
	}
	var active = int64(n.active)
	c.all(&active, &n.mask, &n.fresh, &n.lost, &n.lostAt, &n.planner.first, &n.planner.busy, &n.sent, &n.busy, &n.flows, &n.flowing, &n.nicBusy,
		&n.took, &n.memory, &n.peak, &n.queued)
	n.active = uint64(active)
	list(c, &n.owner, func(c *coder, x *part) { c.all(&x.slot, &x.index) })
	list(c, &n.planner.queue, func(c *coder, x *waitingRequest) { c.all(&x.slot, &x.gen) })
	list(c, &n.sending, func(c *coder, x *prepared) { c.all(&x.at, &x.transfer, &x.gen) })
	for i, g := range models {
		if slices.Index(models, g) == i {
			n.codeWeights(c, g)
		}
	}
}

func (n *nodeState) codeWeights(c *coder, g *workloads.Graph) {
	w := n.resident[g]
	held := w != nil
	if c.all(&held); !held {
		return
	}
	if w == nil {
		w = &weights{}
		n.resident[g] = w
	}
	list(c, &w.channels, func(c *coder, x *workloads.Range) { c.all(&x.Lo, &x.Hi) })
}

func (o *runningOp) code(c *coder) {
	c.all(&o.slot, &o.op, &o.gen, &o.due, &o.pending, &o.left, &o.speed, &o.since, &o.started, &o.work, &o.request, &o.ready)
}

func (x *transfer) code(c *coder) {
	id := int32(x.flow)
	c.all(&x.slot, &x.op, &x.from, &x.to, &x.gen, &x.stage, &id, &x.ready, &x.start, &x.end)
	x.flow = flow.FlowID(id)
}

func (p *openPhase) code(c *coder) { c.all(&p.phase, &p.since, &p.open) }

// code codes a request but for its program.
func (r *request) code(c *coder) {
	c.all(&r.id, &r.gen, &r.live, &r.model, &r.leader, &r.arrival, &r.planned, &r.took, &r.lead, &r.left, &r.handles, &r.load, &r.ready)
	r.leading.code(c)
	list(c, &r.phases, func(c *coder, x *openPhase) { x.code(c) })
}

// codePrograms codes the plans in use and in the cache of the run, which are compiled anew, then who uses which.
func (s *simulation) codePrograms(c *coder) {
	var programs []*program
	var models []int32
	index := map[*program]int32{nil: -1}
	note := func(p *program, model int32) {
		if _, known := index[p]; !known {
			index[p] = int32(len(programs))
			programs, models = append(programs, p), append(models, model)
		}
	}
	keys := slices.Sorted(maps.Keys(s.plans.loaded))
	if !c.reading {
		for m, p := range s.plans.plain {
			note(p.prog, int32(m))
		}
		for _, key := range keys {
			note(s.plans.loaded[key].prog, modelOf(key))
		}
		for slot := range s.requests {
			note(s.requests[slot].prog, s.requests[slot].model)
		}
	}
	c.all(&models)
	programs = append(programs, make([]*program, len(models)-len(programs))...)
	for i := range programs {
		s.codeProgram(c, &programs[i], models[i])
	}
	use := func(c *coder, p **program) {
		i := index[*p]
		if c.all(&i); c.reading && i >= 0 && int(i) < len(programs) {
			*p = programs[i]
		}
	}
	for m := range s.plans.plain {
		use(c, &s.plans.plain[m].prog)
		c.all(&s.plans.plain[m].took)
	}
	list(c, &keys, func(c *coder, key *string) {
		p := s.plans.loaded[*key]
		c.all(key, &p.took)
		if use(c, &p.prog); p.prog != nil { // errors are found again
			s.plans.loaded[*key] = p
		}
	})
	list(c, &s.requests, func(c *coder, r *request) {
		r.code(c)
		use(c, &r.prog)
	})
}

func (s *simulation) codeProgram(c *coder, p **program, model int32) {
	if !c.reading {
		c.plan(&(*p).plan)
		c.all(&(*p).index, &(*p).resident)
		return
	}
	x := new(program)
	c.plan(&x.plan)
	c.all(&x.index, &x.resident)
	if c.err != nil {
		return
	}
	compiled, err := s.compile(x.plan, s.cfg.Models[model])
	if err != nil {
		c.err = err
		return
	}
	compiled.index, compiled.resident = x.index, x.resident
	*p = compiled
}

// codeMachines codes the machines of the nodes that are not lost; nobody asks the others any more.
func (s *simulation) codeMachines(c *coder) {
	for j := range s.nodes {
		n := &s.nodes[j]
		if n.lost {
			continue
		}
		var state node.State
		if !c.reading {
			state = n.machine.Snapshot()
		}
		if c.gob(&state); c.reading && c.err == nil {
			n.machine.Restore(state, func(h node.Handle) *node.Part {
				p := n.owner[h]
				return &s.requests[p.slot].prog.Parts[p.index]
			})
		}
	}
}

func (s *simulation) codeNetwork(c *coder) {
	var state flow.State
	if !c.reading {
		state = s.net.Snapshot()
	}
	if c.gob(&state); c.reading && c.err == nil {
		s.net = flow.Restore(state)
	}
}

func (s *simulation) codeEvents(c *coder) {
	var state engine.State
	if !c.reading {
		state = s.eng.Snapshot()
	}
	if c.gob(&state); c.reading && c.err == nil {
		s.eng.Restore(state)
	}
}

// code codes how often every stream was drawn from.
func (n *noise) code(c *coder) {
	pairs := slices.SortedFunc(maps.Keys(n.streams), func(a, b [2]int32) int {
		return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1]))
	})
	list(c, &pairs, func(c *coder, pair *[2]int32) {
		c.all(&pair[0], &pair[1])
		if c.err != nil {
			return
		}
		drawn := n.stream(*pair).drawn
		for c.all(&drawn); n.stream(*pair).drawn < drawn; {
			n.stream(*pair).next()
		}
	})
}

func (s *simulation) codeTrace(c *coder) {
	if s.trace == nil {
		return
	}
	plans := s.trace.Plans
	rest := *s.trace
	rest.Plans = nil
	c.gob(&rest)
	list(c, &plans, (*coder).plan)
	if c.reading {
		*s.trace = trace.Trace{Computes: rest.Computes, Transfers: rest.Transfers, Phases: rest.Phases, Requests: rest.Requests,
			Plans: plans, Limit: rest.Limit, Lost: rest.Lost}
	}
}
