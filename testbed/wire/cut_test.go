package wire_test

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hidp/testbed/wire"
)

// proxy stands between a dialer and a listener and can cut what passes.
type proxy struct {
	listener net.Listener
	target   string
	running  sync.WaitGroup

	mu     sync.Mutex
	down   bool          // refuse new connections
	frozen chan struct{} // not nil: let nothing pass until it is closed
	budget int           // bytes that may still pass towards the target before the connections are cut; -1 for any number
	conns  map[net.Conn]struct{}
}

func newProxy(t interface {
	require.TestingT
	Cleanup(func())
}, target string) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{listener: l, target: target, budget: -1, conns: map[net.Conn]struct{}{}}
	p.running.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

func (p *proxy) close() {
	p.listener.Close()
	p.thaw()
	p.cut(true)
	p.running.Wait()
}

func (p *proxy) accept() {
	for {
		from, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		target := p.target
		p.mu.Unlock()
		to, err := net.Dial("tcp", target)
		p.mu.Lock()
		if p.down || err != nil {
			from.Close()
			if err == nil {
				to.Close()
			}
			p.mu.Unlock()
			continue
		}
		p.conns[from], p.conns[to] = struct{}{}, struct{}{}
		p.running.Go(func() { p.pass(from, to, true) })
		p.running.Go(func() { p.pass(to, from, false) })
		p.mu.Unlock()
	}
}

func (p *proxy) pass(from, to net.Conn, counted bool) {
	defer from.Close()
	defer to.Close()
	b := make([]byte, 8192)
	for {
		n, err := from.Read(b)
		p.mu.Lock()
		frozen, cut := p.frozen, false
		if counted && p.budget >= 0 {
			if cut = n >= p.budget; cut {
				n, p.budget = p.budget, -1
			} else {
				p.budget -= n
			}
		}
		p.mu.Unlock()
		if frozen != nil {
			<-frozen
		}
		if n > 0 {
			to.Write(b[:n])
		}
		if cut || err != nil {
			if err == io.EOF && !cut {
				to.(*net.TCPConn).CloseWrite()
				io.Copy(from, to)
			}
			return
		}
	}
}

// cut breaks all connections, and refuses new ones if down.
func (p *proxy) cut(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = down
	for c := range p.conns {
		c.(*net.TCPConn).SetLinger(0)
		c.Close()
	}
	clear(p.conns)
}

func (p *proxy) restore() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = false
}

func (p *proxy) cutAfter(bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.budget = bytes
}

func (p *proxy) freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.frozen = make(chan struct{})
}

func (p *proxy) thaw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.frozen != nil {
		close(p.frozen)
		p.frozen = nil
	}
}

// behindProxy returns two transports of which a reaches b through a proxy.
func behindProxy(t *testing.T, change func(o *wire.Options)) (a, b *wire.TCP, p *proxy) {
	o := impatient("a")
	o.Resume, o.Connect = 3*time.Second, 3*time.Second
	change(&o)
	a = listen(t, o)
	o.Name = "b"
	b = listen(t, o)
	p = newProxy(t, b.Addr().String())
	require.NoError(t, a.AddPeer("b", p.listener.Addr().String()))
	require.NoError(t, b.AddPeer("a", a.Addr().String()))
	return a, b, p
}

// stream sends n messages from each of three goroutines and checks that each arrives once, whatever disturb does meanwhile.
func stream(t require.TestingT, a, b *wire.TCP, n, size int, disturb func()) {
	errs := make(chan error, 3*n)
	for g := range 3 {
		go func() {
			for i := range n {
				m := piece(g*n+i, 1+(i*7919)%size)
				m.Request = uint64(g)
				errs <- a.Send(testContext, "b", m)
			}
		}()
	}
	disturbed := make(chan struct{})
	go func() {
		defer close(disturbed)
		disturb()
	}()
	next := map[uint64]int32{}
	for range 3 * n {
		d := <-b.Receive()
		require.NoError(t, d.Lost)
		g := d.Message.Request
		require.Equal(t, int32(int(g)*n)+next[g], d.Message.Op, "every sender's messages come once and in order")
		next[g]++
		require.Equal(t, piece(int(d.Message.Op), len(d.Message.Payload)).Payload, d.Message.Payload)
		d.Release()
	}
	for range 3 * n {
		require.NoError(t, <-errs)
	}
	<-disturbed
}

func TestLinkCutForTwoSecondsIsSurvived(t *testing.T) {
	a, b, p := behindProxy(t, func(*wire.Options) {})
	stream(t, a, b, 40, 200_000, func() {
		time.Sleep(20 * time.Millisecond)
		p.cut(true)
		time.Sleep(2 * time.Second)
		p.restore()
	})
	require.Positive(t, a.Stats().Reconnects)
}

func TestFrozenLinkIsSurvived(t *testing.T) {
	a, b, p := behindProxy(t, func(o *wire.Options) { o.Silence = 300 * time.Millisecond })
	stream(t, a, b, 40, 200_000, func() {
		time.Sleep(20 * time.Millisecond)
		p.freeze()
		time.Sleep(time.Second)
		p.thaw()
	})
	require.Positive(t, a.Stats().Reconnects)
}

func TestCutsAnywhereLoseAndDoubleNothing(t *testing.T) {
	a, b, p := behindProxy(t, func(*wire.Options) {})
	rapid.Check(t, func(r *rapid.T) {
		p.cutAfter(rapid.IntRange(0, 300_000).Draw(r, "bytes until cut"))
		stream(r, a, b, 3, 60_000, func() {})
	})
	require.Positive(t, a.Stats().Reconnects)
}

func TestCancelledDuringCutLeavesTheWindowWhole(t *testing.T) {
	a, b, p := behindProxy(t, func(*wire.Options) {})
	whole := smallLimits().Window
	for i := range 30 {
		p.cutAfter(i * 20_000)
		ctx, cancel := contextFor(time.Duration(i) * time.Millisecond)
		a.Send(ctx, "b", piece(i, int(whole/2)))
		cancel()
	}
	done := make(chan error, 1)
	go func() { done <- a.Send(testContext, "b", piece(99, int(whole))) }()
	for take(t, b).Message.Op != 99 {
	}
	require.NoError(t, <-done)
}

func TestLinkThatStaysCutNamesThePeer(t *testing.T) {
	a, b, p := behindProxy(t, func(o *wire.Options) { o.Resume = 300 * time.Millisecond })
	require.NoError(t, a.Send(testContext, "b", piece(1, 10)))
	require.EqualValues(t, 1, take(t, b).Message.Op)
	p.cut(true)
	err := a.Send(testContext, "b", piece(2, 10))
	require.ErrorIs(t, err, wire.ErrPeerLost)
	require.ErrorContains(t, err, "b")
	require.ErrorIs(t, take(t, a).Lost, wire.ErrPeerLost)
	require.ErrorIs(t, take(t, b).Lost, wire.ErrPeerLost)
	p.restore()
	require.ErrorIs(t, a.Send(testContext, "b", piece(3, 10)), wire.ErrPeerLost, "lost is lost")
}

func TestRestartedPeerIsNotTakenForTheOldOne(t *testing.T) {
	o := impatient("b")
	o.Resume = 3 * time.Second
	b := listen(t, o)
	o.Name = "a"
	a := listen(t, o)
	p := newProxy(t, b.Addr().String())
	require.NoError(t, a.AddPeer("b", p.listener.Addr().String()))
	require.NoError(t, a.Send(testContext, "b", piece(1, 10)))
	p.cut(true)
	b.Crash()
	o.Name = "b"
	again := listen(t, o)
	p.mu.Lock()
	p.target = again.Addr().String()
	p.mu.Unlock()
	p.restore()
	require.ErrorIs(t, take(t, a).Lost, wire.ErrPeerRestarted)
	require.NoError(t, again.AddPeer("a", a.Addr().String()))
	require.NoError(t, again.Send(testContext, "a", piece(2, 10)), "the new one may send")
	require.EqualValues(t, 2, take(t, a).Message.Op)
	require.NoError(t, a.Send(testContext, "b", piece(3, 10)), "and is sent to, once it has come")
	require.EqualValues(t, 3, take(t, again).Message.Op)
}
