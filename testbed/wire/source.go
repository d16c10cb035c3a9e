package wire

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

// maxHold is how far ahead a message of an emulated network may be due.
const maxHold = 10 * time.Minute

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

// partial is a message that has come in part.
type partial struct {
	head    head
	payload []byte
	release func()
	have    int64
}

// reception is what one connection has brought so far.
type reception struct {
	source  *source
	conn    *conn
	partial map[uint64]*partial
	body    []byte
}

// run takes in frames until the connection breaks or brings something that must not be, a *FrameError.
func (r *reception) run() error {
	for {
		f, err := r.conn.readFrame(r.source.t.options.Limits)
		if err == nil {
			err = r.frame(f)
		}
		if err != nil {
			return err
		}
	}
}

func (r *reception) frame(f frame) error {
	arrived := r.source.t.options.Clock.Now()
	if f.kind == frameData {
		return r.data(f)
	}
	r.body = slices.Grow(r.body[:0], int(f.length))[:f.length]
	if err := r.conn.read(r.body); err != nil {
		return err
	}
	switch f.kind {
	case frameOpen:
		return r.open(f.number)
	case frameEnd:
		return r.finish(f.number)
	case frameAbort:
		r.forget(f.number)
		return nil
	case framePing:
		now := binary.LittleEndian.AppendUint64(nil, uint64(arrived))
		now = binary.LittleEndian.AppendUint64(now, uint64(r.source.t.options.Clock.Now()))
		r.conn.queue(frame{framePong, pongSize, f.number}, now)
		return r.conn.write(context.Background(), nil)
	case frameBye:
		return ErrPeerClosed
	}
	return malformed("frame from a sender", f.kind, "of a sender's types")
}

func (r *reception) open(number uint64) error {
	h, err := parseHead(r.body, r.source.t.options.Limits)
	if err != nil {
		return err
	}
	s, size := r.source, cost(h.payload, len(h.message.Text))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle(h.floor)
	if number < s.floor || number-s.floor >= maxOutstanding {
		return malformed("number of a message", number, "at least %d and at most %d more", s.floor, maxOutstanding-1)
	}
	if _, here := s.received[number]; here || r.partial[number] != nil {
		return malformed("number of a message", number, "new")
	}
	if s.open+size > s.t.options.Limits.Window {
		return malformed("window", fmt.Sprintf("exceeded by %d bytes", s.open+size-s.t.options.Limits.Window), "respected")
	}
	s.open += size
	p := &partial{head: h}
	p.payload, p.release = s.t.buffers.get(h.payload)
	r.partial[number] = p
	return nil
}

func (r *reception) data(f frame) error {
	p := r.partial[f.number]
	if p == nil {
		return malformed("number of a data frame", f.number, "that of an open message")
	}
	if int64(f.length) > p.head.payload-p.have {
		return malformed("data frame", fmt.Sprintf("%d bytes", f.length), "at most the %d that are missing", p.head.payload-p.have)
	}
	if err := r.conn.read(p.payload[p.have : p.have+int64(f.length)]); err != nil {
		return err
	}
	p.have += int64(f.length)
	r.source.t.stats.received.Add(int64(f.length))
	return nil
}

// finish hands a message over and acknowledges it.
func (r *reception) finish(number uint64) error {
	p := r.partial[number]
	if p == nil {
		return malformed("number of an end frame", number, "that of an open message")
	}
	if p.have != p.head.payload {
		return malformed("end of a message", fmt.Sprintf("%d bytes early", p.head.payload-p.have), "after its payload")
	}
	end, err := parseTrailer(r.body)
	if err != nil {
		return err
	}
	if end.summed && checksum(p.payload) != end.sum {
		return malformed("checksum", fmt.Sprintf("%08x", end.sum), "%08x", checksum(p.payload))
	}
	s := r.source
	now := s.t.options.Clock.Now()
	if s.t.options.Network == nil && end.arrive != 0 || end.arrive > now+maxHold {
		return malformed("time of arrival", end.arrive, "within %v of now on an emulated network", maxHold)
	}
	s.mu.Lock()
	s.received[number] = struct{}{}
	delete(r.partial, number)
	s.mu.Unlock()
	d := Delivery{From: s.peer, Message: p.head.message, Sent: end.sent, Arrived: now, release: p.release}
	d.Message.Payload = p.payload
	size := cost(p.head.payload, len(p.head.message.Text))
	d.taken = func() { s.take(size) }
	s.t.stats.messages.Add(1)
	if end.arrive != 0 {
		d.Arrived = end.arrive
		s.t.hold(d)
	} else {
		s.t.in.put(d)
	}
	r.conn.queue(frame{kind: frameAck, number: number}, nil)
	return r.conn.write(context.Background(), nil)
}

// hold delivers when the time has come.
func (t *TCP) hold(d Delivery) {
	deliver := func() {
		d.Lag = max(0, t.options.Clock.Now()-d.Arrived)
		for old := t.stats.lag.Load(); int64(d.Lag) > old && !t.stats.lag.CompareAndSwap(old, int64(d.Lag)); old = t.stats.lag.Load() {
		}
		t.in.put(d)
	}
	if t.options.Clock.Now() >= d.Arrived {
		deliver()
		return
	}
	t.spawn(func() {
		if t.options.Clock.Sleep(t.ctx, d.Arrived) == nil {
			deliver()
		}
	})
}

func (r *reception) forget(number uint64) {
	p := r.partial[number]
	if p == nil {
		return
	}
	delete(r.partial, number)
	r.source.mu.Lock()
	r.source.open -= cost(p.head.payload, len(p.head.message.Text))
	r.source.mu.Unlock()
	if p.release != nil {
		p.release()
	}
}

// drop forgets what is unfinished.
func (r *reception) drop() {
	for number := range r.partial {
		r.forget(number)
	}
}
