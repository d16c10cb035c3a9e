// Package engine is the event-driven core of the simulator: a virtual clock and a
// queue of future events with one total order. It knows nothing of boards,
// networks or plans.
package engine
