// Package flow is a flow-level model of a network: which rate does every transfer
// get while several of them share links, and when does each end. It holds no clock
// and no events; the caller passes the time in and asks for the next completion.
//
// # Model
//
// A resource is something with a capacity in bytes per second: one direction of a
// link, a switch fabric, the airtime of a radio channel. A flow moves a number of
// bytes over a path of resources all at once, and each of its bytes uses Weight
// bytes of every resource on the path. A full-duplex link is two resources. A
// shared half-duplex medium is one resource that all its flows cross; a frame that
// travels from station to station through an access point crosses it twice, with
// weight 2.
//
// The rates are max-min fair: no flow can get more without taking from one that has
// no more than it. They are found by progressive filling (Bertsekas and Gallager,
// Data Networks, 2nd ed., §6.5.2): the rates of all flows grow together; where a
// resource is full its flows stay as they are, and so does a flow at its limit. All
// flows through one saturated resource get the same rate whatever their weight,
// which on a radio channel is what the equal transmission opportunities of IEEE 802.11
// DCF give to stations with frames of one size (Heusse et al., "Performance anomaly
// of 802.11b", INFOCOM 2003).
//
// Rates hold exactly between two changes (a flow starts or ends, a capacity is set).
// Left out are the transients of TCP and the cost of a message; the caller adds the
// latter before the flow starts.
//
// # Cost
//
// A change recomputes the rates of the flows that are connected with it through
// shared resources and of no others. Three cases, from cheap to dear:
//
//   - All flows of a resource cross it alone, as on a radio channel: a start or an end
//     costs O(log flows), for what every flow has been served is one number (pool.go).
//   - All flows of a component take the same path, as when one is alone: O(path +
//     flows) (shareRoute). Paths are the same when they are the same slice.
//   - Else filling takes O(bottlenecks × resources + hops) in the component.
//   - Resources that many components would share but that are seldom full, such as a
//     backbone, are left out as long as the rates fit into them, if the caller says which
//     they may be (Relax, slack.go). Where one is full, filling takes in all that it
//     connects.
//
// Several changes at one instant are computed together, when the first question is
// asked. Nothing is allocated per flow once the network has seen its largest number of
// them.
//
// # Use
//
//	id := net.Start(now, flow.Transfer{Bytes: 600_000, Path: route})
//	at, id, ok := net.NextCompletion() // after every change: schedule one event for it
//	net.Finish(at, id)                 // when that event comes
//
// A change may move the next completion and so make the scheduled event stale. When
// an event comes, finish every flow that NextCompletion reports for this very
// instant: for a stale event there is none. A driver that keeps the time of the next
// completion itself, as package sim does, ends all flows of an instant by FinishNext.
// Snapshot and Restore write a network down and bring it back to the last bit.
package flow
