package flow

import (
	"time"

	"hidp/internal/lines"
)

// completion is an entry of the schedule.
type completion struct {
	at    time.Duration
	order uint64
	who   int32 // a FlowID, or ^r for the flow that is first in the pool of resource r
}

func (a completion) before(b completion) bool {
	return a.at < b.at || a.at == b.at && a.order < b.order
}

// schedule is a 4-ary heap of all active flows outside of pools, and of all pools with
// flows, by (completion, start number). Each knows its place in it, so that a changed
// completion is moved in O(log entries).
type schedule []completion

// none is the place of a pool that is not in the schedule.
const none = int32(-1)

// put writes c into the schedule at a place.
func (n *Network) put(place int32, c completion) {
	n.pending[place] = c
	if c.who >= 0 {
		n.flows[c.who].place = place
	} else {
		n.resources[^c.who].place = place
	}
}

func (n *Network) push(c completion) {
	n.pending = lines.Append(n.pending, completion{})
	n.up(int32(len(n.pending)-1), c)
}

// remove takes out the entry at a place.
func (n *Network) remove(place int32) {
	k := len(n.pending) - 1
	last := n.pending[k]
	n.pending = n.pending[:k]
	if int(place) < k {
		n.move(place, last)
	}
}

// amend gives the entry at a place, which stands for the same, another time or order.
func (n *Network) amend(place int32, c completion) {
	if len(n.pending) == 1 {
		n.pending[0] = c
	} else {
		n.move(place, c)
	}
}

// move puts c where it belongs, given that the entry at place is to be overwritten.
func (n *Network) move(place int32, c completion) {
	if len(n.pending) == 1 {
		n.put(0, c)
	} else if place > 0 && c.before(n.pending[(place-1)/4]) {
		n.up(place, c)
	} else {
		n.down(place, c)
	}
}

func (n *Network) up(place int32, c completion) {
	for place > 0 {
		parent := (place - 1) / 4
		if !c.before(n.pending[parent]) {
			break
		}
		n.put(place, n.pending[parent])
		place = parent
	}
	n.put(place, c)
}

func (n *Network) down(place int32, c completion) {
	h := n.pending
	for {
		first := int(4*place + 1)
		if first >= len(h) {
			break
		}
		child, least := first, &h[first]
		for k := first + 1; k < len(h) && k < first+4; k++ {
			if x := &h[k]; x.at < least.at || x.at == least.at && x.order < least.order {
				child, least = k, x
			}
		}
		if !least.before(c) {
			break
		}
		n.put(place, *least)
		place = int32(child)
	}
	n.put(place, c)
}
