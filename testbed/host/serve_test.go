package host

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"hidp/testbed/control"
	"hidp/testbed/inference"
	"hidp/testbed/wire"
)

// A socket is its owner's alone; one that a dead process has left is replaced, others are not touched.
func TestListen(t *testing.T) {
	path := filepath.Join(socketDir(t), "s")
	l, err := Listen("unix:" + path)
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	_, err = Listen("unix:" + path)
	require.ErrorContains(t, err, "listens another process")
	l.(*net.UnixListener).SetUnlinkOnClose(false) // as if killed
	require.NoError(t, l.Close())
	l, err = Listen("unix:" + path)
	require.NoError(t, err)
	require.NoError(t, l.Close())
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	_, err = Listen("unix:" + path)
	require.ErrorContains(t, err, "is no socket")
	_, err = Listen("unix:" + path + "/s")
	require.Error(t, err)
	_, err = Listen("nowhere")
	require.Error(t, err)
}

// Without certificates an agent does not listen beyond its machine, unless it is told to.
func TestServeNeedsCertificatesElsewhere(t *testing.T) {
	for _, allowed := range []bool{false, true} {
		h, err := New(Options{Dir: t.TempDir(), Engine: inference.Reference{}, Insecure: allowed})
		require.NoError(t, err)
		l, err := Listen("0.0.0.0:0")
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err = h.Serve(ctx, l)
		if allowed {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, "no certificates")
		}
		require.NoError(t, h.Close())
	}
}

// With certificates the caller must be the controller, with a certificate of the same authority; tensors travel under TLS too.
func TestTLS(t *testing.T) {
	s := newScene(t, 2, 1)
	dir, foreign := t.TempDir(), t.TempDir()
	for _, d := range []string{dir, foreign} {
		authority, err := wire.OpenAuthority(d)
		require.NoError(t, err)
		for _, name := range []string{Controller, "n0", "n1"} {
			require.NoError(t, authority.Issue(name))
		}
	}
	l := &lab{scene: s}
	for j := range s.platform.Nodes {
		name := s.platform.Nodes[j].Name
		h, err := New(Options{Dir: t.TempDir(), Engine: inference.Reference{}, Name: name, TLSDir: dir})
		require.NoError(t, err)
		listener, err := Listen("127.0.0.1:0")
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(context.Background())
		served := make(chan error, 1)
		go func() { served <- h.Serve(ctx, listener) }()
		t.Cleanup(func() {
			cancel()
			require.NoError(t, <-served)
			require.NoError(t, h.Close())
		})
		call := func(secure credentials.TransportCredentials) (*grpc.ClientConn, error) {
			conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(secure))
			require.NoError(t, err)
			t.Cleanup(func() { conn.Close() })
			_, err = control.NewAgentClient(conn).Describe(within(t), &control.DescribeRequest{})
			return conn, err
		}
		as := func(dir, who string) credentials.TransportCredentials {
			config, err := wire.LoadTLS(dir, who)
			require.NoError(t, err)
			config.ServerName = name
			return credentials.NewTLS(config)
		}
		anybody := credentials.NewTLS(&tls.Config{InsecureSkipVerify: true})
		for _, c := range []credentials.TransportCredentials{insecure.NewCredentials(), anybody, as(dir, "n0"), as(foreign, Controller)} {
			_, err := call(c)
			require.Equal(t, codes.Unavailable, status.Code(err), "%v", err)
		}
		conn, err := call(as(dir, Controller))
		require.NoError(t, err)
		l.boards = append(l.boards, &board{host: h, client: control.NewAgentClient(conn)})
	}
	l.connect(t, nil)
	for _, f := range l.run(t, 2) {
		require.Equal(t, s.want.Data, wire.BytesFloats(f.Output))
	}
	l.reports()
}

// frozen is a connection that can be frozen: nothing moves any more, but it stays.
type frozen struct {
	net.Conn
	ice    chan struct{} // closed to freeze
	closed chan struct{}
	once   sync.Once
}

func (c *frozen) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	select {
	case <-c.ice:
		<-c.closed
	default:
	}
	return n, err
}

func (c *frozen) Write(b []byte) (int, error) {
	select {
	case <-c.ice:
		return len(b), nil
	default:
		return c.Conn.Write(b)
	}
}

func (c *frozen) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// A controller that does not answer any more loses its session within seconds, though its connection stands.
func TestSilentController(t *testing.T) {
	t.Parallel()
	s := newScene(t, 1, 1)
	b := boot(t, Options{})
	opening := s.opening(t, 0, b)
	path := b.conn.Target()
	ice := make(chan struct{})
	conn, err := grpc.NewClient("passthrough:///x", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			c, err := new(net.Dialer).DialContext(ctx, "unix", path[len("unix:"):])
			return &frozen{Conn: c, ice: ice, closed: make(chan struct{})}, err
		}))
	require.NoError(t, err)
	defer conn.Close()
	c := dial(t, &board{client: control.NewAgentClient(conn)})
	c.open(opening)
	close(ice)
	before := time.Now()
	require.Eventually(t, func() bool { return b.host.held() == "" }, 10*time.Second, 10*time.Millisecond)
	t.Logf("ended %v after the controller fell silent", time.Since(before).Round(time.Millisecond))
	b.free(t)
}

// A panic of a call is its error, and the agent goes on.
func TestCallsSurvivePanics(t *testing.T) {
	h := &Host{log: logger{out: io.Discard}}
	_, err := h.guardUnary(t.Context(), nil, &grpc.UnaryServerInfo{FullMethod: "m"}, func(context.Context, any) (any, error) { panic("x") })
	require.Equal(t, codes.Internal, status.Code(err))
	err = h.guardStream(nil, nil, &grpc.StreamServerInfo{FullMethod: "m"}, func(any, grpc.ServerStream) error { panic("x") })
	require.Equal(t, codes.Internal, status.Code(err))
}
