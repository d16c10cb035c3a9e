package flow

import (
	"fmt"
	"math"
	"time"
)

// noise is the part of a nanosecond by which a completion may be early: sums of
// products of floats leave residues of this order where the exact result is a whole
// number of nanoseconds, and rounding those up would make it late by one.
const noise = 1e-3

// completion returns when a flow that was just settled has delivered all its bytes.
// This is the one place where floats become nanoseconds; they are rounded up.
func (f *flow) completion() time.Duration {
	if f.left == 0 {
		return f.settled
	}
	ns := math.Ceil(float64(f.left*1e9)/f.rate - noise) // +Inf at rate 0
	if ns >= float64(never-f.settled) {
		return never
	}
	return f.settled + time.Duration(ns)
}

// moved returns the bytes delivered between f.settled and now.
func (f *flow) moved(now time.Duration) float64 {
	if now >= f.completes {
		return f.left
	}
	return min(f.left, float64(f.rate*float64(now-f.settled))/1e9)
}

// settle brings the books of a flow and of its resources up to time now.
func (n *Network) settle(now time.Duration, id FlowID) {
	f := &n.flows[id]
	d := f.moved(now)
	f.left -= d
	f.settled = now
	for _, h := range f.path {
		n.resources[h.Resource].carried += float64(d * h.Weight)
	}
}

// advance moves the network to time now, at which the caller is going to change it.
func (n *Network) advance(now time.Duration) {
	if now == n.now {
		return
	}
	if now < n.now {
		panic(fmt.Sprintf("flow: change at %v after a change at %v", now, n.now))
	}
	n.settleRates()
	if len(n.pending) > 0 && n.pending[0].at < now {
		panic(fmt.Sprintf("flow: change at %v, but flow %d completed at %v and was not finished",
			now, n.pending[0].flow, n.pending[0].at))
	}
	n.now = now
}

// setRate gives a flow its new rate from n.now on. A flow whose rate stays the same
// is left alone, so that changes elsewhere cannot move its completion by rounding.
func (n *Network) setRate(id FlowID, rate float64) {
	f := &n.flows[id]
	if rate == f.rate {
		return
	}
	n.settle(n.now, id)
	f.rate = rate
	if at := f.completion(); at != f.completes {
		f.completes = at
		n.pending.fix(n.flows, f.heapPlace)
	}
}

// completion is the entry of one flow in the schedule.
type completion struct {
	at    time.Duration
	order uint64
	flow  FlowID
}

func (a completion) before(b completion) bool {
	return a.at < b.at || a.at == b.at && a.order < b.order
}

// schedule is a 4-ary heap of all active flows by (completion, start number). Each
// flow knows its place in it, so that a changed completion is moved in O(log flows).
type schedule []completion

func (s *schedule) push(flows []flow, id FlowID) {
	*s = append(*s, completion{})
	s.up(flows, int32(len(*s)-1), completion{flows[id].completes, flows[id].order, id})
}

// remove takes out the entry at a place.
func (s *schedule) remove(flows []flow, place int32) {
	last := (*s)[len(*s)-1]
	*s = (*s)[:len(*s)-1]
	if int(place) < len(*s) {
		s.move(flows, place, last)
	}
}

// fix restores the order after the completion of the flow at a place has changed.
func (s *schedule) fix(flows []flow, place int32) {
	id := (*s)[place].flow
	s.move(flows, place, completion{flows[id].completes, flows[id].order, id})
}

// move puts c where it belongs, given that the entry at place is to be overwritten.
func (s *schedule) move(flows []flow, place int32, c completion) {
	if place > 0 && c.before((*s)[(place-1)/4]) {
		s.up(flows, place, c)
	} else {
		s.down(flows, place, c)
	}
}

func (s *schedule) up(flows []flow, place int32, c completion) {
	h := *s
	for place > 0 {
		parent := (place - 1) / 4
		if !c.before(h[parent]) {
			break
		}
		h[place] = h[parent]
		flows[h[place].flow].heapPlace = place
		place = parent
	}
	h[place] = c
	flows[c.flow].heapPlace = place
}

func (s *schedule) down(flows []flow, place int32, c completion) {
	h := *s
	for {
		first := 4*place + 1
		if int(first) >= len(h) {
			break
		}
		child := first
		for k := first + 1; k < min(first+4, int32(len(h))); k++ {
			if h[k].before(h[child]) {
				child = k
			}
		}
		if !h[child].before(c) {
			break
		}
		h[place] = h[child]
		flows[h[place].flow].heapPlace = place
		place = child
	}
	h[place] = c
	flows[c.flow].heapPlace = place
}
