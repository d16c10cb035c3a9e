package hidp

import (
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

	messages []message // scratch, like the next three
	release  []float64
	arrival  []float64 // at least as long as there are workers
	receiver []int
	pool     []*walker // to be used again
	spare    []strip   // allocated ahead
}

// message is a transfer between two workers.
type message struct {
	from, to int
	bytes    int64
}

// medium prices transfers.
type medium interface {
	// carry returns the time until all messages, begun together, have arrived, and puts the time of each into arrival, if not nil.
	carry(ms []message, arrival []float64) cost
	// collect returns when all messages to one worker have arrived, each begun at its release but none before the medium is free.
	collect(ms []message, release []float64, free float64) cost
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
	return t.link.carry(t.messages, nil)
}

func (t *tier) gather(v, w, s int, before cost, from []float64) cost {
	x := t.vs[v]
	t.messages, t.release = t.messages[:0], t.release[:0]
	held := 0.0
	for m, bytes := range x.out[s] {
		if x.members[m] == w {
			held = from[m]
		} else if bytes > 0 {
			t.messages = append(t.messages, message{x.members[m], w, bytes})
			t.release = append(t.release, from[m])
		}
	}
	if len(t.messages) == 0 {
		return before
	}
	c := t.link.collect(t.messages, t.release, from[len(t.ws)])
	return cost{max(held, c.time), before.energy + c.energy}
}

func (t *tier) scatter(u, v, s, e int, before cost, ends []float64) cost {
	x := t.vs[v]
	seg := &x.segs[s][e-s-1]
	if !seg.possible || t.c.kind[s] != boundary {
		return impossible
	}
	t.messages = t.messages[:0]
	if u != origin {
		for m := range seg.strips {
			if w := x.members[m]; w != u && seg.strips[m].bytes > 0 {
				t.messages = append(t.messages, message{u, w, seg.strips[m].bytes})
			}
		}
	}
	c := t.link.carry(t.messages, t.arrival[:len(t.messages)])
	if !c.possible() {
		return impossible
	}
	if t.onChip {
		return t.barrier(seg, before.plus(c), ends)
	}
	next := 0
	ends[len(t.ws)] = before.time + c.time
	for m := range seg.strips {
		ends[m] = before.time
		if next < len(t.messages) && t.messages[next].to == x.members[m] {
			ends[m] += t.arrival[next]
			next++
		}
	}
	return t.run(x, seg, cost{before.time, before.energy + c.energy}, ends)
}

func (t *tier) stay(v, s, e int, before cost, from, ends []float64) cost {
	x := t.vs[v]
	seg := &x.segs[s][e-s-1]
	if !seg.possible || !seg.halo.possible() {
		return impossible
	}
	if t.onChip || t.c.kind[s] == pooled {
		return t.barrier(seg, before.plus(seg.halo), ends)
	}
	free := from[len(t.ws)]
	ends[len(t.ws)] = free
	for m := range seg.strips {
		ends[m] = from[m]
		for o := range seg.strips {
			if seg.strips[m].sources&(1<<o) != 0 {
				ends[m] = max(ends[m], max(from[o], free)+seg.strips[m].halo)
			}
		}
		if seg.strips[m].sources != 0 {
			ends[len(t.ws)] = max(ends[len(t.ws)], ends[m])
		}
	}
	return t.run(x, seg, cost{before.time, before.energy + seg.halo.energy}, ends)
}

// barrier returns the cost of a segment whose strips begin and end together.
func (t *tier) barrier(seg *segment, before cost, ends []float64) cost {
	c := before.plus(seg.together)
	ends[len(t.ws)] = before.time
	for m := range seg.strips {
		ends[m] = c.time
	}
	return c
}

// run lets every strip of a segment begin at the time in ends, and puts there when it is done.
func (t *tier) run(v *shareout, seg *segment, before cost, ends []float64) cost {
	c := cost{before.time, before.energy + seg.together.energy}
	for m := range seg.strips {
		x := &seg.strips[m]
		if t.queue != nil {
			ends[m] += held(t.queue, t.ws[v.members[m]].node, x.mask, ends[m])
		}
		ends[m] += x.cost.time
		c.time = max(c.time, ends[m])
	}
	return c
}

// held returns the seconds from now until the clusters in mask of node j are through with the backlog, which may be nil.
func held(queue [][]float64, j int, mask uint32, now float64) float64 {
	if queue == nil {
		return 0
	}
	until := now
	for k, free := range queue[j] {
		if mask&(1<<k) != 0 {
			until = max(until, free)
		}
	}
	return until - now
}
