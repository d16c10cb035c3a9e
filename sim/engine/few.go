package engine

import "time"

// While few events are pending, as on a platform of five boards, they lie in a sorted list: finding a place among them costs less
// than the digits of a time. Beyond mostFew events the queue turns to the radix heap, and back when fewest are left; between two
// turns lie so many operations that turning costs next to nothing.
const mostFew, fewest = 48, 12

// entry is an event of the sorted list.
type entry struct {
	at uint64
	What
}

// insert puts an event before all that are later, behind those of the same time. The list is in descending order: the first
// event is the last entry. No later event will precede now.
func (q *queue) insert(now, at uint64, what What) {
	if len(q.few) == mostFew {
		q.spill(now)
		q.place(at, what)
		return
	}
	q.few = append(q.few, entry{})
	few := q.few
	i := len(few) - 1
	for ; i > 0; i-- {
		e := &few[i-1]
		if e.at > at {
			break
		}
		few[i] = *e
	}
	few[i] = entry{at, what}
}

// spill moves the events of the list into the radix heap, which is empty.
func (q *queue) spill(now uint64) {
	if q.lists == nil {
		q.lists = new([levels * slots]list)
	}
	q.many, q.base = true, now
	for i := len(q.few) - 1; i >= 0; i-- {
		q.place(q.few[i].at, q.few[i].What)
	}
	q.few = q.few[:0]
}

// gather moves the events of the radix heap, which are few, into the list.
func (q *queue) gather() {
	n := q.size
	if cap(q.few) < mostFew {
		q.few = make([]entry, n, mostFew)
	}
	q.few = q.few[:n]
	for i := n - 1; i >= 0; i-- {
		at, what, _ := q.pop(time.Duration(absent >> 1))
		q.few[i] = entry{uint64(at), what}
	}
	q.size, q.many = n, false
}

// popFew removes and returns the first event unless it is later than the horizon.
func (q *queue) popFew(horizon time.Duration) (at time.Duration, what What, ok bool) {
	k := len(q.few) - 1
	if k < 0 || time.Duration(q.few[k].at) > horizon {
		return 0, What{}, false
	}
	e := &q.few[k]
	q.few = q.few[:k]
	q.size--
	return time.Duration(e.at), e.What, true
}
