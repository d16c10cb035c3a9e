// Package emulate makes a testbed of emulated boards on one machine: it starts an agent for every board, which computes as slowly
// as the board would, behind the network that lies between the boards, and it takes all of that away again.
//
// Reading order:
//
//   - spec.go: Spec, a set of boards; specs/*.toml, those that come with the program. machine.go and place.go: whether this machine
//     can emulate a set faithfully, and on which of its cores.
//   - state.go: State, what is known of a testbed in its folder, noted before anything is made.
//   - up.go, down.go, status.go: the life of a testbed.
//   - process.go: processes by id, so that no other than the testbed's own is ever stopped; start.go and detach_linux.go: how they
//     are started.
//   - priority.go: raising the agents above whatever else the machine does.
//   - network.go: what a network of namespaces has to look like; namespaces_linux.go makes it.
//
// # Faithfulness
//
// An emulated cluster computes at the full speed of a core and holds the result until the slower cluster would have it
// (agent.Pace). So it needs a core for 1/slowdown of the time, and all clusters together need the sum of that. Place refuses sets
// that need more than nine tenths of the cores that are not left to the network. That the work is done in time on average does not
// mean that every op is: several clusters that begin at once share a core until the first is done. What that costs is in the lag
// that every run reports.
package emulate
