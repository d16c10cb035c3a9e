package engine

import (
	"cmp"
	"slices"
	"time"
)

// State is an engine written down as plain data: enough to continue the run in
// another process with the very same order of events.
type State struct {
	Now       time.Duration
	Processed uint64
	Pending   []Event // in the order in which they will be delivered
}

// Snapshot copies the state of the engine, which is left unchanged.
func (e *Engine) Snapshot() State {
	pending := e.queue.appendAll(make([]Event, 0, e.queue.size))
	slices.SortStableFunc(pending, func(a, b Event) int { return cmp.Compare(a.At, b.At) })
	return State{Now: e.now, Processed: e.processed, Pending: pending}
}

// Restore replaces the state of the engine by s. An event in s.Pending that lies
// before s.Now panics, as it would in Schedule; ties keep the order of the slice.
func (e *Engine) Restore(s State) {
	e.Reset()
	e.now, e.processed = s.Now, s.Processed
	for _, ev := range s.Pending {
		e.Schedule(ev)
	}
}

// appendAll appends the pending events to dst; those of equal times in order of arrival.
func (q *queue) appendAll(dst []Event) []Event {
	if !q.many {
		for i := q.size - 1; i >= 0; i-- {
			dst = append(dst, Event{time.Duration(q.few[i].at), q.few[i].What})
		}
		return dst
	}
	for n, l := range q.lists {
		if q.used[n/slots]>>(n%slots)&1 == 0 {
			continue
		}
		for x := l.head; ; x = q.chunks[x].next {
			c := &q.chunks[x]
			for i, at := range c.at {
				if at != absent {
					dst = append(dst, Event{time.Duration(at), c.what[i]})
				}
			}
			if x == l.tail {
				break
			}
		}
	}
	return dst
}
