package controller

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"hidp/devices"
	"hidp/testbed/agent"
	"hidp/testbed/control"
	"hidp/testbed/wire"
)

// fake is an agent that does nothing, or what a test wants of it.
type fake struct {
	control.UnimplementedAgentServer
	node   string
	about  *control.Description
	server *grpc.Server
	ahead  time.Duration // of its clock
	mute   atomic.Bool   // it answers no Clock
	busy   string        // it refuses sessions

	put    func(received int64) error // asked after each chunk
	answer func(c *control.Command, reply func(*control.Event)) bool

	mu    sync.Mutex
	blobs map[string][]byte
	puts  int
	got   []*control.Command
}

func newFake(node string) *fake {
	return &fake{node: node, blobs: map[string][]byte{}, about: &control.Description{Protocol: control.Protocol, Name: node, Boot: node,
		Memory: 1 << 40, Free: 1 << 40, Engine: "none", Providers: []string{"cpu"}}}
}

func (f *fake) Describe(context.Context, *control.DescribeRequest) (*control.Description, error) {
	return f.about, nil
}

func (f *fake) Clock(ctx context.Context, _ *control.ClockRequest) (*control.ClockReply, error) {
	if f.mute.Load() {
		<-ctx.Done()
	}
	now := int64(wire.Monotonic().Now() + f.ahead)
	return &control.ClockReply{Arrived: now, Answered: now}, nil
}

func (f *fake) Holds(_ context.Context, r *control.HoldsRequest) (*control.HoldsReply, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := &control.HoldsReply{}
	for _, file := range r.Files {
		out.Bytes = append(out.Bytes, int64(len(f.blobs[string(file.Digest)])))
	}
	return out, nil
}

func (f *fake) Put(s control.Agent_PutServer) error {
	var file *control.File
	f.mu.Lock()
	f.puts++
	f.mu.Unlock()
	for {
		c, err := s.Recv()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if c.File != nil {
			file = c.File
		}
		f.mu.Lock()
		have := f.blobs[string(file.Digest)]
		if c.Offset > int64(len(have)) {
			f.mu.Unlock()
			return status.Error(codes.InvalidArgument, "gap")
		}
		f.blobs[string(file.Digest)] = append(have[:c.Offset:c.Offset], c.Data...)
		n := int64(len(f.blobs[string(file.Digest)]))
		f.mu.Unlock()
		if f.put != nil {
			if err := f.put(n); err != nil {
				return err
			}
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	whole := f.blobs[string(file.Digest)]
	if sum := sha256.Sum256(whole); int64(len(whole)) != file.Size || !bytes.Equal(sum[:], file.Digest) {
		delete(f.blobs, string(file.Digest))
		return status.Error(codes.DataLoss, "not what was promised")
	}
	return s.SendAndClose(&control.PutReply{Bytes: file.Size})
}

func (f *fake) Session(s control.Agent_SessionServer) error {
	if f.busy != "" {
		return status.Error(codes.ResourceExhausted, f.busy)
	}
	var mu sync.Mutex
	passes := map[[2]int32]int{} // by plan and op
	reply := func(e *control.Event) {
		mu.Lock()
		defer mu.Unlock()
		_ = s.Send(e)
	}
	for {
		c, err := s.Recv()
		if err != nil {
			return err
		}
		f.mu.Lock()
		f.got = append(f.got, c)
		f.mu.Unlock()
		if f.answer != nil && f.answer(c, reply) {
			continue
		}
		e := &control.Event{Number: c.Number}
		switch w := c.What.(type) {
		case *control.Command_Open:
			e.What = &control.Event_Opened{Opened: &control.Opened{Address: "127.0.0.1:1", Memory: 1}}
		case *control.Command_Connect:
			e.What = &control.Event_Connected{Connected: &control.Connected{}}
		case *control.Command_Profile:
			op := [2]int32{w.Profile.Plan, w.Profile.Op}
			takes := []int64{1e12, 3e6, 1e6, 2e6, int64(w.Profile.Op+1) * 1e9}
			e.What = &control.Event_Profiled{Profiled: &control.Profiled{Work: takes[passes[op]%len(takes)]}}
			passes[op]++
		case *control.Command_Schedule:
			zero := w.Schedule.Zero
			if zero == 0 {
				zero = int64(wire.Monotonic().Now() + f.ahead)
			}
			e.What = &control.Event_Scheduled{Scheduled: &control.Scheduled{Zero: zero}}
			reply(e)
			for _, due := range w.Schedule.Requests {
				reply(&control.Event{What: &control.Event_Finished{Finished: &control.Finished{Request: due.Request, At: zero + due.At + 5e6}}})
			}
			continue
		case *control.Command_Close:
			m := &control.Measured{Report: &agent.Report{Node: f.node}}
			pieces, err := m.Pieces()
			if err != nil {
				return err
			}
			for _, piece := range pieces {
				reply(&control.Event{Number: c.Number, What: &control.Event_Report{Report: piece}})
			}
			return nil
		case *control.Command_Abort:
			return nil
		default:
			continue
		}
		reply(e)
	}
}

// commands returns what the fake was told in sessions.
func (f *fake) commands() []*control.Command {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]*control.Command(nil), f.got...)
}

// serve starts fakes on sockets and returns a roster of them; on ports of the loopback interface if there are options.
func serve(t *testing.T, p *devices.Platform, options []grpc.ServerOption, fakes ...*fake) *Roster {
	dir, err := os.MkdirTemp("", "hidp")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	r := &Roster{Dir: dir, platform: p, Network: Network{Kind: Real}}
	for i, f := range fakes {
		network, path := "unix", filepath.Join(dir, fmt.Sprint(i))
		if options != nil {
			network, path = "tcp", "127.0.0.1:0"
		}
		listener, err := net.Listen(network, path)
		require.NoError(t, err)
		f.server = grpc.NewServer(options...)
		control.RegisterAgentServer(f.server, f)
		go f.server.Serve(listener)
		t.Cleanup(f.server.Stop)
		address := listener.Addr().String()
		if network == "unix" {
			address = unixPrefix + path
		}
		r.Agents = append(r.Agents, Entry{Node: f.node, Address: address})
	}
	return r
}

// three is a platform of three boards.
func three(t *testing.T) *devices.Platform {
	p, err := devices.Open("paper-wlan-3")
	require.NoError(t, err)
	return p
}

func secured(t *testing.T, dir, name string) grpc.ServerOption {
	config, err := wire.LoadTLS(dir, name)
	require.NoError(t, err)
	return grpc.Creds(credentials.NewTLS(config))
}
