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
