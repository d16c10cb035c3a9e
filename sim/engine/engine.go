package engine

import (
	"fmt"
	"math"
	"time"
)

// Kind says what an event means. The package that schedules events defines the
// values; the engine only carries them.
type Kind int32

// Event is one entry of the queue, a plain value without pointers. It has its fields
// in two structs because Go keeps structs of up to four fields in registers, and
// copies others through memory at every call, at the price of a failed store
// forwarding each: a quarter of the time of an event.
type Event struct {
	At time.Duration // virtual time since the start of the run, ≥ 0
	What
}

// What is an Event without its time, and opaque to the engine: A and B usually index
// what the event is about (a node and a core cluster, a request and an op), and Gen is
// the generation number that lets a handler recognise a stale event (see the package
// documentation).
type What struct {
	Kind Kind
	A, B int32
	Gen  uint32
}

// Handler receives the events of Run one by one, in order. It may schedule further
// events on the engine that calls it.
type Handler interface {
	Handle(ev Event)
}

// Forever is a horizon that no event lies beyond, for NextUntil and Run. Events may
// be scheduled up to one nanosecond before it, some 292 years after the start.
const Forever = time.Duration(math.MaxInt64)

// Engine is a virtual clock with its pending events. It must be made by New, belongs
// to one simulation and is not safe for concurrent use.
type Engine struct {
	now       time.Duration
	processed uint64
	queue     queue
}

// New returns an engine at time zero with no pending events.
func New() *Engine {
	e := new(Engine)
	e.queue.reset()
	return e
}

// Now returns the time of the last event delivered: zero before the first.
func (e *Engine) Now() time.Duration { return e.now }

// Len returns the number of pending events, stale ones included.
func (e *Engine) Len() int { return e.queue.size }

// Processed returns the number of events delivered since New or Reset.
func (e *Engine) Processed() uint64 { return e.processed }

// Schedule adds ev to the queue. Events are delivered in the order of ev.At, and
// those of one instant in the order in which they were scheduled. Scheduling for the
// present instant is allowed; scheduling into the past is a bug of the caller and
// panics, as does a time of Forever.
func (e *Engine) Schedule(ev Event) {
	if ev.At < e.now || ev.At == Forever {
		e.refuse(ev.Kind, ev.At)
	}
	if !e.queue.many {
		if e.queue.size < mostFew {
			e.queue.insert(uint64(ev.At), ev.What)
			return
		}
		e.queue.spill(uint64(e.now))
	}
	if uint64(ev.At) < e.queue.headAt {
		e.queue.headAt = 0
	}
	e.queue.size++
	e.queue.place(uint64(ev.At), ev.What)
}

// Due reports whether an event may be pending for the given time or before. If not, NextUntil finds none. Calling Due first is
// cheaper than NextUntil.
func (e *Engine) Due(at time.Duration) bool {
	return e.queue.many || e.queue.size > 0 && e.queue.few[uint(e.queue.size-1)%room].at <= uint64(at)
}

func (e *Engine) refuse(kind Kind, at time.Duration) {
	if at == Forever {
		panic("engine: event scheduled at Forever, the time that never comes")
	}
	panic(fmt.Sprintf("engine: event of kind %d scheduled at %v, in the past of %v", kind, at, e.now))
}

// Next removes the first event, moves the clock to it and returns it; ok is false
// when nothing is pending.
func (e *Engine) Next() (ev Event, ok bool) { return e.NextUntil(Forever) }

// NextUntil is Next for a run with a horizon: when the first event is later than the
// horizon it stays in the queue, the clock stays where it is, and ok is false.
func (e *Engine) NextUntil(horizon time.Duration) (ev Event, ok bool) {
	var at time.Duration
	var what What
	if e.queue.many {
		at, what, ok = e.queue.pop(horizon)
		if e.queue.size <= fewest {
			e.queue.gather()
		}
	} else {
		at, what, ok = e.queue.popFew(horizon)
	}
	if !ok {
		return Event{}, false
	}
	e.now = at
	e.processed++
	return Event{at, what}, true
}

// Run delivers every event up to and including the horizon to h, also those that h
// schedules meanwhile. Later events stay pending. A driver that may have to stop
// early loops over NextUntil itself.
func (e *Engine) Run(h Handler, horizon time.Duration) {
	for {
		ev, ok := e.NextUntil(horizon)
		if !ok {
			return
		}
		h.Handle(ev)
	}
}

// Reset returns the engine to its state after New, keeping the memory it has.
func (e *Engine) Reset() {
	e.queue.reset()
	e.now, e.processed = 0, 0
}
