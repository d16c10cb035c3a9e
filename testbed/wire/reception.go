package wire

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"time"
)

// maxHold is how far ahead a message of an emulated network may be due.
const maxHold = 10 * time.Minute

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
	if delay := s.t.options.Delay; delay != nil {
		end.arrive = now + max(0, delay(s.peer))
	}
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
