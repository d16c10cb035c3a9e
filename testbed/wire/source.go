package wire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

// source is a peer that sends to this transport. It outlives its connections.
type source struct {
	t           *TCP
	peer        string
	incarnation uint64
	serving     chan struct{} // holds one token: the connection that has it is served
	credits     chan struct{} // taken has grown

	mu       sync.Mutex
	conn     *conn               // the latest
	floor    uint64              // messages below are settled
	received map[uint64]struct{} // messages from floor on that are here
	taken    uint64              // cost of the messages that were taken
	open     int64               // cost of those that are unfinished or not taken yet
	expiry   *time.Timer         // runs while there is no connection
	gone     error               // the peer was given up
}

func newSource(t *TCP, peer string, incarnation uint64) *source {
	s := &source{t: t, peer: peer, incarnation: incarnation, serving: make(chan struct{}, 1), credits: make(chan struct{}, 1), received: map[uint64]struct{}{}}
	s.serving <- struct{}{}
	return s
}

func (s *source) present() *conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn
}

// attach makes c the source's connection, when the one before is out of the way. The caller calls leave when it is done with c.
func (s *source) attach(ctx context.Context, c *conn, h *hello) (leave func(), w *welcome, ok bool) {
	s.mu.Lock()
	if s.conn != nil {
		s.conn.fail(errReplaced)
	}
	s.mu.Unlock()
	wait, cancel := context.WithTimeout(ctx, s.t.options.Handshake)
	defer cancel()
	select {
	case <-s.serving:
	case <-wait.Done():
		return nil, nil, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone != nil {
		s.serving <- struct{}{}
		return nil, nil, false
	}
	if s.expiry != nil {
		s.expiry.Stop()
	}
	s.conn = c
	s.settle(h.floor)
	w = &welcome{incarnation: s.t.incarnation, taken: s.taken}
	for n := range s.received {
		w.received = append(w.received, n)
	}
	slices.Sort(w.received)
	return func() { s.detach(c) }, w, true
}

var (
	errReplaced = errors.New("connection was made anew")
	errSilent   = errors.New("nothing was heard for too long")
)

// detach ends a connection and gives the peer time to make another.
func (s *source) detach(c *conn) {
	c.fail(net.ErrClosed)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn = nil
	if s.gone == nil {
		why := fmt.Errorf("%w: %w", ErrPeerLost, c.err)
		s.expiry = time.AfterFunc(s.t.options.Resume, func() { s.expire(why) })
	}
	s.serving <- struct{}{}
}

func (s *source) expire(why error) {
	s.mu.Lock()
	back := s.conn != nil || s.gone != nil
	s.mu.Unlock()
	if !back {
		s.t.lose(s.peer, "receive", why)
	}
}

// giveUp ends the source for good.
func (s *source) giveUp(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = why
	if s.expiry != nil {
		s.expiry.Stop()
	}
	if s.conn != nil {
		s.conn.fail(why)
	}
}

// settle forgets the messages below floor.
func (s *source) settle(floor uint64) {
	if floor <= s.floor {
		return
	}
	s.floor = floor
	for n := range s.received {
		if n < floor {
			delete(s.received, n)
		}
	}
}

// serve reads from a connection until it breaks.
func (s *source) serve(c *conn) {
	stop := make(chan struct{})
	var credits sync.WaitGroup
	credits.Go(func() { s.sendCredits(c, stop) })
	r := reception{source: s, conn: c, partial: map[uint64]*partial{}}
	err := r.run()
	r.drop()
	var bad *FrameError
	switch {
	case errors.Is(err, ErrPeerClosed):
		s.t.lose(s.peer, "receive", err)
	case errors.As(err, &bad):
		c.fault(err)
		s.t.lose(s.peer, "receive", err)
	}
	c.fail(err)
	close(stop)
	credits.Wait()
}

// sendCredits tells the sender what was taken.
func (s *source) sendCredits(c *conn, stop chan struct{}) {
	for {
		select {
		case <-s.credits:
		case <-stop:
			return
		}
		s.mu.Lock()
		taken := s.taken
		s.mu.Unlock()
		c.queue(frame{kind: frameCredit, number: taken}, nil)
		if c.write(context.Background(), nil) != nil {
			return
		}
	}
}

// take notes that a message of the given cost was taken.
func (s *source) take(cost int64) {
	s.mu.Lock()
	s.taken += uint64(cost)
	s.open -= cost
	s.mu.Unlock()
	select {
	case s.credits <- struct{}{}:
	default:
	}
}
