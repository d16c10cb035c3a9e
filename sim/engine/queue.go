package engine

import (
	"math/bits"
	"time"
)

const (
	digitBits = 6 // width of a digit of the time
	slots     = 1 << digitBits
	levels    = 16 // 11 digits make up a time; a power of two spares the bounds checks
	chunkLen  = 8
	none      = int32(-1)  // no chunk
	absent    = ^uint64(0) // the time of an empty place in a chunk, later than any event
)

// queue is a sorted list while it holds few events (see few.go) and else a monotone radix queue: a radix heap whose buckets are the digits of the
// time, as in a hierarchical timing wheel with slots of one nanosecond.
//
// An event lies at the level of the highest digit in which its time differs from
// base, in the slot of its digit there. All events of a lower level, or of a lower
// slot of the same level, are therefore earlier, and equal times share a slot in the
// order of arrival. base never exceeds the time of the last event popped.
//
// A slot is a list of chunks of chunkLen events. The first event is searched in the
// first slot when that is a single chunk; otherwise the slot is opened: base moves
// to its earliest event and its events spread over lower levels, which are empty.
// A first event that proves later than the horizon is remembered until it is popped
// or an earlier one comes: asking again for what is due costs one comparison then.
type queue struct {
	size   int
	many   bool // the events lie in the radix heap
	base   uint64
	levels uint32         // bit l: level l has events
	used   [levels]uint64 // bit s: slot s of the level has events
	lists  *[levels * slots]list
	chunks []chunk
	free   int32 // head of the list of unused chunks

	headAt    uint64 // time of the first event, if it is remembered, else 0
	headSlot  uint   // its level*slots + slot
	headPlace int    // its place in the first chunk there; toOpen: in one of several

	few [room]entry // where the events lie unless they are many, the first size of it; see few.go
}

// toOpen as a headPlace says that the slot must be opened.
const toOpen = -1

// list is the chunks of one slot, linked by chunk.next; valid only when its bit in
// queue.used is set.
type list struct{ head, tail int32 }

// chunk holds up to chunkLen events, times apart from the rest so that the earliest
// is found in one cache line. Places are filled in order of arrival and not reused;
// a place that is not yet filled or already popped has the time absent.
type chunk struct {
	at   [chunkLen]uint64
	what [chunkLen]What
	next int32
	fill uint16 // places used so far
	live uint16 // events still here
}

func (q *queue) reset() {
	q.base, q.size, q.levels, q.used = 0, 0, 0, [levels]uint64{}
	q.chunks, q.free, q.headAt = q.chunks[:0], none, 0
	q.many = false
}

// levelOf is the level of a time whose highest bit that differs from base has the given number, counted from 1: one load instead
// of a division.
var levelOf = func() (t [64]uint8) {
	for n := 1; n < len(t); n++ {
		t[n] = uint8((n - 1) / digitBits)
	}
	return t
}()

// place appends an event to the slot it belongs to.
func (q *queue) place(at uint64, what What) {
	level := uint(levelOf[bits.Len64(at^q.base)%64])
	digit := at >> (level * digitBits % 64) % slots
	l := &q.lists[(level*slots|uint(digit))%(levels*slots)]
	used := &q.used[level%levels]
	var c *chunk
	if *used>>digit&1 == 0 {
		q.levels |= 1 << (level % levels)
		*used |= 1 << digit
		l.head = q.newChunk()
		l.tail = l.head
		c = &q.chunks[l.tail]
	} else if c = &q.chunks[l.tail]; c.fill == chunkLen {
		x := q.newChunk()
		q.chunks[l.tail].next = x
		l.tail = x
		c = &q.chunks[x]
	}
	i := c.fill % chunkLen
	c.at[i], c.what[i] = at, what
	c.fill++
	c.live++
}

func (q *queue) newChunk() int32 {
	x := q.free
	if x == none {
		x = int32(len(q.chunks))
		q.chunks = append(q.chunks, chunk{})
	}
	c := &q.chunks[x]
	if q.free != none {
		q.free = c.next
	}
	c.at = [chunkLen]uint64{absent, absent, absent, absent, absent, absent, absent, absent}
	c.fill, c.live = 0, 0
	return x
}

func (q *queue) freeChunk(x int32) {
	q.chunks[x].next = q.free
	q.free = x
}

// pop removes and returns the first event of the radix heap unless it is later than the horizon.
func (q *queue) pop(horizon time.Duration) (at time.Duration, what What, ok bool) {
	if q.headAt != 0 {
		return q.popRemembered(horizon)
	}
	for q.size > 0 {
		level := uint(bits.TrailingZeros32(q.levels)) % levels
		slot := level*slots + uint(bits.TrailingZeros64(q.used[level]))%slots
		l := &q.lists[slot]
		if level > 0 && l.head != l.tail {
			first := q.earliestOf(l)
			if time.Duration(first) > horizon {
				q.headAt, q.headSlot, q.headPlace = first, slot, toOpen
				break
			}
			q.open(slot, first)
			continue
		}
		first, i := earliest(&q.chunks[l.head].at)
		if time.Duration(first) > horizon {
			q.headAt, q.headSlot, q.headPlace = first, slot, i
			break
		}
		c := &q.chunks[l.head]
		what = c.what[i]
		c.at[i] = absent
		c.live--
		q.size--
		if c.live == 0 {
			q.dropHead(l, slot)
		}
		return time.Duration(first), what, true
	}
	return 0, What{}, false
}

// popRemembered is pop when the first event is remembered.
func (q *queue) popRemembered(horizon time.Duration) (at time.Duration, what What, ok bool) {
	if time.Duration(q.headAt) > horizon {
		return 0, What{}, false
	}
	first, slot, i := q.headAt, q.headSlot, q.headPlace
	q.headAt = 0
	if i == toOpen {
		q.open(slot, first)
		return q.pop(horizon)
	}
	return time.Duration(first), q.take(slot, i), true
}

// take removes the event at a place of the first chunk of a slot.
func (q *queue) take(slot uint, i int) What {
	l := &q.lists[slot%(levels*slots)]
	c := &q.chunks[l.head]
	what := c.what[i%chunkLen]
	c.at[i%chunkLen] = absent
	c.live--
	q.size--
	if c.live == 0 {
		q.dropHead(l, slot)
	}
	return what
}

// earliestOf returns the time of the first event of a list.
func (q *queue) earliestOf(l *list) uint64 {
	first := absent
	for x := l.head; ; x = q.chunks[x].next {
		at, _ := earliest(&q.chunks[x].at)
		first = min(first, at)
		if x == l.tail {
			return first
		}
	}
}

// dropHead frees the first chunk of a slot, which has become empty.
func (q *queue) dropHead(l *list, slot uint) {
	x := l.head
	if x == l.tail {
		q.clear(slot)
	} else {
		l.head = q.chunks[x].next
	}
	q.freeChunk(x)
}

// clear marks a slot as empty.
func (q *queue) clear(slot uint) {
	level := slot / slots % levels
	q.used[level] &^= 1 << (slot % slots)
	if q.used[level] == 0 {
		q.levels &^= 1 << level
	}
}

// earliest returns the first event of a chunk: its time and place, of equal times the
// first place. Which place wins is unpredictable, so it is written for conditional
// moves instead of branches, and without a loop because Go does not unroll them.
func earliest(at *[chunkLen]uint64) (uint64, int) {
	m := min(min(min(at[0], at[1]), min(at[2], at[3])), min(min(at[4], at[5]), min(at[6], at[7])))
	i := 7
	if at[6] == m {
		i = 6
	}
	if at[5] == m {
		i = 5
	}
	if at[4] == m {
		i = 4
	}
	if at[3] == m {
		i = 3
	}
	if at[2] == m {
		i = 2
	}
	if at[1] == m {
		i = 1
	}
	if at[0] == m {
		i = 0
	}
	return m, i
}

// open spreads the first slot, whose earliest event has the time first, over lower levels.
func (q *queue) open(slot uint, first uint64) {
	l := q.lists[slot]
	q.base = first
	q.clear(slot)
	for x := l.head; ; {
		for i := range q.chunks[x].fill {
			c := &q.chunks[x] // place may move the chunks
			if at := c.at[i%chunkLen]; at != absent {
				q.place(at, c.what[i%chunkLen])
			}
		}
		next := q.chunks[x].next
		q.freeChunk(x)
		if x == l.tail {
			return
		}
		x = next
	}
}
