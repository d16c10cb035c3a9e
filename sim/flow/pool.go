package flow

import (
	"cmp"
	"slices"
	"time"

	"hidp/internal/lines"
)

// pool is a resource that all its flows cross alone, without a limit: the radio channel of one cell, say. All flows get the
// same rate, so one counter S (bytes served per flow since the start) describes them all. A flow that joins at S with B bytes
// ends when the counter reaches S+B (virtual time, as in Parekh and Gallager, "A generalized processor sharing approach to flow control in integrated
// services networks: the single-node case", IEEE/ACM ToN 1(3), 1993). A start or an end costs O(log flows) instead of O(flows).
type pool struct {
	line   []waiter // a heap by (tag, order)
	served float64  // bytes, as of since
	since  time.Duration
	rate   float64 // bytes/s of every flow since then
	weight float64 // sum over the flows
	place  int32   // of its first flow in the schedule; none if there is no flow or its completion is still to be computed
}

// waiter is a flow in a pool.
type waiter struct {
	tag   float64 // the value of served at which it is complete
	order uint64  // start number
	flow  FlowID
}

func (a waiter) before(b waiter) bool { return a.tag < b.tag || a.tag == b.tag && a.order < b.order }

// rebase is the value of served, in bytes, beyond which it is set back to 0: tags must keep their digits.
const rebase = 1 << 22

// serve brings the pool up to time now.
func (p *pool) serve(now time.Duration) {
	if now != p.since {
		p.advance(now)
	}
}

func (p *pool) advance(now time.Duration) {
	p.served += float64(p.rate*float64(now-p.since)) / 1e9
	p.since = now
	if len(p.line) == 0 {
		p.served = 0
		return
	}
	if p.due(p.line[0].tag) {
		p.round()
	}
	if p.served > rebase {
		for i := range p.line {
			p.line[i].tag -= p.served
		}
		p.served = 0
	}
}

// due reports whether a flow with the given tag lacks bytes only by rounding; see noise.
func (p *pool) due(tag float64) bool {
	return tag > p.served && float64((tag-p.served)*1e9) <= float64(p.rate*noise)
}

// round serves the flows that are due, so that no change of the rate keeps them.
func (p *pool) round() {
	last := p.served
	for _, w := range p.line {
		if p.due(w.tag) {
			last = max(last, w.tag)
		}
	}
	p.served = last
}

// left returns the bytes that a flow with the given tag has still to deliver at time now.
func (p *pool) left(now time.Duration, tag float64) float64 {
	return max(0, tag-(p.served+float64(p.rate*float64(now-p.since))/1e9))
}

// completion returns when a flow with the given tag is complete.
func (p *pool) completion(tag float64) time.Duration {
	left := tag - p.served
	if left < 0 {
		left = 0
	}
	return completes(p.since, left, p.rate)
}

// tag returns the tag of a flow.
func (p *pool) tag(id FlowID) float64 { return p.line[p.find(id)].tag }

func (p *pool) find(id FlowID) int {
	return slices.IndexFunc(p.line, func(w waiter) bool { return w.flow == id })
}

// join enters a flow into the pool of a resource.
func (n *Network) join(r *resource, id FlowID) {
	p, f := &r.pool, &n.flows[id]
	p.serve(n.now)
	f.pooled = true
	p.weight += f.path[0].Weight
	w := waiter{p.served + f.left, f.order, id}
	k := len(p.line)
	p.line = lines.Append(p.line, w)
	if k > 0 && w.before(p.line[(k-1)/2]) {
		p.up(k, w)
	}
}

// finishFirst ends the flow that is complete first in the pool of a resource, which is first in the schedule.
func (n *Network) finishFirst(now time.Duration, i int32) FlowID {
	r := &n.resources[i]
	id := r.line[0].flow
	f := &n.flows[id]
	weight := f.path[0].Weight
	r.carried += float64(f.bytes * weight)
	r.drop(0, weight)
	n.touch(i)
	n.postpone(now, r, i)
	f.active, f.path = false, nil
	n.freeIDs = lines.Append(n.freeIDs, id)
	return id
}

// leave takes a flow out of its pool.
func (n *Network) leave(now time.Duration, id FlowID, complete bool) {
	f := &n.flows[id]
	hop := f.path[0]
	r := &n.resources[hop.Resource]
	i := 0
	if r.line[0].flow != id {
		i = r.find(id)
	}
	delivered := f.bytes
	if !complete {
		delivered -= r.left(now, r.line[i].tag)
	}
	r.carried += float64(delivered * hop.Weight)
	r.drop(i, hop.Weight)
	n.touch(hop.Resource)
	if r.place != none {
		n.postpone(now, r, hop.Resource)
	}
}

// postpone takes the completion of a pool's first flow, until the rates are computed, for never, unless it is complete by now.
func (n *Network) postpone(now time.Duration, r *resource, i int32) {
	if len(r.line) == 0 {
		n.remove(r.place)
		r.place = none
		return
	}
	first := &r.line[0]
	at := never
	if r.completion(first.tag) <= now {
		at = now
	}
	n.amend(r.place, completion{at, first.order, ^i})
}

// drop removes a place of the line.
func (p *pool) drop(i int, weight float64) {
	p.weight -= weight
	k := len(p.line) - 1
	last := p.line[k]
	p.line = p.line[:k]
	switch {
	case k == 0:
		p.weight = 0
	case i == k:
	case i > 0 && last.before(p.line[(i-1)/2]):
		p.up(i, last)
	default:
		p.down(i, last)
	}
}

// share computes the rate of the flows of a pool from now on, and when the first of them is complete.
func (n *Network) sharePool(r *resource, i int32) {
	if len(r.line) == 0 {
		return
	}
	r.serve(n.now)
	r.rate = r.capacity / r.weight
	first := &r.line[0]
	c := completion{r.completion(first.tag), first.order, ^i}
	if r.place == none {
		n.push(c)
	} else {
		n.amend(r.place, c)
	}
}

// dissolve turns the flows of a pool into members of the resource.
func (n *Network) dissolve(i int32) {
	r := &n.resources[i]
	if len(r.line) == 0 {
		return
	}
	r.serve(n.now)
	if r.place != none {
		n.remove(r.place)
		r.place = none
	}
	slices.SortFunc(r.line, func(a, b waiter) int { return cmp.Compare(a.order, b.order) })
	for _, w := range r.line {
		f := &n.flows[w.flow]
		f.pooled, f.left, f.rate, f.settled = false, max(0, w.tag-r.served), r.rate, n.now
		f.completes = f.completion()
		f.places = lines.Append(f.places[:0], int32(len(r.members)))
		r.members = lines.Append(r.members, member{w.flow, 0})
		n.push(completion{f.completes, f.order, int32(w.flow)})
	}
	r.line, r.weight, r.rate = r.line[:0], 0, 0
}

// gather turns the members of a resource, which cross no other any more, into a pool.
func (n *Network) gather(i int32) {
	r := &n.resources[i]
	r.served, r.since, r.rate = 0, n.now, 0
	if len(r.members) == 0 {
		return
	}
	slices.SortFunc(r.members, func(a, b member) int { return cmp.Compare(n.flows[a.flow].order, n.flows[b.flow].order) })
	for _, m := range r.members {
		f := &n.flows[m.flow]
		f.settle(n.now)
		n.remove(f.place)
		n.join(r, m.flow)
	}
	r.members = r.members[:0]
}

func (p *pool) up(i int, w waiter) {
	for i > 0 {
		parent := (i - 1) / 2
		if !w.before(p.line[parent]) {
			break
		}
		p.line[i] = p.line[parent]
		i = parent
	}
	p.line[i] = w
}

func (p *pool) down(i int, w waiter) {
	for {
		child := 2*i + 1
		if child >= len(p.line) {
			break
		}
		if child+1 < len(p.line) && p.line[child+1].before(p.line[child]) {
			child++
		}
		if !p.line[child].before(w) {
			break
		}
		p.line[i] = p.line[child]
		i = child
	}
	p.line[i] = w
}
