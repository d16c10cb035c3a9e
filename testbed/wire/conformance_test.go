package wire_test

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"hidp/testbed/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWhatIsSentArrives(t *testing.T) {
	each(t, func(t *testing.T, w world, m map[string]member) {
		for _, size := range []int{1, 100, 65536, 1<<20 - 1, 1 << 20} {
			sent := piece(4, size)
			require.NoError(t, m["a"].Send(within(t), "b", sent))
			copied := bytes.Clone(sent.Payload)
			clear(sent.Payload) // it is the sender's again
			d := take(t, m["b"])
			require.NoError(t, d.Lost)
			require.Equal(t, "a", d.From)
			require.True(t, bytes.Equal(copied, d.Message.Payload))
			d.Message.Payload, sent.Payload = nil, nil
			require.Equal(t, *sent, d.Message)
			d.Release()
		}
		note := &wire.Message{Kind: wire.Note, Request: 9, Code: 4, Text: "drop it"}
		require.NoError(t, m["b"].Send(within(t), "a", note))
		require.Equal(t, *note, take(t, m["a"]).Message)
		bare := &wire.Message{Kind: wire.Tensor, DType: wire.Float32, Layer: -1, Charge: 12}
		require.NoError(t, m["c"].Send(within(t), "a", bare))
		bare.Charge = 0
		require.Equal(t, *bare, take(t, m["a"]).Message)
	})
}

func TestOneSenderKeepsOrder(t *testing.T) {
	each(t, func(t *testing.T, w world, m map[string]member) {
		var senders sync.WaitGroup
		for _, from := range []string{"a", "c"} {
			senders.Go(func() {
				for i := range 200 {
					if err := m[from].Send(within(t), "b", piece(i, 1+i*50)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		next := map[string]int32{}
		for range 400 {
			d := take(t, m["b"])
			require.NoError(t, d.Lost)
			require.Equal(t, next[d.From], d.Message.Op)
			next[d.From]++
			d.Release()
		}
		senders.Wait()
	})
}

func TestConcurrentSendsArriveOnce(t *testing.T) {
	each(t, func(t *testing.T, w world, m map[string]member) {
		var senders sync.WaitGroup
		const n = 60
		for i := range n {
			senders.Go(func() {
				if err := m["a"].Send(within(t), "b", piece(i, 1+i*4000)); err != nil {
					t.Error(err)
				}
			})
		}
		seen := map[int32]bool{}
		for range n {
			d := take(t, m["b"])
			require.False(t, seen[d.Message.Op])
			seen[d.Message.Op] = true
			require.Equal(t, piece(int(d.Message.Op), 1+int(d.Message.Op)*4000).Payload, d.Message.Payload)
		}
		senders.Wait()
	})
}

func TestSlowReaderHoldsUpItsSenderOnly(t *testing.T) {
	each(t, func(t *testing.T, w world, m map[string]member) {
		require.NoError(t, m["a"].Send(within(t), "b", piece(1, 1<<20))) // fills the window
		short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		require.ErrorIs(t, m["a"].Send(short, "b", piece(2, 1<<20)), context.DeadlineExceeded)
		require.NoError(t, m["c"].Send(within(t), "b", piece(3, 1<<20)), "another sender has a window of its own")
		require.NoError(t, m["a"].Send(within(t), "c", piece(4, 1<<20)), "another receiver too")
		require.EqualValues(t, 4, take(t, m["c"]).Message.Op)
		require.EqualValues(t, 1, take(t, m["b"]).Message.Op)
		require.EqualValues(t, 3, take(t, m["b"]).Message.Op)
		require.NoError(t, m["a"].Send(within(t), "b", piece(5, 1<<20)))
		require.EqualValues(t, 5, take(t, m["b"]).Message.Op, "the cancelled message never arrives")
	})
}

func TestInvalidMessagesStayHome(t *testing.T) {
	bad := map[string]func(m *wire.Message){
		"kind":          func(m *wire.Message) { m.Kind = 9 },
		"element type":  func(m *wire.Message) { m.DType = 0 },
		"payload":       func(m *wire.Message) { m.Payload = m.Payload[1:] },
		"dimension":     func(m *wire.Message) { m.Shape[0] = 0 },
		"tensor":        func(m *wire.Message) { m.Shape = []int{1 << 20, 1 << 20, 1 << 20, 1 << 20} },
		"rank":          func(m *wire.Message) { m.Shape = make([]int, 9) },
		"op":            func(m *wire.Message) { m.Op = -1 },
		"layer":         func(m *wire.Message) { m.Layer = -2 },
		"region":        func(m *wire.Message) { m.Region.Samples = wire.Span{Lo: 2, Hi: 1} },
		"note of":       func(m *wire.Message) { m.Text = "x" },
		"length of a n": func(m *wire.Message) { *m = wire.Message{Kind: wire.Note, Text: string(make([]byte, 5000))} },
	}
	each(t, func(t *testing.T, w world, m map[string]member) {
		for field, spoil := range bad {
			msg := piece(1, 100)
			spoil(msg)
			err := m["a"].Send(within(t), "b", msg)
			var frame *wire.FrameError
			require.ErrorAs(t, err, &frame)
			require.Contains(t, frame.Field, field)
		}
	})
}

func TestUnknownPeerIsNamed(t *testing.T) {
	each(t, func(t *testing.T, w world, m map[string]member) {
		for _, to := range []string{"nobody", "a", ""} {
			err := m["a"].Send(within(t), to, piece(1, 1))
			var peer *wire.PeerError
			require.ErrorAs(t, err, &peer)
			require.Equal(t, to, peer.Peer)
			require.ErrorIs(t, err, wire.ErrUnknownPeer)
		}
		_, err := m["a"].Probe(within(t), "nobody")
		require.ErrorIs(t, err, wire.ErrUnknownPeer)
	})
}

func TestPeerThatClosesOrDiesIsReported(t *testing.T) {
	for name, end := range map[string]func(w world, m member){
		"close": func(w world, m member) { m.Close() },
		"kill":  func(w world, m member) { w.kill("a") },
	} {
		want := map[string]error{"close": wire.ErrPeerClosed, "kill": wire.ErrPeerLost}[name]
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, w world, m map[string]member) {
				require.NoError(t, m["a"].Send(within(t), "b", piece(1, 10)))
				require.NoError(t, m["b"].Send(within(t), "a", piece(1, 1<<20)))
				stuck := make(chan error, 1)
				go func() { stuck <- m["b"].Send(within(t), "a", piece(2, 1<<20)) }() // a does not read
				require.EqualValues(t, 1, take(t, m["b"]).Message.Op)
				end(w, m["a"])
				d := take(t, m["b"])
				require.ErrorIs(t, d.Lost, want)
				var peer *wire.PeerError
				require.ErrorAs(t, d.Lost, &peer)
				require.Equal(t, "a", peer.Peer)
				require.ErrorAs(t, <-stuck, &peer)
				require.Equal(t, "a", peer.Peer)
				require.ErrorAs(t, m["b"].Send(within(t), "a", piece(3, 1)), &peer)
				require.NoError(t, m["b"].Send(within(t), "c", piece(4, 10)), "the others stay usable")
			})
		})
	}
}

func TestCloseEndsEverything(t *testing.T) {
	each(t, func(t *testing.T, w world, m map[string]member) {
		require.NoError(t, m["a"].Send(within(t), "b", piece(1, 1<<20)))
		stuck := make(chan error, 1)
		go func() { stuck <- m["a"].Send(within(t), "b", piece(2, 1<<20)) }()
		time.Sleep(10 * time.Millisecond)
		require.NoError(t, m["a"].Close())
		require.ErrorIs(t, <-stuck, wire.ErrClosed)
		require.ErrorIs(t, m["a"].Send(within(t), "b", piece(3, 1)), wire.ErrClosed)
		_, err := m["a"].Probe(within(t), "b")
		require.ErrorIs(t, err, wire.ErrClosed)
		for range m["a"].Receive() { // closed
		}
		require.NoError(t, m["a"].Close())
	})
}

func TestCancelledSendLeavesNothing(t *testing.T) {
	each(t, func(t *testing.T, w world, m map[string]member) {
		for i := range 50 {
			ctx, cancel := context.WithCancel(t.Context())
			go cancel()
			err := m["a"].Send(ctx, "b", piece(i, 1<<19))
			if err == nil {
				for arrived := -1; arrived != i; { // what was cancelled while its acknowledgement was under way may have arrived, too
					d := take(t, m["b"])
					require.Greater(t, int(d.Message.Op), arrived)
					arrived = int(d.Message.Op)
					d.Release()
				}
			} else {
				require.ErrorIs(t, err, context.Canceled, fmt.Sprint(i))
			}
		}
		whole := make(chan error, 1)
		go func() { whole <- m["a"].Send(within(t), "b", piece(99, 1<<20)) }()
		for take(t, m["b"]).Message.Op != 99 {
		}
		require.NoError(t, <-whole, "the whole window is free")
	})
}

func TestClocksOfOneMachineAgree(t *testing.T) {
	each(t, func(t *testing.T, w world, m map[string]member) {
		o, err := wire.EstimateOffset(within(t), m["a"], "b", 8)
		require.NoError(t, err)
		require.Equal(t, 8, o.Samples)
		require.GreaterOrEqual(t, o.Bound, o.Offset.Abs())
	})
}
