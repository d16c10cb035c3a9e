// Package engine is the event-driven core of the simulator: a virtual clock and a
// queue of future events. It knows nothing of boards, networks or plans. Read
// engine.go for what it does and queue.go for how.
//
// # Order
//
// Events are delivered in the order of (time, sequence of scheduling), whatever their
// kind. A run is therefore a function of its inputs alone.
//
// # Stale events
//
// An event cannot be taken back; it is made stale. What the event is about keeps a
// generation number, adds one whenever its plans change, and schedules with the new
// number; the handler drops an event whose Gen is not the present one:
//
//	op.gen++
//	e.Schedule(engine.Event{At: at, What: engine.What{Kind: opDone, A: op.id, Gen: op.gen}})
//	...
//	if ev.Gen != ops[ev.A].gen { continue }
//
// # The queue, and what was rejected
//
// Up to 48 events are a sorted list (few.go). More are a radix heap (Ahuja, Mehlhorn,
// Orlin and Tarjan, "Faster algorithms for the shortest path problem", JACM 37(2),
// 1990) with digits of six bits, of which a slot is opened only when it holds more
// than eight events. Both are first in, first out among ties by construction and need
// no sequence numbers. An event moves at most eleven times in the heap whatever the
// distribution of the times.
//
// BenchmarkHold, ns per event, best of six or more runs on one shared 2-core x86-64 machine:
//
//	pending, increments              16 exp.  1k exp.  100k exp.  100k tied  100k bimodal
//	this queue                           20       39         60         35            59
//	before events were in registers      25       46         69         40            70
//	the radix heap alone                 40       49         75         44            75
//	4-ary heap, branchless (time,seq)    42       66        217         98           228
//	radix, 4 bits, a list of events      55       66        192         44           136
//	radix, 4 bits, no search in slots    63       85        107         51            99
//
// All rows but the first were measured when an Event was one struct of five fields, which Go
// copies through memory at every call. Events packed into two words cost 7 ns more everywhere.
// Chunks of four events cost a quarter more at 100k pending, digits of four bits a
// tenth more at 1k. Not measured again but known from prototypes on another machine,
// where the 4-ary heap took 50 and 111 ns at 1k and 100k pending: a ladder queue took
// 22 and 75 but is intricate; a calendar queue 32 and 69, but 1304 at 1k when the
// increments are tied, as periodic arrivals are; container/heap with boxed events 182
// and 313, with closures 215 and 614.
package engine
