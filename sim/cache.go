package sim

import (
	"encoding/binary"
	"sync"

	"hidp/devices"
	"hidp/internal/lines"
	"hidp/sim/flow"
	"hidp/strategies/plan"
	"hidp/workloads"
)

// Cache keeps what runs have in common, so that it is made once for many runs: prices of graphs on platforms, beliefs, and, for
// runs that say which strategy they use (Config.PlanKey), plans that are checked and compiled. Runs share them when their
// platforms and graphs are the same objects, which must not change as long as the cache is in use. What a run puts out does not
// depend on what is in the cache. The zero value is ready to use, by any number of runs at the same time; its size is bounded.
type Cache struct {
	shared *Cache // see Local

	lock    sync.RWMutex
	answers map[question]map[string]planned // the inner key says more of loaded strategies and lost nodes: see answerKey
	ops     int                             // in all plans of answers
	costs   map[priced]*devices.Costs
	beliefs map[priced][]*plan.Belief // not in use by any run, by platform and first model
	paths   map[pair][]flow.Hop
}

// Local returns a cache that looks up in c what it does not have, and adds to it what it makes. Goroutines that have a local cache each
// share their work and wait for each other only where something is new: even a lock that nobody holds has to be fetched from the other
// core, several times a run.
func (c *Cache) Local() *Cache {
	l := lines.New[Cache]()
	l.shared = c
	return l
}

// pair is two nodes of a platform.
type pair struct {
	platform *devices.Platform
	from, to int
}

// question is what a plan and its prices depend on besides the state of the platform.
type question struct {
	by            string    // Config.PlanKey,
	fixed         fixedPlan // or this
	truth, belief *devices.Platform
	graph         *workloads.Graph
	batch, leader int
	loaded        bool
}

// priced names a table of prices.
type priced struct {
	platform *devices.Platform
	graph    *workloads.Graph
}

// The bounds of a cache; what exceeds its bound starts anew. An op of a compiled plan takes some 300 bytes, a table of prices for
// a large network on the paper's platform 100 kB.
const (
	maxCachedOps    = 1 << 18
	maxCachedTables = 128
	maxCachedPaths  = 1 << 16
)

// answer returns the answer kept for a question in the state that key tells, if there is one.
func (c *Cache) answer(q question, key []byte) (planned, bool) {
	c.lock.RLock()
	p, ok := c.answers[q][string(key)]
	c.lock.RUnlock()
	if ok || c.shared == nil {
		return p, ok
	}
	if p, ok = c.shared.answer(q, key); ok {
		c.remember(q, key, p)
	}
	return p, ok
}

// keep remembers an answer.
func (c *Cache) keep(q question, key []byte, p planned) {
	c.remember(q, key, p)
	if c.shared != nil {
		c.shared.keep(q, key, p)
	}
}

// remember is keep without the shared cache.
func (c *Cache) remember(q question, key []byte, p planned) {
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.ops > maxCachedOps || c.answers == nil {
		c.answers, c.ops = map[question]map[string]planned{}, 0
	}
	if c.answers[q] == nil {
		c.answers[q] = map[string]planned{}
	}
	c.answers[q][string(key)] = p
	c.ops++
	if p.prog != nil {
		c.ops += len(p.prog.ops)
	}
}

// pricesOf returns the prices of g on p.
func (c *Cache) pricesOf(p *devices.Platform, g *workloads.Graph) *devices.Costs {
	c.lock.RLock()
	t := c.costs[priced{p, g}]
	c.lock.RUnlock()
	if t != nil {
		return t
	}
	if c.shared != nil {
		t = c.shared.pricesOf(p, g)
	} else {
		t = devices.NewCosts(p, g)
	}
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.costs == nil || len(c.costs) >= maxCachedTables {
		c.costs = map[priced]*devices.Costs{}
	}
	c.costs[priced{p, g}] = t
	return t
}

// takeBelief returns a belief that no other run uses, with the prices that earlier runs of the same models have asked it for.
func (c *Cache) takeBelief(x priced) *plan.Belief {
	c.lock.Lock()
	defer c.lock.Unlock()
	idle := c.beliefs[x]
	if len(idle) == 0 {
		return plan.NewBelief(x.platform)
	}
	c.beliefs[x] = idle[:len(idle)-1]
	return idle[len(idle)-1]
}

// returnBelief gives back a belief that its run needs no longer.
func (c *Cache) returnBelief(x priced, b *plan.Belief) {
	b.Backlog = nil
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.beliefs == nil || len(c.beliefs) >= maxCachedTables {
		c.beliefs = map[priced][]*plan.Belief{}
	}
	c.beliefs[x] = append(c.beliefs[x], b)
}

// costs returns the true prices of g.
func (k *class) costs(g *workloads.Graph) *devices.Costs { return k.cache.pricesOf(k.Truth, g) }

// believed returns what the strategy may know.
func (k *class) believed() *plan.Belief {
	if k.belief == nil {
		k.belief = k.cache.takeBelief(k.beliefKey())
	}
	return k.belief
}

func (k *class) beliefKey() priced { return priced{k.Belief, k.first} }

// pathOf returns the path between two nodes, always the same slice: see simulation.route.
func (c *Cache) pathOf(p *devices.Platform, from, to int) []flow.Hop {
	if c.shared != nil {
		return c.shared.pathOf(p, from, to)
	}
	c.lock.Lock()
	defer c.lock.Unlock()
	path, ok := c.paths[pair{p, from, to}]
	if !ok {
		for _, h := range p.Network.Paths[from][to].Hops {
			path = append(path, flow.Hop{Resource: int32(h.Resource), Weight: h.Weight})
		}
		if c.paths == nil || len(c.paths) >= maxCachedPaths {
			c.paths = map[pair][]flow.Hop{}
		}
		c.paths[pair{p, from, to}] = path
	}
	return path
}

// question returns what the strategy is asked for a model; ok is false when the answer is not one to share.
func (s *simulation) question(k *class, model int32) (q question, ok bool) {
	if s.cfg.Planning.Mode == PlanningMeasured || s.cfg.Work != nil {
		return question{}, false
	}
	q = question{truth: k.Truth, belief: k.Belief, graph: s.cfg.Models[model], batch: s.cfg.Batch,
		leader: k.leader(model), loaded: s.loaded}
	switch f, fixed := k.Strategy.(fixedPlan); {
	case fixed:
		q.fixed = f
	case s.cfg.PlanKey != "":
		q.by = s.cfg.PlanKey
	default:
		return question{}, false
	}
	return q, true
}

// appendLost appends to key which nodes are lost.
func (s *simulation) appendLost(key []byte) []byte {
	if s.losses > 0 {
		for j := range s.nodes {
			if s.nodes[j].lost {
				key = binary.AppendUvarint(key, uint64(j))
			}
		}
	}
	return key
}
