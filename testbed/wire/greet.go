package wire

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"
)

// greet takes in a connection and serves it if its hello is accepted.
func (t *TCP) greet(raw net.Conn) {
	greeting := true
	done := func() {
		if greeting {
			greeting = false
			<-t.greeting
		}
	}
	defer done()
	defer raw.Close()
	untrack, ok := t.track(raw)
	if !ok {
		return
	}
	defer untrack()
	raw.SetDeadline(time.Now().Add(t.options.Handshake))
	c, h, err := t.hear(raw)
	if err != nil {
		switch {
		case errors.Is(err, ErrVersion):
			c.Write(preface(otherVersion, nil))
		case errors.Is(err, ErrRefused):
			c.Write(preface(refused, []byte(err.Error())))
		}
		return
	}
	if why := t.admit(h); why != "" {
		c.Write(preface(refused, []byte(why)))
		return
	}
	s, code, why := t.source(h)
	if s == nil {
		c.Write(preface(code, []byte(why)))
		return
	}
	x := newConn(c, t.options.Silence)
	x.patience = t.options.Silence
	leave, w, ok := s.attach(t.ctx, x, h)
	if !ok {
		return
	}
	defer leave()
	if _, err := c.Write(preface(welcomed, w.append(nil))); err != nil {
		return
	}
	c.SetDeadline(time.Time{})
	done()
	s.serve(x)
}

// hear reads the hello of a connection, through TLS if that is asked for, and checks that its name is the certificate's.
func (t *TCP) hear(c net.Conn) (net.Conn, *hello, error) {
	var state *tls.ConnectionState
	if t.options.TLS != nil {
		secure := tls.Server(c, t.options.TLS)
		if err := secure.HandshakeContext(t.ctx); err != nil {
			return c, nil, err
		}
		s := secure.ConnectionState()
		c, state = secure, &s
	}
	_, body, err := readPreface(c, maxHello)
	if err != nil {
		return c, nil, err
	}
	h, err := parseHello(body)
	if err != nil {
		return c, nil, err
	}
	if state != nil {
		if len(state.PeerCertificates) == 0 {
			return c, nil, ErrRefused
		}
		if state.PeerCertificates[0].VerifyHostname(h.name) != nil {
			return c, nil, fmt.Errorf("%w: certificate is not of %s", ErrRefused, h.name)
		}
	}
	return c, h, nil
}
