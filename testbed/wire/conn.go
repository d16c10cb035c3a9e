package wire

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// conn is one TCP connection after its greetings.
type conn struct {
	net.Conn
	under    net.Conn // without TLS, whose Close may wait for the network
	in       *bufio.Reader
	raw      syscall.RawConn // nil if readers are woken by every segment
	low      int             // the low-water mark now
	silence  time.Duration
	patience time.Duration // longest time for a write; 0 if keepAlive watches over it
	alive    atomic.Int64  // wall time at which something last moved, in ns

	writing chan struct{} // holds one token: whoever has it may write
	once    sync.Once
	broken  chan struct{} // closed by fail
	err     error         // why; read after broken

	mu    sync.Mutex
	extra []byte // frames to be written before the next ones
}

// lowest and highest are the low-water marks that are worth a system call, and that a receive buffer can be trusted to hold.
const lowest, highest = 16 << 10, 256 << 10

func newConn(c net.Conn, silence time.Duration) *conn {
	x := &conn{Conn: c, under: c, in: bufio.NewReaderSize(c, 4096), raw: rawConn(c), low: 1, silence: silence,
		writing: make(chan struct{}, 1), broken: make(chan struct{})}
	if secure, ok := c.(*tls.Conn); ok {
		x.under = secure.NetConn()
	}
	x.writing <- struct{}{}
	x.moved()
	return x
}

func (c *conn) moved() { c.alive.Store(time.Now().UnixNano()) }

// silent reports whether nothing has moved for too long.
func (c *conn) silent() bool { return time.Now().UnixNano()-c.alive.Load() > int64(c.silence) }

// fail breaks the connection off, for the first reason given.
func (c *conn) fail(err error) {
	c.once.Do(func() {
		c.err = err
		close(c.broken)
		c.under.Close()
	})
}

// failLater is fail after a failed write: what the other side said before may still be read, for a moment.
func (c *conn) failLater(err error) {
	c.once.Do(func() {
		c.err = err
		close(c.broken)
		time.AfterFunc(lastWords, func() { c.under.Close() })
	})
}

// lastWords is how long a connection that cannot be written to is still read from.
const lastWords = 50 * time.Millisecond

// readFrame reads the next header.
func (c *conn) readFrame(l Limits) (frame, error) {
	var b [frameSize]byte
	if err := c.read(b[:]); err != nil {
		return frame{}, err
	}
	return parseFrame(b[:], l)
}

// read fills b. While much is missing the kernel is asked to wake the reader for much only: that is most of a receiver's work on a
// slow link.
func (c *conn) read(b []byte) error {
	for len(b) > 0 {
		mark := 1
		if missing := len(b) - c.in.Buffered(); missing >= lowest {
			mark = min(missing, highest)
		}
		if c.raw != nil && mark != c.low && c.in.Buffered() < len(b) {
			if !lowWater(c.raw, mark) {
				c.raw = nil
			}
			c.low = mark
		}
		if c.in.Buffered() == 0 {
			c.SetReadDeadline(time.Now().Add(c.silence))
		}
		n, err := c.in.Read(b)
		if n > 0 {
			c.moved()
		}
		if b = b[n:]; isTimeout(err) && !c.silent() {
			continue // the other side has nothing to say while it takes what is written
		}
		if err != nil {
			if errors.Is(err, io.EOF) && len(b) > 0 {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return nil
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// queue adds a frame that goes before the next ones written.
func (c *conn) queue(f frame, body []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.extra = append(f.append(c.extra), body...)
}

// tryWrite writes a frame unless somebody else is writing, which serves as well.
func (c *conn) tryWrite(f frame) {
	select {
	case <-c.writing:
		c.writing <- struct{}{}
		c.queue(f, nil)
		c.write(context.Background(), nil)
	default:
	}
}

// fault tells the other side why the connection is broken off, if that can be done at once.
func (c *conn) fault(why error) {
	text := why.Error()
	text = text[:min(len(text), maxFault)]
	c.queue(frame{kind: frameFault, length: uint32(len(text))}, []byte(text))
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	c.write(ctx, nil)
}

// bye tells the other side that the session is over and waits a little for it to hang up: to close at once could destroy what it
// has not read.
func (c *conn) bye() {
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	c.queue(frame{kind: frameBye}, nil)
	if c.write(ctx, nil) != nil {
		return
	}
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
	select {
	case <-c.broken:
	case <-ctx.Done():
	}
}

// write sends buffers, without copying them. If it fails, also because ctx ended in the middle, the connection is broken.
func (c *conn) write(ctx context.Context, prepare func() net.Buffers) error {
	select {
	case <-c.writing:
	case <-c.broken:
		return c.err
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { c.writing <- struct{}{} }()
	var buffers net.Buffers
	if prepare != nil {
		buffers = prepare()
	}
	c.mu.Lock()
	if len(c.extra) > 0 {
		buffers = append(net.Buffers{c.extra}, buffers...)
		c.extra = nil
	}
	c.mu.Unlock()
	if len(buffers) == 0 {
		return nil
	}
	if c.patience > 0 {
		c.SetWriteDeadline(time.Now().Add(c.patience))
	}
	cancelled := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		c.SetWriteDeadline(time.Unix(1, 0))
		close(cancelled)
	})
	n, err := buffers.WriteTo(c.Conn)
	if !stop() {
		<-cancelled
		c.SetWriteDeadline(time.Time{})
	}
	switch {
	case err != nil && ctx.Err() != nil:
		c.fail(err)
	case err != nil:
		c.failLater(err)
	case n > int64(lowest): // a dead link takes pings for long, but not payloads
		c.moved()
	}
	return err
}
