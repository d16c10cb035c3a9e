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
	"hidp/workloads/tensor"
)

// code codes the state of the run between two instants. What is left out follows from the configuration, or is empty then.
func (s *simulation) code(c *coder) {
	c.all(&s.now, &s.losses, &s.expected, &s.inFlight, &s.unplanned, &s.completions, &s.netAt, &s.freeSlot, &s.freeTransfer, &s.owner, &s.loads)
	for i := range s.sites {
		s.sites[i].code(c)
	}
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
	for i := range s.sites {
		s.sites[i].noise.code(c)
	}
	s.stats.code(c)
	s.codeTrace(c)
}

func (t *site) code(c *coder) {
	c.all(&t.drawn, &t.drawnHash, &t.arrived, &t.completed, &t.failed, &t.sum, &t.last)
	list(c, &t.resident, func(c *coder, x *uint64) { c.all(x) })
}

func (n *nodeState) code(c *coder, models []*workloads.Graph) {
	for k := range n.ops {
		n.ops[k].code(c)
	}
	var active = int64(n.active)
	c.all(&active, &n.mask, &n.fresh, &n.lost, &n.lostAt, &n.planner.first, &n.planner.busy, &n.sent, &n.busy, &n.flows, &n.flowing, &n.nicBusy,
		&n.took, &n.memory, &n.peak, &n.queued)
	n.active = uint64(active)
	n.use.code(c)
	n.serving.code(c)
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
	w := n.holds(g)
	held := w != nil
	if c.all(&held); !held {
		return
	}
	if w == nil {
		w = n.hold(g)
	}
	list(c, &w.boxes, func(c *coder, x *tensor.Box) {
		for i := range x {
			c.all(&x[i].Lo, &x[i].Hi)
		}
	})
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
	c.all(&r.id, &r.gen, &r.live, &r.model, &r.site, &r.leader, &r.arrival, &r.planned, &r.took, &r.lead, &r.left, &r.handles, &r.load, &r.ready)
	r.leading.code(c)
	list(c, &r.phases, func(c *coder, x *openPhase) { x.code(c) })
}

// codePrograms codes the plans in use and in the caches of the classes, which are compiled anew, then who uses which.
func (s *simulation) codePrograms(c *coder) {
	l := programList{index: map[*program]int32{nil: -1}}
	keys := make([][]string, len(s.classes))
	for i := range s.classes {
		k := &s.classes[i]
		c.all(&k.programs, &k.oldest)
		keys[i] = slices.Sorted(maps.Keys(k.plans.loaded))
		if !c.reading {
			l.noteClass(int32(i), k, keys[i])
		}
	}
	if !c.reading {
		numbers := map[*class]int32{}
		for i := range s.classes {
			numbers[&s.classes[i]] = int32(i)
		}
		for slot := range s.requests {
			if r := &s.requests[slot]; r.prog != nil {
				l.note(numbers[s.sites[r.site].class], r.model, r.prog)
			}
		}
	}
	c.all(&l.models, &l.classes)
	l.programs = append(l.programs, make([]*program, len(l.models)-len(l.programs))...)
	for i := range l.programs {
		s.codeProgram(c, &l.programs[i], &s.classes[l.classes[i]], l.models[i])
	}
	for i := range s.classes {
		s.classes[i].plans.code(c, &l, keys[i])
	}
	list(c, &s.requests, func(c *coder, r *request) {
		r.code(c)
		l.use(c, &r.prog)
	})
}

// programList is programs in the order in which they are coded.
type programList struct {
	programs        []*program
	models, classes []int32
	index           map[*program]int32
}

func (l *programList) noteClass(number int32, k *class, keys []string) {
	for m, p := range k.plans.plain {
		l.note(number, int32(m), p.prog)
	}
	for _, key := range keys {
		l.note(number, modelOf(key), k.plans.loaded[key].prog)
	}
}

func (l *programList) note(class, model int32, p *program) {
	if _, known := l.index[p]; !known {
		l.index[p] = int32(len(l.programs))
		l.programs, l.models, l.classes = append(l.programs, p), append(l.models, model), append(l.classes, class)
	}
}

// use codes which program is meant.
func (l *programList) use(c *coder, p **program) {
	i := l.index[*p]
	if c.all(&i); c.reading && i >= 0 && int(i) < len(l.programs) {
		*p = l.programs[i]
	}
}

// code codes what is in the cache, given the keys of its loaded answers in order.
func (x *planCache) code(c *coder, l *programList, keys []string) {
	for m := range x.plain {
		l.use(c, &x.plain[m].prog)
		c.all(&x.plain[m].took)
	}
	list(c, &keys, func(c *coder, key *string) {
		p := x.loaded[*key]
		c.all(key, &p.took)
		if l.use(c, &p.prog); p.prog != nil { // errors are found again
			x.loaded[*key] = p
		}
	})
}

func (s *simulation) codeProgram(c *coder, p **program, k *class, model int32) {
	if !c.reading {
		c.plan(&(*p).plan)
		c.all(&(*p).index, &(*p).number)
		return
	}
	x := new(program)
	c.plan(&x.plan)
	c.all(&x.index, &x.number)
	if c.err != nil {
		return
	}
	compiled, err := s.compile(k, x.plan, s.cfg.Models[model])
	if err != nil {
		c.err = err
		return
	}
	compiled.index, compiled.number = x.index, x.number
	*p = compiled
}

// codeMachines codes the machines of the nodes that are not lost; nobody asks the others any more.
func (s *simulation) codeMachines(c *coder) {
	var states []node.State // all at once: a gob says first what it consists of
	if !c.reading {
		for j := range s.nodes {
			if !s.nodes[j].lost {
				states = append(states, s.nodes[j].machine.Snapshot())
			}
		}
	}
	if c.gob(&states); !c.reading || c.err != nil {
		return
	}
	for j := range s.nodes {
		n := &s.nodes[j]
		if n.lost || len(states) == 0 {
			continue
		}
		n.machine.Restore(states[0], func(h node.Handle) *node.Part {
			p := n.owner[h]
			return &s.requests[p.slot].prog.Parts[p.index]
		})
		states = states[1:]
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
