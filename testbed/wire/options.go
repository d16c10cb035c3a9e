package wire

import (
	"crypto/tls"
	"fmt"
	"net"
	"time"
)

// Options say how a TCP transport behaves. DefaultOptions fills all but what is the agent's own.
type Options struct {
	Name    string // the agent's node
	Session string // what the transport is for; only agents of one session talk
	Token   string // shared secret of the session; it protects nothing from those who can read the network, TLS does

	TLS      *tls.Config // from LoadTLS; nil for none, which is accepted on loopback addresses only
	Insecure bool        // go without TLS also elsewhere

	Clock   Clock   // stamps deliveries; with a Network it must agree with the peers' clocks
	Network Network // emulated; nil for the real one. All agents of a session have one or none has
	// Delay is how much later than it came a message from a peer is delivered, which adds to what the real network takes; nil for not.
	// It is not for use with a Network.
	Delay    func(from string) time.Duration
	Limits   Limits // the same for all agents of a session
	Checksum bool   // send a CRC-32C with every payload

	Handshake time.Duration // longest time for a connection to be made, TLS and greetings included
	Connect   time.Duration // how long to try to reach a peer for the first time
	Resume    time.Duration // how long to try again after a connection broke, before the peer is lost
	Silence   time.Duration // a connection on which nothing came for so long is broken
}

// DefaultOptions returns options for an agent of the given name. A crashed peer is lost after Resume, one whose machine is gone after
// Silence + Resume, within 5 s; a link that is cut for 2 s is survived.
func DefaultOptions(name string) Options {
	return Options{Name: name, Clock: Monotonic(), Limits: DefaultLimits(),
		Handshake: 2 * time.Second, Connect: 5 * time.Second, Resume: 3 * time.Second, Silence: 1500 * time.Millisecond}
}

func (o *Options) validate() error {
	if err := checkName(o.Name); err != nil {
		return err
	}
	if len(o.Session) > maxSecret || len(o.Token) > maxSecret {
		return fmt.Errorf("wire: session and token may have %d bytes each", maxSecret)
	}
	if o.Clock == nil {
		return fmt.Errorf("wire: there is no clock")
	}
	if o.Delay != nil && o.Network != nil {
		return fmt.Errorf("wire: a delay beside an emulated network, which has its own")
	}
	for name, d := range map[string]time.Duration{"Handshake": o.Handshake, "Connect": o.Connect, "Resume": o.Resume, "Silence": o.Silence} {
		if d <= 0 {
			return fmt.Errorf("wire: %s is %v; it must be positive", name, d)
		}
	}
	return o.Limits.Validate()
}

// checkAddress refuses to go beyond this machine without TLS.
func (o *Options) checkAddress(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("wire: address %q: %w", addr, err)
	}
	if o.TLS != nil || o.Insecure || host == "localhost" {
		return nil
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("wire: address %q is not this machine's own and there is no TLS: name the folder of certificates (--tls), or allow it (--insecure)", addr)
	}
	return nil
}
