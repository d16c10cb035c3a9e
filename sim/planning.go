package sim

import (
	"time"

	"hidp/devices"
	"hidp/internal/lines"
	"hidp/sim/engine"
	"hidp/strategies/plan"
)

// planner is what plans at a leader: it makes one plan at a time.
type planner struct {
	queue []waitingRequest
	first int
	busy  bool
}

// waitingRequest is a slot with the generation that tells whether the request is still the one that was queued.
type waitingRequest struct {
	slot int32
	gen  uint32
}

// planned is an answer of the strategy.
type planned struct {
	prog *program
	err  error
	took time.Duration
}

// planCache keeps the strategy's answers to this run. Plans are pure functions of what the key holds, so a run does not depend on
// what is in the cache, nor in the Cache behind it.
type planCache struct {
	plain  []planned          // by model, where there is no backlog, or the strategy does not look at it
	loaded map[string]planned // by model and backlog, where there is one
	key    []byte
}

// maxCached bounds planCache.loaded; when it is full it starts anew.
const maxCached = 1 << 15

func (c *planCache) reset(models int) {
	c.plain = lines.Resized(c.plain, models)
	clear(c.plain)
	if len(c.loaded) > 0 || c.loaded == nil {
		c.loaded = map[string]planned{}
	}
}

// plan gives a request to the planner.
func (s *simulation) plan(slot int32) {
	r := &s.requests[slot]
	if p := &s.nodes[r.leader].planner; p.busy {
		p.queue = lines.Append(p.queue, waitingRequest{slot, r.gen})
		return
	}
	s.explore(slot)
}

// explore makes the plan of a request and admits it when the planner's time is over.
func (s *simulation) explore(slot int32) {
	r := &s.requests[slot]
	s.nodes[r.leader].machine.Explore(r.lead)
	answer := s.answer(&s.sites[r.site], r.model)
	if answer.err != nil {
		if isInfeasible(answer.err) && s.losses > 0 {
			s.fail(slot, answer.err)
		} else {
			s.broken = answer.err
		}
		return
	}
	r.prog, r.took = answer.prog, answer.took
	if r.took == 0 {
		s.admit(slot)
		return
	}
	n := &s.nodes[r.leader]
	n.notePlanner(s.now)
	n.planner.busy = true
	s.eng.Schedule(engine.Event{At: s.now + r.took, What: engine.What{Kind: evPlanned, A: slot, B: r.leader, Gen: r.gen}})
}

// planned admits a request whose plan is ready and turns to the next that waits.
func (s *simulation) planned(ev engine.Event) {
	n := &s.nodes[ev.B]
	n.notePlanner(s.now)
	p := &n.planner
	p.busy = false
	if s.requests[ev.A].gen == ev.Gen {
		s.admit(ev.A)
	}
	for !p.busy && p.first < len(p.queue) && s.broken == nil {
		w := p.queue[p.first]
		p.first++
		if s.requests[w.slot].gen == w.gen {
			s.explore(w.slot)
		}
	}
	if p.first > len(p.queue)/2 { // also when it never is empty
		p.queue, p.first = p.queue[:copy(p.queue, p.queue[p.first:])], 0
	}
}

// answer returns the strategy's plan for a model in the present state of a site.
func (s *simulation) answer(t *site, model int32) planned {
	k := t.class
	c := &k.plans
	if !k.loaded || !s.backlog(t) {
		if p := c.plain[model]; p.prog != nil {
			return p
		}
		if k.loaded {
			k.tellBacklog(s.backlogs)
		}
		p := s.recall(k, model, s.appendLost(c.key[:0]))
		c.plain[model] = p
		return p
	}
	c.key = appendKey(c.key[:0], model, s.backlogs)
	p, ok := c.loaded[string(c.key)]
	if !ok {
		k.tellBacklog(s.backlogs)
		p = s.recall(k, model, s.appendLost(c.key))
		if len(c.loaded) >= maxCached {
			clear(c.loaded)
			s.forgetPrograms(k)
		}
		c.loaded[string(c.key)] = p
	}
	return p
}

// recall returns an answer from the Cache, or asks the strategy. The program is the class's own, though it shares what is compiled.
func (s *simulation) recall(k *class, model int32, key []byte) planned {
	q, askable := s.question(k, model)
	var p planned
	found := false
	if askable {
		p, found = s.cfg.Cache.answer(q, key)
	}
	if !found {
		p = s.ask(k, model)
		if askable {
			s.cfg.Cache.keep(q, key, p)
		}
	}
	if p.prog == nil {
		return p
	}
	for _, w := range p.prog.plan.Warnings {
		s.stats.warn(w)
	}
	if !p.prog.plan.Exact() {
		s.stats.warn("the plans ignore halos: what they compute is not the network's own answer")
	}
	if s.cfg.Planning.Mode == PlanningFixed {
		p.took = s.cfg.Planning.Fixed // the plan may have been made by a run for which it was free
	}
	own := k.newProgram()
	*own = *p.prog
	own.number = k.programs
	k.programs++
	p.prog = own
	return p
}

// keptPrograms bounds the programs of a class whose memory the runs after it get.
const keptPrograms = 16

// newProgram returns memory for a program, which holds until the run ends.
func (k *class) newProgram() *program {
	if k.used == len(k.own) {
		if k.used == keptPrograms {
			return new(program)
		}
		k.own = lines.Append(k.own, lines.New[program]())
	}
	k.used++
	return k.own[k.used-1]
}

// ask lets the strategy make a plan and prepares it.
func (s *simulation) ask(k *class, model int32) planned {
	g := s.cfg.Models[model]
	var p *plan.Plan
	var err error
	work := func() {
		p, err = k.Strategy.Plan(plan.Problem{Graph: g, Batch: s.cfg.Batch, Leader: k.leader(model)}, k.believed())
	}
	var took time.Duration
	if s.cfg.Planning.Mode == PlanningMeasured {
		took = max(0, s.cfg.Planning.Measure(work))
	} else {
		work()
	}
	if err != nil {
		return planned{err: err}
	}
	prog, err := s.compile(k, p, g)
	return planned{prog: prog, err: err, took: took}
}

// forget tells the belief that a node is lost: nobody can reach it. Plans are made anew. The nodes of a fleet are not lost.
func (s *simulation) forget(lost int) {
	k := &s.classes[0]
	p := *k.believed().Platform
	n := len(p.Nodes)
	paths := make([][]devices.Path, n)
	for u := range paths {
		paths[u] = make([]devices.Path, n)
		for v := range paths[u] {
			if u != lost && v != lost {
				paths[u][v] = p.Network.Paths[u][v]
			}
		}
	}
	p.Network.Paths = paths
	k.belief = plan.NewBelief(&p)
	k.plans.reset(len(s.cfg.Models))
}
