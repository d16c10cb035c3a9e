// Package host is the process of an agent: what `hidp agent` runs on a board. It serves the control protocol (package control), keeps
// the files that controllers send, and runs one session at a time on an agent.Runtime.
//
// Reading order:
//
//   - host.go: Options, Host, what it says of itself.
//   - serve.go: Listen and Serve: sockets, TLS, who may call, what happens to a panic.
//   - folder.go: Folder, the files by digest; space.go, what gives way when there is no room; put.go, how files come and go on after a
//     break.
//   - session.go: the life of a session and its commands. claim.go, who has the agent.
//   - open.go: Open: everything that the wire says is checked, all faults are told at once. load.go, models into the engine;
//     workers.go, what computes on each cluster; network.go, how tensors travel.
//   - schedule.go: requests that begin when they are due. finish.go, what is told of them, and the report.
//   - machine.go and machine_linux.go: what the system tells of the machine and this process.
//
// # Trust
//
// Whoever may call the agent may make it compute and fill its folder, but not read or write any other file. Over unix sockets that is
// who owns the socket; on loopback everybody on the machine unless there are certificates; elsewhere there must be certificates, and
// the caller's must be the one of the controller. What a controller sends is checked before memory or disk is taken for it,
// because programs have faults and versions differ.
//
// # How long a session lasts
//
// It ends with Close or Abort, with its stream, when the controller does not answer pings for some seconds, and with the agent. Then
// everything that it took is given back: threads, models, tensors, connections, its folder. A session that comes while another ends
// waits for that; while another goes on it is refused.
package host
