package hidp

import (
	"math"

	"hidp/devices"
	"hidp/workloads"
)

// tier is one level of the hierarchy: its workers, the shareouts between them and what joins them. It implements level.
type tier struct {
	c      *chain
	costs  *devices.Costs
	halo   workloads.Halo
	ws     []worker
	vs     []*shareout
	link   medium
	alone  func(w, s, e int, start float64) cost
	adds   func(w, s, e int) (cost, bool)
	onChip bool        // the workers are clusters of one node and slow each other down
	curves *curves     // seconds along the chain by node and cluster
	queue  [][]float64 // [node][physical cluster]: seconds until it is free; nil if all are

	messages []message // scratch
	pool     []*walker // to be used again
}

// message is a transfer between two workers.
type message struct {
	from, to int
	bytes    int64
}

// medium prices transfers that begin together.
type medium interface {
	carry(ms []message) cost
}

func (t *tier) workers() int { return len(t.ws) }

func (t *tier) splits() int { return len(t.vs) }

func (t *tier) reach(v, s int) int { return s + len(t.vs[v].segs[s]) }

func (t *tier) further(w, s, e int) (cost, bool) { return t.adds(w, s, e) }

func (t *tier) together(v, s, e int) cost {
	if seg := &t.vs[v].segs[s][e-s-1]; seg.possible {
		return seg.together
	}
	return impossible
}

func (t *tier) whole(w, s, e int, start float64) cost { return t.alone(w, s, e, start) }

func (t *tier) move(u, w, s int) cost {
	if u == w {
		return cost{}
	}
	t.messages = append(t.messages[:0], message{u, w, t.c.bytes[s]})
	return t.link.carry(t.messages)
}

func (t *tier) gather(v, w, s int) cost {
	t.messages = t.messages[:0]
	for m, bytes := range t.vs[v].out[s] {
		if u := t.vs[v].members[m]; u != w && bytes > 0 {
			t.messages = append(t.messages, message{u, w, bytes})
		}
	}
	return t.link.carry(t.messages)
}

func (t *tier) scatter(u, v, s, e int, start float64) cost {
	seg := &t.vs[v].segs[s][e-s-1]
	if !seg.possible || t.c.kind[s] != boundary {
		return impossible
	}
	if u == origin {
		return t.strips(v, seg, cost{}, origin, start)
	}
	t.messages = t.messages[:0]
	for m := range seg.strips {
		if w := t.vs[v].members[m]; w != u && seg.strips[m].bytes > 0 {
			t.messages = append(t.messages, message{u, w, seg.strips[m].bytes})
		}
	}
	return t.strips(v, seg, t.link.carry(t.messages), u, start)
}

func (t *tier) stay(v, s, e int, start float64) cost {
	seg := &t.vs[v].segs[s][e-s-1]
	if !seg.possible {
		return impossible
	}
	return t.strips(v, seg, seg.halo, origin, start)
}

// strips returns the cost of a segment whose inputs take the cost arrive to come, except at worker u, which holds them.
func (t *tier) strips(v int, seg *segment, arrive cost, u int, start float64) cost {
	total := cost{energy: arrive.energy + seg.together.energy}
	if t.onChip {
		total.time = arrive.time + seg.together.time
		return total
	}
	for m := range seg.strips {
		x := &seg.strips[m]
		begin := arrive.time
		if t.vs[v].members[m] == u {
			begin = 0
		}
		if t.queue != nil {
			begin += t.wait(t.ws[t.vs[v].members[m]].node, x.mask, start+begin)
		}
		total.time = math.Max(total.time, begin+x.cost.time)
	}
	return total
}

// wait returns the seconds from now until the clusters in mask of node j are free.
func (t *tier) wait(j int, mask uint32, now float64) float64 {
	until := now
	if t.queue != nil {
		for k, free := range t.queue[j] {
			if mask&(1<<k) != 0 {
				until = math.Max(until, free)
			}
		}
	}
	return until - now
}
