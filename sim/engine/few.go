package engine

import "time"

// While few events are pending, as on a platform of five boards, they lie in a sorted list: finding a place among them costs less
// than the digits of a time. Beyond mostFew events the queue turns to the radix heap, and back when fewest are left; between two
// turns lie so many operations that turning costs next to nothing.
const mostFew, fewest = 48, 12

// room is the length of the array that holds them: a power of two spares the bounds checks.
const room = 64

// entry is an event of the sorted list.
type entry struct {
	at uint64
	What
}

// insert puts an event before all that are later, behind those of the same time. The list is in descending order: the first
// event is the last entry.
func (q *queue) insert(at uint64, what What) {
	i := uint(q.size)
	q.size++
	for ; i > 0; i-- {
		e := &q.few[(i-1)%room]
		if e.at > at {
			break
		}
		q.few[i%room] = *e
	}
	q.few[i%room] = entry{at, what}
}

// spill moves the events of the list into the radix heap, which is empty. No later event will precede now.
func (q *queue) spill(now uint64) {
	if q.lists == nil {
		q.lists = new([levels * slots]list)
	}
	q.many, q.base = true, now
	for i := q.size - 1; i >= 0; i-- {
		q.place(q.few[i].at, q.few[i].What)
	}
}

// gather moves the events of the radix heap, which are few, into the list.
func (q *queue) gather() {
	n := q.size
	for i := n - 1; i >= 0; i-- {
		at, what, _ := q.pop(time.Duration(absent >> 1))
		q.few[i] = entry{uint64(at), what}
	}
	q.size, q.many = n, false
}

// popFew removes and returns the first event unless it is later than the horizon.
func (q *queue) popFew(horizon time.Duration) (at time.Duration, what What, ok bool) {
	if q.size == 0 {
		return 0, What{}, false
	}
	e := &q.few[uint(q.size-1)%room]
	if time.Duration(e.at) > horizon {
		return 0, What{}, false
	}
	q.size--
	return time.Duration(e.at), e.What, true
}
