// Package node is what a node does with a plan: which op may start, which waits, what is sent next, when its part is done. It is
// a state machine without clock, goroutine or I/O: inputs are method calls, outputs are Actions. The simulator drives one
// Machine per node with virtual time; an agent on a board drives one with a real clock, a real runtime and real sockets. Both
// share this logic and differ in durations only.
//
// Reading order:
//
//   - program.go: Compile turns a plan.Plan into a Program: per node the steps it performs and what each waits for.
//   - machine.go: Machine and its inputs: Receive, Explore, Admit, Join, OpDone, TensorArrived, NodeLost, Drop.
//   - dispatch.go: Next: the queueing discipline and the actions.
//   - phase.go: the leader and follower states a request passes through.
//
// # Queueing
//
// Every physical cluster has one queue, first come first served in the order in which ops become ready; of ops that become
// ready between two calls of Next the earlier request goes first, then the lower op. An op on a group of clusters enters the
// queues of all members at once and starts when it heads all of them and all are free; because it enters them at once, two
// groups cannot wait for each other.
//
// # Use
//
// A driver gives a machine all inputs of one instant and then asks for the actions:
//
//	h := m.Join(id, &prog.Parts[i])
//	m.TensorArrived(h, op)
//	actions = m.Next(actions[:0])
package node
