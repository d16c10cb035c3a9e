package wire

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Transport sends messages to the other agents of a session and receives theirs. Its methods may be called at the same time.
type Transport interface {
	// Send moves a message to the agent called to and returns when that agent's memory holds it; see the package's contract. The
	// error is a *FrameError if the message is not valid, ctx's error if it ended before, ErrClosed after Close, else a *PeerError.
	Send(ctx context.Context, to string, m *Message) error

	// Receive returns the channel of what arrives, the same at every call. It is closed by Close.
	Receive() <-chan Delivery

	// Close tells the peers, drops what has not been taken from the channel, and returns when nothing of the transport runs any more.
	// Sends that wait return ErrClosed. Further calls do nothing.
	Close() error
}

// Delivery is something that arrived: a message, or the news that a peer is gone.
type Delivery struct {
	From    string
	Message Message
	Sent    time.Duration // when the sender began, on the sender's clock
	Arrived time.Duration // when it was due here, on an emulated network or with a delay; else when the last byte was read
	Lag     time.Duration // emulated network or delay: how much later than Arrived the transport had it ready

	// Lost is not nil if From is gone and no Message came: a *PeerError around ErrPeerClosed, ErrPeerLost or ErrPeerRestarted. It is
	// reported once per peer that has sent or connected, and the peer's unfinished messages are dropped.
	Lost error

	taken   func() // called once the receiver has it
	release func() // gives the payload's memory back
}

// Release lets the transport use the payload's memory again; the caller must not touch the payload afterwards. Without it the
// garbage collector takes the memory.
func (d *Delivery) Release() {
	if d.release != nil {
		d.release()
		d.release, d.Message.Payload = nil, nil
	}
}

// Prober is a transport that can compare clocks with a peer; both transports can.
type Prober interface {
	// Probe exchanges one small message with a peer, past all queues of tensors that it can pass.
	Probe(ctx context.Context, peer string) (Sample, error)
}

// The reasons for which a peer is not, or no longer, reached.
var (
	ErrClosed        = errors.New("transport is closed")
	ErrUnknownPeer   = errors.New("no peer of this name")
	ErrPeerClosed    = errors.New("peer has ended the session")
	ErrPeerLost      = errors.New("peer does not answer")
	ErrPeerRestarted = errors.New("peer was started anew and has forgotten this session")
	ErrRefused       = errors.New("peer refuses the connection")
	ErrVersion       = errors.New("peer speaks another version of the protocol")
)

// PeerError names the peer with which something went wrong.
type PeerError struct {
	Peer  string
	Doing string // "send", "connect", "receive", …
	Err   error
}

// Error implements error.
func (e *PeerError) Error() string { return fmt.Sprintf("wire: %s: %s: %v", e.Peer, e.Doing, e.Err) }

// Unwrap returns the reason.
func (e *PeerError) Unwrap() error { return e.Err }
