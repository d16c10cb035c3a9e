package wire

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// maxGreeting is how many connections may be between accept and welcome, so that strangers cannot pile up.
const maxGreeting = 32

// farewell is how long Close waits for peers to hear that the session is over.
const farewell = 200 * time.Millisecond

// TCP is a Transport and a Prober between processes. One connection per direction and pair of agents is made when it is first
// needed, and made again when it breaks.
type TCP struct {
	options     Options
	incarnation uint64
	listener    net.Listener
	in          *inbox
	buffers     buffers
	greeting    chan struct{}
	ctx         context.Context
	end         context.CancelCauseFunc

	mu      sync.Mutex
	closed  bool
	peers   map[string]string // addresses
	links   map[string]*link
	sources map[string]*source
	lost    map[string]error
	conns   map[net.Conn]struct{}
	running sync.WaitGroup

	stats struct{ sent, received, messages, reconnects, lag atomic.Int64 }
}

// Stats are what a transport has done so far.
type Stats struct {
	Sent, Received int64         // bytes of payload, with what was sent again after a break
	Messages       int64         // received
	Reconnects     int64         // connections to peers that were made again
	MaxLag         time.Duration // emulated network or delay: the largest Lag of a delivery
}

// Listen returns a transport that peers reach at addr (host:port; port 0 for any free one).
func Listen(addr string, o Options) (*TCP, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	if err := o.checkAddress(addr); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("wire: %w", err)
	}
	t := &TCP{options: o, incarnation: rand.Uint64() | 1, listener: l, in: newInbox(), greeting: make(chan struct{}, maxGreeting),
		peers: map[string]string{}, links: map[string]*link{}, sources: map[string]*source{}, lost: map[string]error{}, conns: map[net.Conn]struct{}{}}
	t.buffers.pool.Most = int(o.Limits.Window) // peers decide on sizes
	t.ctx, t.end = context.WithCancelCause(context.Background())
	t.spawn(t.accept)
	return t, nil
}

// Addr returns the address that the transport listens at.
func (t *TCP) Addr() net.Addr { return t.listener.Addr() }

// Receive implements Transport.
func (t *TCP) Receive() <-chan Delivery { return t.in.out }

// Stats returns what the transport has done so far.
func (t *TCP) Stats() Stats {
	s := &t.stats
	return Stats{s.sent.Load(), s.received.Load(), s.messages.Load(), s.reconnects.Load(), time.Duration(s.lag.Load())}
}

// AddPeer says where a peer listens. The address of a peer that is connected already counts from the next connection on.
func (t *TCP) AddPeer(name, addr string) error {
	if err := checkName(name); err != nil {
		return err
	}
	if name == t.options.Name {
		return malformed("peer's name", name, "another than the own")
	}
	if err := t.options.checkAddress(addr); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.peers[name] = addr
	return nil
}

// spawn runs f in a goroutine that Close waits for; it reports false after Close.
func (t *TCP) spawn(f func()) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.running.Go(f)
	return true
}

func (t *TCP) accept() {
	for {
		c, err := t.listener.Accept()
		if t.ctx.Err() != nil {
			if err == nil {
				c.Close()
			}
			return
		}
		if err != nil { // out of file descriptors, as a rule
			t.options.pause(t.ctx, 50*time.Millisecond)
			continue
		}
		select {
		case t.greeting <- struct{}{}:
			if !t.spawn(func() { t.greet(c) }) {
				c.Close()
			}
		default:
			c.Close()
		}
	}
}

// pause waits in real time, whatever the clock of the deliveries is.
func (o *Options) pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// track notes a connection for Close, until the function that it returns is called; it reports false after Close.
func (t *TCP) track(c net.Conn) (func(), bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, false
	}
	t.conns[c] = struct{}{}
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.conns, c)
	}, true
}

// source returns the state of the sender of a hello, or why there can be none.
func (t *TCP) source(h *hello) (*source, status, string) {
	if h.receiver != 0 && h.receiver != t.incarnation {
		return nil, restarted, ""
	}
	t.mu.Lock()
	s := t.sources[h.name]
	t.mu.Unlock()
	if s != nil && s.incarnation != h.incarnation {
		t.lose(h.name, "receive", ErrPeerRestarted)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if s = t.sources[h.name]; s != nil {
		return s, welcomed, ""
	}
	switch {
	case h.receiver != 0:
		return nil, refused, "this agent has given the connection up"
	case len(t.sources) >= t.options.Limits.Peers:
		return nil, refused, fmt.Sprintf("too many peers, the limit is %d", t.options.Limits.Peers)
	}
	s = newSource(t, h.name, h.incarnation)
	t.sources[h.name] = s
	delete(t.lost, h.name)
	return s, welcomed, ""
}

// lose gives a peer up in both directions and reports it, once.
func (t *TCP) lose(peer, doing string, why error) {
	t.mu.Lock()
	l, s := t.links[peer], t.sources[peer]
	if l == nil && s == nil || t.ctx.Err() != nil {
		t.mu.Unlock()
		return
	}
	err := &PeerError{peer, doing, why}
	delete(t.links, peer)
	delete(t.sources, peer)
	met := s != nil || l.met()
	if met {
		t.lost[peer] = err
	}
	t.mu.Unlock()
	if l != nil {
		l.end(err)
	}
	if s != nil {
		s.giveUp(err)
	}
	if met {
		t.in.put(Delivery{From: peer, Arrived: t.options.Clock.Now(), Lost: err})
	}
}

// Close implements Transport.
func (t *TCP) Close() error {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		t.running.Wait()
		return nil
	}
	t.closed = true
	var open []*conn
	for _, l := range t.links {
		open = append(open, l.present())
	}
	for _, s := range t.sources {
		open = append(open, s.present())
	}
	t.mu.Unlock()
	t.end(ErrClosed)
	var byes sync.WaitGroup
	for _, c := range open {
		if c != nil {
			byes.Go(c.bye)
		}
	}
	byes.Wait()
	t.abandon()
	return nil
}

// abandon closes what is open and waits until nothing runs any more.
func (t *TCP) abandon() {
	t.end(ErrClosed)
	t.mu.Lock()
	t.closed = true
	for c := range t.conns {
		c.Close()
	}
	for _, s := range t.sources {
		s.giveUp(ErrClosed)
	}
	t.mu.Unlock()
	t.listener.Close()
	t.running.Wait()
	t.in.close()
}

var _ interface {
	Transport
	Prober
} = (*TCP)(nil)
