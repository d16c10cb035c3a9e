package wire

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"
)

// link is a peer that this transport sends to. It outlives its connections.
type link struct {
	t      *TCP
	peer   string
	window window
	ctx    context.Context // ends, with a *PeerError or ErrClosed, when the peer is given up
	end    context.CancelCauseFunc

	mu       sync.Mutex
	conn     *conn // nil while there is none
	changed  chan struct{}
	receiver uint64 // the peer's incarnation; 0 before the first connection
	next     uint64 // number of the next message
	floor    uint64 // all below are settled
	out      map[uint64]*outgoing
	credited uint64
	probe    uint64
	probes   map[uint64]*probe
}

// probe is a comparison of clocks under way.
type probe struct {
	sample Sample
	done   chan struct{}
}

// link returns the link to a peer, new if there is none.
func (t *TCP) link(peer string) (*link, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, ErrClosed
	}
	if err := t.lost[peer]; err != nil {
		return nil, err
	}
	if l := t.links[peer]; l != nil {
		return l, nil
	}
	if t.peers[peer] == "" {
		return nil, &PeerError{peer, "send", ErrUnknownPeer}
	}
	l := &link{t: t, peer: peer, window: window{free: t.options.Limits.Window}, changed: make(chan struct{}), out: map[uint64]*outgoing{}, probes: map[uint64]*probe{}}
	l.ctx, l.end = context.WithCancelCause(t.ctx)
	t.links[peer] = l
	t.running.Go(l.run)
	return l, nil
}

// Connect makes the connection to a peer, which the first Send would make otherwise.
func (t *TCP) Connect(ctx context.Context, peer string) error {
	l, err := t.link(peer)
	if err != nil {
		return err
	}
	_, err = l.current(ctx)
	return err
}

func (l *link) met() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.receiver != 0
}

func (l *link) present() *conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conn
}

// reason says why something on the link was given up.
func (l *link) reason(ctx context.Context) error {
	if l.ctx.Err() != nil {
		return context.Cause(l.ctx)
	}
	return ctx.Err()
}

// run connects, again and again, until the peer or the transport is given up.
func (l *link) run() {
	defer l.end(ErrClosed)
	deadline := time.Now().Add(l.t.options.Connect)
	wait := 10 * time.Millisecond
	for l.ctx.Err() == nil {
		c, err := l.dial()
		if err == nil {
			err = l.serve(c)
			deadline, wait = time.Now().Add(l.t.options.Resume), 10*time.Millisecond
		}
		switch {
		case l.ctx.Err() != nil:
		case final(err) || errors.Is(err, ErrPeerClosed):
			l.t.lose(l.peer, "connect", err)
		case time.Now().After(deadline):
			l.t.lose(l.peer, "connect", fmt.Errorf("%w: %w", ErrPeerLost, err))
		default:
			l.t.options.pause(l.ctx, wait)
			wait = min(2*wait, 100*time.Millisecond)
		}
	}
}

// resume settles what the welcome says has arrived and makes the connection the current one.
func (l *link) resume(c *conn, w *welcome) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.incarnation == 0 || l.receiver != 0 && w.incarnation != l.receiver {
		return ErrPeerRestarted
	}
	if l.receiver != 0 {
		l.t.stats.reconnects.Add(1)
	}
	l.receiver = w.incarnation
	if err := l.credit(w.taken); err != nil {
		return err
	}
	for _, n := range w.received {
		if o := l.out[n]; o != nil && o.ended != nil {
			l.settle(o)
		}
	}
	for _, o := range l.out {
		if o.ghost {
			l.settle(o)
			l.window.give(o.message.cost())
		}
	}
	l.conn = c
	l.change()
	return nil
}

func (l *link) change() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// settle marks a message as done with.
func (l *link) settle(o *outgoing) {
	delete(l.out, o.number)
	close(o.settled)
	for l.floor < l.next && l.out[l.floor] == nil {
		l.floor++
	}
	l.change()
}

// credit notes how much the peer has taken in all.
func (l *link) credit(taken uint64) error {
	more := taken - l.credited
	l.window.mu.Lock()
	free := l.window.free
	l.window.mu.Unlock()
	if taken < l.credited || more > uint64(l.t.options.Limits.Window-free) {
		return malformed("credit", taken, "between what was taken before and what was sent")
	}
	l.credited = taken
	l.window.give(int64(more))
	return nil
}

// serve keeps a connection alive and hears what the receiver says, until it breaks.
func (l *link) serve(c *conn) error {
	untrack, ok := l.t.track(c.Conn)
	if !ok {
		c.fail(ErrClosed)
		return ErrClosed
	}
	defer untrack()
	var pings sync.WaitGroup
	pings.Go(func() { l.keepAlive(c) })
	err := l.hear(c)
	c.fail(err)
	if !final(err) && !errors.Is(err, ErrPeerClosed) {
		err = c.err // it may have been broken off elsewhere, and there is the reason
	}
	pings.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conn = nil
	l.change()
	return err
}

// keepAlive sends something thrice per silence, and breaks the connection off when nothing moves on it.
func (l *link) keepAlive(c *conn) {
	ticker := time.NewTicker(c.silence / 3)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-c.broken:
			return
		case <-l.ctx.Done():
			select { // leave the connection for the goodbye
			case <-c.broken:
			case <-time.After(farewell):
				c.fail(context.Cause(l.ctx))
			}
			return
		}
		if c.silent() {
			c.fail(errSilent)
			return
		}
		c.tryWrite(frame{kind: framePing})
	}
}

// hear takes in frames from the receiver.
func (l *link) hear(c *conn) error {
	var body [maxFault]byte
	for {
		f, err := c.readFrame(l.t.options.Limits)
		if err != nil {
			return err
		}
		if f.length > maxFault {
			return malformed("frame from a receiver", f.kind, "of a receiver's types")
		}
		if err := c.read(body[:f.length]); err != nil {
			return err
		}
		if err := l.frame(c, f, body[:f.length]); err != nil {
			return err
		}
	}
}

func (l *link) frame(c *conn, f frame, body []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch f.kind {
	case frameAck:
		if o := l.out[f.number]; o != nil && o.ended == c {
			l.settle(o)
		}
		return nil
	case frameCredit:
		return l.credit(f.number)
	case framePong:
		if p := l.probes[f.number]; p != nil {
			delete(l.probes, f.number)
			p.sample.Returned = l.t.options.Clock.Now()
			p.sample.Arrived = time.Duration(binary.LittleEndian.Uint64(body))
			p.sample.Answered = time.Duration(binary.LittleEndian.Uint64(body[8:]))
			close(p.done)
		}
		return nil
	case frameFault:
		return fmt.Errorf("%w: %q", ErrRefused, body)
	case frameBye:
		return ErrPeerClosed
	}
	return malformed("frame from a receiver", f.kind, "of a receiver's types")
}
