package wire

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// Hub joins transports within one process. Made and used inside a testing/synctest bubble, with a clock from NewTimers, everything
// happens at exact fake times.
type Hub struct {
	clock   Clock
	network Network
	limits  Limits

	mu    sync.Mutex
	pipes map[string]*Pipe
}

// NewHub returns a hub without members. A nil network carries everything in no time.
func NewHub(clock Clock, network Network, limits Limits) (*Hub, error) {
	if err := limits.Validate(); err != nil {
		return nil, err
	}
	return &Hub{clock: clock, network: network, limits: limits, pipes: map[string]*Pipe{}}, nil
}

// Pipe is a Transport and a Prober of a Hub.
type Pipe struct {
	hub     *Hub
	name    string
	in      *inbox
	buffers buffers
	ctx     context.Context // ends when the pipe does
	end     context.CancelCauseFunc
	holding sync.WaitGroup // messages to this member that are still under way

	mu      sync.Mutex
	left    bool
	windows map[string]*window // to each peer
}

// Join adds a member. Its name must be free: a member that was closed or killed keeps its own.
func (h *Hub) Join(name string) (*Pipe, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.pipes[name] != nil {
		return nil, fmt.Errorf("wire: hub has a member %q already", name)
	}
	p := &Pipe{hub: h, name: name, in: newInbox(), windows: map[string]*window{}}
	p.ctx, p.end = context.WithCancelCause(context.Background())
	h.pipes[name] = p
	return p, nil
}

// checkName returns a *FrameError if a node cannot have this name: letters, digits and - . _ are what certificates, files and
// command lines all take.
func checkName(name string) error {
	if len(name) < 1 || len(name) > maxName {
		return malformed("length of a node's name", len(name), "between 1 and %d", maxName)
	}
	for _, c := range []byte(name) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && c != '-' && c != '.' && c != '_' {
			return malformed("node's name", fmt.Sprintf("%q", name), "of letters, digits and - . _")
		}
	}
	return nil
}

// Send implements Transport.
func (p *Pipe) Send(ctx context.Context, to string, m *Message) error {
	if err := m.check(p.hub.limits, int64(len(m.Payload))); err != nil {
		return err
	}
	if p.ctx.Err() != nil {
		return ErrClosed
	}
	peer, err := p.peer(to)
	if err != nil {
		return err
	}
	sent := p.hub.clock.Now()
	ctx, stop := joined(ctx, p.ctx, peer.ctx)
	defer stop()
	size := m.cost()
	w := p.window(to)
	if err := w.take(ctx, size); err != nil {
		return p.reason(ctx, peer)
	}
	arrive := sent
	if p.hub.network != nil {
		if arrive, err = p.hub.network.Carry(ctx, p.name, to, m.charge(), m.Ready, nil); err != nil {
			w.give(size)
			if ctx.Err() != nil {
				return p.reason(ctx, peer)
			}
			return err
		}
	}
	d := peer.copied(m)
	d.From, d.Sent, d.Arrived = p.name, sent, arrive
	d.taken = func() { w.give(size) }
	p.hold(peer, d)
	return nil
}

// joined returns a context that ends with any of the given ones, with its cause.
func joined(ctx context.Context, others ...context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	var stops []func() bool
	for _, o := range others {
		stops = append(stops, context.AfterFunc(o, func() { cancel(context.Cause(o)) }))
	}
	return ctx, func() {
		for _, s := range stops {
			s()
		}
		cancel(nil)
	}
}

// reason says why a send was given up: its own context, its own transport, or the peer.
func (p *Pipe) reason(ctx context.Context, peer *Pipe) error {
	switch {
	case p.ctx.Err() != nil:
		return ErrClosed
	case peer.ctx.Err() != nil:
		return &PeerError{peer.name, "send", context.Cause(peer.ctx)}
	}
	return ctx.Err()
}

func (p *Pipe) peer(name string) (*Pipe, error) {
	p.hub.mu.Lock()
	defer p.hub.mu.Unlock()
	peer := p.hub.pipes[name]
	if peer == nil || peer == p {
		return nil, &PeerError{name, "send", ErrUnknownPeer}
	}
	if peer.ctx.Err() != nil {
		return nil, &PeerError{name, "send", context.Cause(peer.ctx)}
	}
	return peer, nil
}

func (p *Pipe) window(to string) *window {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.windows[to] == nil {
		p.windows[to] = &window{free: p.hub.limits.Window}
	}
	return p.windows[to]
}

// copied returns a delivery of a message that shares no memory with it.
func (p *Pipe) copied(m *Message) Delivery {
	d := Delivery{Message: *m}
	d.Message.Shape = slices.Clone(m.Shape)
	d.Message.Charge, d.Message.Ready = 0, 0
	d.Message.Payload, d.release = p.buffers.get(int64(len(m.Payload)))
	copy(d.Message.Payload, m.Payload)
	return d
}

// hold delivers when the time has come.
func (p *Pipe) hold(peer *Pipe, d Delivery) {
	if d.Arrived <= p.hub.clock.Now() {
		peer.in.put(d)
		return
	}
	peer.mu.Lock()
	defer peer.mu.Unlock()
	if peer.left {
		return
	}
	peer.holding.Go(func() {
		if p.hub.clock.Sleep(peer.ctx, d.Arrived) == nil {
			d.Lag = p.hub.clock.Now() - d.Arrived
			peer.in.put(d)
		}
	})
}

// Receive implements Transport.
func (p *Pipe) Receive() <-chan Delivery { return p.in.out }

// Probe implements Prober: all members of a hub have one clock.
func (p *Pipe) Probe(ctx context.Context, peer string) (Sample, error) {
	if p.ctx.Err() != nil {
		return Sample{}, ErrClosed
	}
	if _, err := p.peer(peer); err != nil {
		return Sample{}, err
	}
	now := p.hub.clock.Now()
	return Sample{now, now, now, now}, ctx.Err()
}

// Close implements Transport.
func (p *Pipe) Close() error {
	p.leave(ErrPeerClosed)
	return nil
}

// Kill ends a member as a crash would: to the others it is lost.
func (h *Hub) Kill(name string) {
	h.mu.Lock()
	p := h.pipes[name]
	h.mu.Unlock()
	if p != nil {
		p.leave(ErrPeerLost)
	}
}

func (p *Pipe) leave(why error) {
	p.hub.mu.Lock()
	first := p.ctx.Err() == nil
	p.end(why)
	var others []*Pipe
	for _, o := range p.hub.pipes {
		if o != p && o.ctx.Err() == nil {
			others = append(others, o)
		}
	}
	p.hub.mu.Unlock()
	if first {
		for _, o := range others {
			o.in.put(Delivery{From: p.name, Arrived: p.hub.clock.Now(), Lost: &PeerError{p.name, "receive", why}})
		}
	}
	p.mu.Lock()
	p.left = true
	p.mu.Unlock()
	p.holding.Wait()
	p.in.close()
}

var _ interface {
	Transport
	Prober
} = (*Pipe)(nil)
