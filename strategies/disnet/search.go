package disnet

import (
	"math"
	"slices"
)

// way is the cheapest way to have done some segments with the last one anchored at a given worker.
type way struct {
	cost    float64
	choices []choice
}

// search picks anchors and helpers for the segments between cuts and returns them with the last anchor (the leader if there is no
// segment). It is a shortest path over anchors, since a segment's price depends on the one before by its anchor only; the greedy
// search goes on from the cheapest anchor so far. The leader and fewer helpers come first among equals.
func (pl *planner) search(cuts []int) ([]choice, worker) {
	leader := pl.leader()
	anchors := append([]worker{leader}, slices.DeleteFunc(slices.Clone(pl.workers), func(w worker) bool { return w == leader })...)
	ways := []way{{}}
	for v := 0; v+1 < len(cuts); v++ {
		next := make([]way, len(anchors))
		for i, anchor := range anchors {
			next[i] = pl.extend(ways, v, cuts[v], cuts[v+1], anchor)
		}
		ways = next
		if pl.greedy {
			ways = []way{cheapest(ways)}
		}
	}
	choices := cheapest(ways).choices
	if len(choices) == 0 {
		return nil, leader
	}
	return choices, choices[len(choices)-1].anchor
}

// cheapest returns the first of the cheapest ways.
func cheapest(ways []way) way {
	best := ways[0]
	for _, w := range ways[1:] {
		if w.cost < best.cost {
			best = w
		}
	}
	return best
}

// extend returns the cheapest way to do layers [from, to), the v-th segment, at the anchor: alone, or with the best helpers of all.
func (pl *planner) extend(ways []way, v, from, to int, anchor worker) way {
	best, least := choice{}, math.Inf(1)
	for k := 1; k <= pl.most(v, len(pl.workers)); k++ {
		c := choice{anchor, pl.workers[:k]}
		if k == 1 {
			c.helpers = []worker{anchor}
		}
		p := pl.segment(from, to, c)
		if to == pl.body {
			p.add(pl.tail(anchor))
		}
		if cost := pl.cost(p); cost < least {
			best, least = c, cost
		}
	}
	out := way{cost: math.Inf(1)}
	for _, w := range ways {
		last := pl.leader()
		if n := len(w.choices); n > 0 {
			last = w.choices[n-1].anchor
		}
		if cost := w.cost + pl.cost(pl.forward(last, anchor, from-1)) + least; cost < out.cost {
			out = way{cost, append(slices.Clip(w.choices), best)}
		}
	}
	return out
}
