package wire_test

import (
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/testbed/wire"
)

func TestImpossibleOptionsAreRefused(t *testing.T) {
	for want, spoil := range map[string]func(o *wire.Options){
		"name":      func(o *wire.Options) { o.Name = "a/b" },
		"length":    func(o *wire.Options) { o.Name = strings.Repeat("a", 65) },
		"session":   func(o *wire.Options) { o.Session = strings.Repeat("s", 256) },
		"clock":     func(o *wire.Options) { o.Clock = nil },
		"Silence":   func(o *wire.Options) { o.Silence = 0 },
		"payload":   func(o *wire.Options) { o.Limits.Payload = 0 },
		"window":    func(o *wire.Options) { o.Limits.Window = 1 },
		"note":      func(o *wire.Options) { o.Limits.Text = 1 << 20 },
		"indices":   func(o *wire.Options) { o.Limits.Index = 0 },
		"of peers":  func(o *wire.Options) { o.Limits.Peers = 0 },
		"address":   func(o *wire.Options) {},
		"and 2147":  func(o *wire.Options) { o.Limits.Payload = math.MaxInt64 },
		"own":       nil,
		"in use":    nil,
		"missing p": nil,
	} {
		o := impatient("a")
		switch want {
		case "own":
			require.ErrorContains(t, listen(t, o).AddPeer("a", "127.0.0.1:1"), want)
		case "in use":
			_, err := wire.Listen(listen(t, o).Addr().String(), o)
			require.ErrorContains(t, err, want)
		case "missing p":
			require.ErrorContains(t, listen(t, o).AddPeer("b", "127.0.0.1"), want)
		default:
			addr := "127.0.0.1:0"
			if want == "address" {
				addr = "nonsense"
			}
			spoil(&o)
			_, err := wire.Listen(addr, o)
			require.ErrorContains(t, err, want)
		}
	}
}

func TestMoreMessagesThanMayBeOutstanding(t *testing.T) {
	a, b := listen(t, impatient("a")), listen(t, impatient("b"))
	require.NoError(t, a.AddPeer("b", b.Addr().String()))
	require.NoError(t, a.Connect(within(t), "b"))
	var senders sync.WaitGroup
	const n = 3000
	for i := range n {
		senders.Go(func() {
			if err := a.Send(within(t), "b", &wire.Message{Kind: wire.Note, Code: uint32(i)}); err != nil {
				t.Error(err)
			}
		})
	}
	seen := map[uint32]bool{}
	for range n {
		seen[take(t, b).Message.Code] = true
	}
	require.Len(t, seen, n)
	senders.Wait()
	require.EqualValues(t, n, b.Stats().Messages)
}

func TestFloatsGoThere(t *testing.T) {
	data := []float32{1, -2.5, float32(math.Inf(1)), 3e-40}
	b := wire.FloatBytes(data)
	require.Equal(t, []byte{0, 0, 128, 63}, b[:4])
	require.Equal(t, data, wire.BytesFloats(b))
	require.Equal(t, data[1:], wire.BytesFloats(append(make([]byte, 1), b[4:]...)[1:]), "also where the memory is not aligned")
	require.Empty(t, wire.BytesFloats(wire.FloatBytes(nil)))
	require.Panics(t, func() { wire.BytesFloats(b[:3]) })
}

func TestJitterIsTheSeedsAlone(t *testing.T) {
	draw := func(seed uint64) (arrivals []time.Duration) {
		p := medium()
		p.Network.Paths[0][1].Jitter = 5 * ms
		synctest.Test(t, func(t *testing.T) {
			n := wire.NewFluid(p, wire.NewTimers(), seed)
			for range 50 {
				at, err := n.Carry(t.Context(), "a", "b", 0, 0, nil)
				require.NoError(t, err)
				arrivals = append(arrivals, at)
			}
		})
		return arrivals
	}
	require.Equal(t, draw(1), draw(1))
	require.NotEqual(t, draw(1), draw(2))
}
