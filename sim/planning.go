package sim

import (
	"time"

	"hidp/devices"
	"hidp/sim/engine"
	"hidp/strategies"
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

// planCache keeps the strategy's answers. Plans are pure functions of what the key holds, so a run does not depend on what is
// in the cache.
type planCache struct {
	plain  []planned          // by model, for strategies that do not look at the backlog
	loaded map[string]planned // by model and backlog, for those that do
	key    []byte
}

// maxCached bounds planCache.loaded; when it is full it starts anew.
const maxCached = 1 << 15

func (c *planCache) reset(models int) {
	c.plain, c.loaded = make([]planned, models), map[string]planned{}
}

// plan gives a request to the planner.
func (s *simulation) plan(slot int32) {
	r := &s.requests[slot]
	if p := &s.nodes[r.leader].planner; p.busy {
		p.queue = append(p.queue, waitingRequest{slot, r.gen})
		return
	}
	s.explore(slot)
}

// explore makes the plan of a request and admits it when the planner's time is over.
func (s *simulation) explore(slot int32) {
	r := &s.requests[slot]
	s.nodes[r.leader].machine.Explore(r.lead)
	answer := s.answer(r.model)
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
	s.nodes[r.leader].planner.busy = true
	s.eng.Schedule(engine.Event{At: s.now + r.took, Kind: evPlanned, A: slot, B: r.leader, Gen: r.gen})
}

// planned admits a request whose plan is ready and turns to the next that waits.
func (s *simulation) planned(ev engine.Event) {
	p := &s.nodes[ev.B].planner
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
	if p.first == len(p.queue) {
		p.queue, p.first = p.queue[:0], 0
	}
}

// answer returns the strategy's plan for a model in the present state of the platform.
func (s *simulation) answer(model int32) planned {
	c := &s.plans
	if !s.loaded {
		if p := c.plain[model]; p.prog != nil {
			return p
		}
		p := s.ask(model)
		c.plain[model] = p
		return p
	}
	s.belief.Backlog = s.backlog()
	c.key = appendKey(c.key[:0], model, s.belief.Backlog)
	p, ok := c.loaded[string(c.key)]
	if !ok {
		p = s.ask(model)
		if len(c.loaded) >= maxCached {
			clear(c.loaded)
		}
		c.loaded[string(c.key)] = p
	}
	return p
}

// ask lets the strategy make a plan and prepares it.
func (s *simulation) ask(model int32) planned {
	g := s.cfg.Models[model]
	var p *strategies.Plan
	var err error
	work := func() {
		p, err = s.cfg.Strategy.Plan(strategies.Request{Graph: g, Batch: s.cfg.Batch, Leader: s.cfg.leader(model)}, s.belief)
	}
	took := time.Duration(0)
	switch s.cfg.Planning.Mode {
	case PlanningFixed:
		took = s.cfg.Planning.Fixed
		work()
	case PlanningMeasured:
		took = max(0, s.cfg.Planning.Measure(work))
	default:
		work()
	}
	if err != nil {
		return planned{err: err}
	}
	prog, err := s.compile(p, g)
	if err == nil && !p.Exact() {
		s.stats.warn("the plans ignore halos: what they compute is not the network's own answer")
	}
	return planned{prog: prog, err: err, took: took}
}

// forget tells the belief that a node is lost: nobody can reach it. Plans are made anew.
func (s *simulation) forget(lost int) {
	p := *s.belief.Platform
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
	s.belief = strategies.NewBelief(&p)
	s.plans.reset(len(s.cfg.Models))
}
