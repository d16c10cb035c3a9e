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
func (f *flow) completion() time.Duration { return completes(f.settled, f.left, f.rate) }

// completes returns when the bytes that are left at time now are delivered.
// This is the one place where floats become nanoseconds; they are rounded up.
func completes(now time.Duration, left, rate float64) time.Duration {
	if left == 0 {
		return now
	}
	ns := math.Ceil(float64(left*1e9)/rate - noise) // +Inf at rate 0
	if ns >= float64(never-now) {
		return never
	}
	return now + time.Duration(ns)
}

// moved returns the bytes delivered between f.settled and now.
func (f *flow) moved(now time.Duration) float64 {
	if now >= f.completes {
		return f.left
	}
	moved := float64(f.rate*float64(now-f.settled)) / 1e9
	if moved > f.left { // the builtin min has NaN to think of
		return f.left
	}
	return moved
}

// settle brings the books of a flow up to time now.
func (f *flow) settle(now time.Duration) {
	f.left -= f.moved(now)
	f.settled = now
}

// advance moves the network to time now, at which the caller is going to change it.
func (n *Network) advance(now time.Duration) {
	if now != n.now {
		n.moveTo(now)
	}
}

func (n *Network) moveTo(now time.Duration) {
	if now < n.now {
		panic(fmt.Sprintf("flow: change at %v after a change at %v", now, n.now))
	}
	if len(n.dirty) > 0 {
		n.settleRates()
	}
	if len(n.pending) > 0 && n.pending[0].at < now {
		panic(fmt.Sprintf("flow: change at %v, but flow %d completed at %v and was not finished",
			now, n.first(), n.pending[0].at))
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
	f.settle(n.now)
	if f.shared {
		n.relevel(f, rate)
	}
	f.rate = rate
	if at := f.completion(); at != f.completes {
		f.completes = at
		n.amend(f.place, completion{at, f.order, int32(id)})
	}
}
