package wire

import (
	"context"
	"net"
)

// chunk is the payload of a data frame: small enough for other messages to slip in between, large enough for a system call not to
// matter.
const chunk = 256 << 10

// granule is what an emulated network must have granted before it is worth a system call, here and at the receiver.
const granule = 64 << 10

// outgoing is a message on its way. Ended and ghost are guarded by the link's mutex; the rest belongs to the sending goroutine.
type outgoing struct {
	message *Message
	number  uint64
	settled chan struct{} // closed when the receiver has it, or when nobody waits any more
	ended   *conn         // where its end frame was written last
	ghost   bool          // its sender has gone, but the receiver may have it

	conn   *conn // where it was opened last
	opened bool
	sent   int64 // bytes of the payload, on conn
	header []byte
}

// Send implements Transport.
func (t *TCP) Send(ctx context.Context, to string, m *Message) error {
	if err := m.check(t.options.Limits, int64(len(m.Payload))); err != nil {
		return err
	}
	l, err := t.link(to)
	if err != nil {
		return err
	}
	sent := t.options.Clock.Now()
	ctx, stop := joined(ctx, l.ctx)
	defer stop()
	if l.window.take(ctx, m.cost()) != nil {
		return l.reason(ctx)
	}
	o, err := l.register(ctx, m)
	if err != nil {
		l.window.give(m.cost())
		return err
	}
	if err := l.move(ctx, o, trailer{sent: sent}); err != nil {
		l.abandon(o)
		return err
	}
	return nil
}

// register gives a message its number.
func (l *link) register(ctx context.Context, m *Message) (*outgoing, error) {
	l.mu.Lock()
	for l.next-l.floor >= maxOutstanding {
		changed := l.changed
		l.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, l.reason(ctx)
		}
		l.mu.Lock()
	}
	defer l.mu.Unlock()
	o := &outgoing{message: m, number: l.next, settled: make(chan struct{})}
	l.out[o.number] = o
	l.next++
	return o, nil
}

// move sends a message until it is acknowledged, paced by the emulated network if there is one.
func (l *link) move(ctx context.Context, o *outgoing, end trailer) error {
	m, t := o.message, l.t
	size := int64(len(m.Payload))
	if t.options.Network != nil {
		arrive, err := t.options.Network.Carry(ctx, t.options.Name, l.peer, m.charge(), m.Ready, func(n int64) {
			if m.charge() != size {
				n = size
			}
			if n < size && n-o.sent < granule {
				return
			}
			if c := l.present(); c != nil { // without a connection it is sent when there is one
				l.push(ctx, c, o, n, nil)
			}
		})
		if err != nil {
			if ctx.Err() != nil {
				return l.reason(ctx)
			}
			return err
		}
		end.arrive = max(1, arrive)
	}
	if t.options.Checksum {
		end.sum, end.summed = checksum(m.Payload), true
	}
	for {
		c, err := l.current(ctx)
		if err != nil {
			return err
		}
		if o.isSettled() {
			return nil
		}
		if l.push(ctx, c, o, size, &end) != nil {
			continue // the connection is broken; wait for the next, or for ctx
		}
		select {
		case <-o.settled:
			return nil
		case <-c.broken:
		case <-ctx.Done():
			return l.reason(ctx)
		}
	}
}

func (o *outgoing) isSettled() bool {
	select {
	case <-o.settled:
		return true
	default:
		return false
	}
}

// current returns the connection, when there is one.
func (l *link) current(ctx context.Context) (*conn, error) {
	for {
		l.mu.Lock()
		c, changed := l.conn, l.changed
		l.mu.Unlock()
		if l.ctx.Err() != nil || ctx.Err() != nil {
			return nil, l.reason(ctx)
		}
		if c != nil {
			select {
			case <-c.broken:
			default:
				return c, nil
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
		case <-l.ctx.Done():
		}
	}
}

// push writes the payload up to the given size to a connection, and the trailer if there is one: from the start if it is another
// connection than the last time.
func (l *link) push(ctx context.Context, c *conn, o *outgoing, upTo int64, end *trailer) error {
	if o.conn != c {
		o.conn, o.opened, o.sent = c, false, 0
		l.mu.Lock()
		o.ended = nil // the welcome did not list it
		l.mu.Unlock()
	}
	for !o.opened || o.sent < upTo || end != nil {
		n := min(chunk, upTo-o.sent)
		last := end != nil && o.sent+n == int64(len(o.message.Payload))
		if err := c.write(ctx, func() net.Buffers { return l.frames(c, o, n, last, end) }); err != nil {
			return err
		}
		o.opened = true
		o.sent += n
		l.t.stats.sent.Add(n)
		if last {
			return nil
		}
	}
	return nil
}

// frames builds what goes out in one system call.
func (l *link) frames(c *conn, o *outgoing, n int64, last bool, end *trailer) net.Buffers {
	m, b := o.message, o.header[:0]
	l.mu.Lock()
	floor := l.floor
	if last {
		o.ended = c
	}
	l.mu.Unlock()
	if !o.opened {
		b = frame{frameOpen, uint32(headSize + 4*len(m.Shape) + len(m.Text)), o.number}.append(b)
		b = appendHead(b, floor, m)
	}
	if n > 0 {
		b = frame{frameData, uint32(n), o.number}.append(b)
	}
	split := len(b)
	if last {
		b = frame{frameEnd, trailerSize, o.number}.append(b)
		b = end.append(b)
	}
	o.header = b
	if n == 0 {
		return net.Buffers{b}
	}
	buffers := net.Buffers{b[:split:split], m.Payload[o.sent : o.sent+n]}
	if last {
		buffers = append(buffers, b[split:])
	}
	return buffers
}

// abandon forgets a message whose sender has gone.
func (l *link) abandon(o *outgoing) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case o.isSettled():
	case o.ended != nil && (l.conn == nil || l.conn == o.ended):
		o.ghost = true // an acknowledgement or the next welcome tells
	default:
		if o.opened && o.conn == l.conn {
			o.conn.queue(frame{kind: frameAbort, number: o.number}, nil)
		}
		l.settle(o) // if it ended on an earlier connection, the welcome of this one did not list it
		l.window.give(o.message.cost())
	}
}

// Probe implements Prober.
func (t *TCP) Probe(ctx context.Context, peer string) (Sample, error) {
	l, err := t.link(peer)
	if err != nil {
		return Sample{}, err
	}
	for {
		c, err := l.current(ctx)
		if err != nil {
			return Sample{}, err
		}
		if s, ok := l.compare(ctx, c); ok {
			return s, nil
		}
	}
}

// compare makes one exchange over a connection; it is not ok if that breaks or ctx ends.
func (l *link) compare(ctx context.Context, c *conn) (Sample, bool) {
	p := &probe{done: make(chan struct{})}
	l.mu.Lock()
	l.probe++ // 0 is for pings that nobody waits for
	number := l.probe
	l.probes[number] = p
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.probes, number)
	}()
	err := c.write(ctx, func() net.Buffers {
		b := frame{kind: framePing, number: number}.append(nil)
		p.sample.Sent = l.t.options.Clock.Now()
		return net.Buffers{b}
	})
	if err != nil {
		return Sample{}, false
	}
	select {
	case <-p.done:
		return p.sample, true
	case <-c.broken:
	case <-ctx.Done():
	case <-l.ctx.Done():
	}
	return Sample{}, false
}
