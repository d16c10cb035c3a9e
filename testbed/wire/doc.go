// Package wire moves tensors between agents: straight from one to another, never through a coordinator. It has two transports
// with one contract, TCP between processes or boards and pipes within a process, so that what agents do with a plan can be
// tested under a fake clock.
//
// Reading order:
//
//   - message.go: Message, a piece of a tensor or a note, and what makes one valid.
//   - transport.go: Transport and Delivery, the contract; the errors.
//   - clock.go: Clock, the time that deliveries are held until.
//   - network.go: Network, how long a message is under way. Nil is the real network, to which Delays may add; Fluid shares links as
//     the simulator does, to the nanosecond; Paced shares them chunk by chunk between processes of one machine.
//   - pipe.go: Hub, transports in memory.
//   - frame.go, handshake.go: the protocol of TCP, byte by byte.
//   - tcp.go: TCP; greet.go takes connections in, source.go and reception.go receive over them; link.go, dial.go and send.go send.
//   - paced.go, paced_unix.go: link shaping in real time. tls.go: certificates. offset.go: comparing clocks.
//
// # Contract
//
// Send returns when the receiver's memory holds the message, or with an error that names the peer. A message is delivered once or
// not at all, also when the connection breaks and is made again in between. Messages that one caller sends after each other arrive
// in that order, unless an emulated network delays them differently; concurrent ones share the connection. The payload is the
// caller's again when Send returns.
//
// # Broken connections
//
// Every message has a number and is acknowledged. When a connection breaks, or nothing comes over it for Options.Silence, the sender
// dials again for Options.Resume; the greeting says what has arrived, and the rest is sent once more. After that the peer is lost, for
// both sides and for good: Send fails and a Delivery says so. It may come back as a new transport, which begins anew.
//
// # Emulated links
//
// The bytes go over loopback as fast as the emulated network grants them; the end of a message carries the time at which it is due,
// and the receiver holds it until then. So agents need one clock: those of an emulated testbed run on one machine, where
// CLOCK_MONOTONIC is the same for all (not across time namespaces).
//
// # Backlog
//
// A receiver that does not read holds up its senders, and nobody else, once a window of bytes waits for it.
package wire
