package host

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"hidp/testbed/control"
	"hidp/testbed/inference"
)

// board is a host in this process with a client.
type board struct {
	host   *Host
	client control.AgentClient
	conn   *grpc.ClientConn
	stop   func()
}

// boot starts a host on a unix socket. It ends with the test, or with stop.
func boot(t testing.TB, o Options) *board {
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	if o.Engine == nil {
		o.Engine = inference.Reference{}
	}
	h, err := New(o)
	require.NoError(t, err)
	path := filepath.Join(socketDir(t), "agent.sock")
	l, err := Listen("unix:" + path)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- h.Serve(ctx, l) }()
	b := &board{host: h}
	b.conn, err = grpc.NewClient("unix:"+path, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(control.MaxMessage), grpc.MaxCallSendMsgSize(control.MaxMessage)))
	require.NoError(t, err)
	b.client = control.NewAgentClient(b.conn)
	stopped := false
	b.stop = func() {
		if stopped {
			return
		}
		stopped = true
		require.NoError(t, b.conn.Close())
		cancel()
		require.NoError(t, <-served)
		require.NoError(t, h.Close())
	}
	t.Cleanup(b.stop)
	return b
}

// socketDir returns a folder whose path is short enough for sockets.
func socketDir(t testing.TB) string {
	dir, err := os.MkdirTemp("", "hidp")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// put sends a file in chunks of the given size, from what is there on.
func put(t testing.TB, c control.AgentClient, data []byte, size int) (*control.File, error) {
	sum := sha256.Sum256(data)
	file := &control.File{Digest: sum[:], Size: int64(len(data))}
	held, err := c.Holds(within(t), &control.HoldsRequest{Files: []*control.File{file}})
	require.NoError(t, err)
	return file, putFrom(t, c, file, data, int(held.Bytes[0]), size)
}

func putFrom(t testing.TB, c control.AgentClient, file *control.File, data []byte, at, size int) error {
	stream, err := c.Put(within(t))
	require.NoError(t, err)
	for first := true; first || at < len(data); first = false {
		chunk := &control.Chunk{Offset: int64(at), Data: data[at:min(at+size, len(data))]}
		if first {
			chunk.File = file
		}
		if stream.Send(chunk) != nil {
			break
		}
		at += len(chunk.Data)
	}
	reply, err := stream.CloseAndRecv()
	if err == nil {
		require.Equal(t, file.Size, reply.Bytes)
	}
	return err
}

// call is a client's end of a session.
type call struct {
	t      testing.TB
	stream grpc.BidiStreamingClient[control.Command, control.Event]
	number uint64
	notes  []*control.Event // that answered nothing, in order
	cancel context.CancelFunc
}

func dial(t testing.TB, b *board) *call {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	stream, err := b.client.Session(ctx)
	require.NoError(t, err)
	return &call{t: t, stream: stream, cancel: cancel}
}

// send sends a command.
func (c *call) send(what *control.Command) {
	c.number++
	what.Number = c.number
	require.NoError(c.t, c.stream.Send(what))
}

// ask sends a command and returns its answer.
func (c *call) ask(what *control.Command) *control.Event {
	c.send(what)
	for {
		e, err := c.stream.Recv()
		require.NoError(c.t, err)
		if e.Number == c.number {
			return e
		}
		require.Zero(c.t, e.Number)
		c.notes = append(c.notes, e)
	}
}

// note returns the next event that answers nothing.
func (c *call) note() *control.Event {
	if len(c.notes) > 0 {
		e := c.notes[0]
		c.notes = c.notes[1:]
		return e
	}
	e, err := c.stream.Recv()
	require.NoError(c.t, err)
	require.Zero(c.t, e.Number)
	return e
}

func (c *call) open(o *control.Open) *control.Opened {
	e := c.ask(&control.Command{What: &control.Command_Open{Open: o}})
	require.Nil(c.t, e.GetRefused(), "%v", e.GetRefused())
	return e.GetOpened()
}

// close ends the session and returns the report.
func (c *call) close() *control.Measured {
	e := c.ask(&control.Command{What: &control.Command_Close{Close: &control.Close{}}})
	for a := (control.Assembly{}); ; {
		require.NotNil(c.t, e.GetReport(), "%v", e)
		m, err := a.Add(e.GetReport())
		require.NoError(c.t, err)
		if m != nil {
			_, err = c.stream.Recv()
			require.Error(c.t, err)
			return m
		}
		e, err = c.stream.Recv()
		require.NoError(c.t, err)
	}
}

// lab is a scene with a board and an open session for every node, all connected.
type lab struct {
	*scene
	boards []*board
	calls  []*call
}

// newLab opens sessions; change, if not nil, has the last word on each Open.
func newLab(t testing.TB, s *scene, change func(j int, o *control.Open)) *lab {
	l := &lab{scene: s}
	for j := range s.platform.Nodes {
		l.boards = append(l.boards, boot(t, Options{Version: fmt.Sprint("v", j)}))
	}
	l.connect(t, change)
	return l
}

func (l *lab) connect(t testing.TB, change func(j int, o *control.Open)) {
	l.calls = nil
	addresses := map[string]string{}
	for j, b := range l.boards {
		o := l.opening(t, j, b)
		if change != nil {
			change(j, o)
		}
		c := dial(t, b)
		addresses[o.Node] = c.open(o).Address
		l.calls = append(l.calls, c)
	}
	for j, c := range l.calls {
		peers := map[string]string{}
		for name, addr := range addresses {
			if name != l.platform.Nodes[j].Name {
				peers[name] = addr
			}
		}
		e := c.ask(&control.Command{What: &control.Command_Connect{Connect: &control.Connect{Peers: peers}}})
		require.NotNil(t, e.GetConnected(), "%v", e)
	}
}
