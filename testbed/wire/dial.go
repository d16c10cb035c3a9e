package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"
)

// sendBuffer bounds what the kernel has accepted but not delivered: pings wait behind it, and messages cannot overtake it. It fills
// 1 Gbit/s over 4 ms.
const sendBuffer = 512 << 10

// dial makes a connection and takes up where the one before ended.
func (l *link) dial() (*conn, error) {
	ctx, cancel := context.WithTimeout(l.ctx, l.t.options.Handshake)
	defer cancel()
	l.t.mu.Lock()
	addr := l.t.peers[l.peer]
	l.t.mu.Unlock()
	raw, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	if tcp, ok := raw.(*net.TCPConn); ok {
		tcp.SetWriteBuffer(sendBuffer) // a wish; the transport works without
	}
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	c, w, err := l.introduce(ctx, raw)
	if err == nil && !stop() {
		err = ctx.Err()
	}
	if err == nil {
		err = l.resume(c, w)
	}
	if err != nil {
		raw.Close()
		return nil, err
	}
	return c, nil
}

// introduce exchanges the greetings.
func (l *link) introduce(ctx context.Context, c net.Conn) (*conn, *welcome, error) {
	if deadline, ok := ctx.Deadline(); ok {
		c.SetDeadline(deadline)
	}
	o := &l.t.options
	if o.TLS != nil {
		config := o.TLS.Clone()
		config.ServerName = l.peer
		secure := tls.Client(c, config)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, nil, refusedByTLS(err)
		}
		c = secure
	}
	h := hello{incarnation: l.t.incarnation, emulated: o.Network != nil, limits: o.Limits, name: o.Name, to: l.peer, session: o.Session, token: o.Token}
	l.mu.Lock()
	h.receiver, h.floor = l.receiver, l.floor
	l.mu.Unlock()
	if _, err := c.Write(preface(0, h.append(nil))); err != nil {
		return nil, nil, refusedByTLS(err)
	}
	code, body, err := readPreface(c, maxWelcome)
	if err != nil {
		return nil, nil, refusedByTLS(err)
	}
	w, err := answer(code, body)
	if err != nil {
		return nil, nil, err
	}
	c.SetDeadline(time.Time{})
	return newConn(c, o.Silence), w, nil
}

// refusedByTLS marks the failures of TLS that trying again does not mend.
func refusedByTLS(err error) error {
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert *net.OpError
	isAlert := errors.As(err, &alert) && (alert.Op == "remote error" || alert.Op == "local error") // crypto/tls has no type for them
	if isAlert || errors.As(err, &certificate) || errors.As(err, &record) {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return err
}
