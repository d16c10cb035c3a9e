// Package sim runs plans in virtual time: a discrete-event simulation of a platform on which requests arrive, are planned by a
// strategy, and are executed by the nodes.
//
// Reading order:
//
//   - config.go: Config, what a run is made of; errors.go, how the modelled world can fail.
//   - node/: what a node does with a plan, a state machine shared with real agents.
//   - engine/, flow/: the event queue and the network's bandwidth sharing.
//   - simulation.go: the state of a run and its loop; request.go, compute.go, transfer.go: what the events do to it.
//   - planning.go, backlog.go: leaders ask the strategy; plans are cached and compiled (program.go).
//   - fleet.go, site.go: runs of many sites that share nodes and a backbone; a plain run is one site.
//   - memory.go, faults.go, random.go: memory in use; nodes lost, links cut; jitter.
//   - cache.go: plans and prices shared by runs; checkpoint.go, state.go, coder.go: a run written down, and resumed.
//   - result.go, summary.go, statistics.go: what comes out; tracing.go, how it is recorded.
//   - trace/: the records of a run, for checks and pictures; laws/: what must hold of every run.
//
// # Instants
//
// Everything that happens at one nanosecond is collected before any node decides what to do next, so the outcome of ties does
// not depend on the order of events in the queue. A run is a pure function of its Config: same values, same bytes out. It uses
// no wall clock, no goroutine and no global state, so any number of runs may go on in one process.
package sim
