package wire_test

import (
	"context"
	"crypto/tls"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/testbed/wire"
)

// member is what every transport must be.
type member interface {
	wire.Transport
	wire.Prober
}

// world makes transports that know each other. kill ends one as a crash would.
type world struct {
	join func(t *testing.T, name string) member
	kill func(name string)
}

// implementations lists every transport; each must pass the whole suite.
var implementations = []struct {
	name string
	make func(t *testing.T, limits wire.Limits) world
}{
	{"pipes", pipes},
	{"tcp", func(t *testing.T, l wire.Limits) world { return tcp(t, l, nil) }},
	{"tcp+tls", func(t *testing.T, l wire.Limits) world { return tcp(t, l, certified(t, "a", "b", "c")) }},
}

// certified returns the TLS of nodes under one new authority.
func certified(t *testing.T, names ...string) func(name string) *tls.Config {
	dir := t.TempDir()
	authority, err := wire.OpenAuthority(dir)
	require.NoError(t, err)
	for _, n := range names {
		require.NoError(t, authority.Issue(n))
	}
	return func(name string) *tls.Config {
		c, err := wire.LoadTLS(dir, name)
		require.NoError(t, err)
		return c
	}
}

// impatient returns options with short times.
func impatient(name string) wire.Options {
	o := wire.DefaultOptions(name)
	o.Limits, o.Resume, o.Connect = smallLimits(), 300*time.Millisecond, 300*time.Millisecond
	o.Session, o.Token = "test", "secret"
	return o
}

func listen(t *testing.T, o wire.Options) *wire.TCP {
	m, err := wire.Listen("127.0.0.1:0", o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

func tcp(t *testing.T, limits wire.Limits, secure func(string) *tls.Config) world {
	all := map[string]*wire.TCP{}
	return world{kill: func(name string) { all[name].Crash() }, join: func(t *testing.T, name string) member {
		o := impatient(name)
		o.Limits, o.Checksum = limits, true
		if secure != nil {
			o.TLS = secure(name)
		}
		m := listen(t, o)
		for other, peer := range all {
			require.NoError(t, peer.AddPeer(name, m.Addr().String()))
			require.NoError(t, m.AddPeer(other, peer.Addr().String()))
		}
		all[name] = m
		return m
	}}
}

func pipes(t *testing.T, limits wire.Limits) world {
	hub, err := wire.NewHub(wire.NewTimers(), nil, limits)
	require.NoError(t, err)
	return world{kill: hub.Kill, join: func(t *testing.T, name string) member {
		p, err := hub.Join(name)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, p.Close()) })
		return p
	}}
}

func smallLimits() wire.Limits {
	l := wire.DefaultLimits()
	l.Payload, l.Window = 1<<20, 1<<20
	return l
}

// each runs a test against every implementation, with members a, b and c.
func each(t *testing.T, test func(t *testing.T, w world, m map[string]member)) {
	for _, i := range implementations {
		t.Run(i.name, func(t *testing.T) {
			w := i.make(t, smallLimits())
			m := map[string]member{}
			for _, name := range []string{"a", "b", "c"} {
				m[name] = w.join(t, name)
			}
			test(t, w, m)
		})
	}
}

func piece(op, size int) *wire.Message {
	m := &wire.Message{Kind: wire.Tensor, Request: 7, Op: int32(op), Layer: 3, DType: wire.Uint8, Shape: []int{1, size},
		Region: wire.Region{Rows: wire.Span{Lo: 1, Hi: 9}}, Payload: make([]byte, size)}
	for i := range m.Payload {
		m.Payload[i] = byte(i*7 + op)
	}
	return m
}

// testContext is for sends that must end by themselves.
var testContext = context.Background()

func contextFor(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(testContext, d)
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func take(t *testing.T, m member) wire.Delivery {
	select {
	case d, ok := <-m.Receive():
		require.True(t, ok, "the channel is closed")
		return d
	case <-time.After(20 * time.Second):
		require.Fail(t, "nothing arrives")
		panic("unreachable")
	}
}
