package wire_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/testbed/wire"
)

const ms = time.Millisecond

// medium is three nodes a, b and c on one channel of 10 MB/s with a latency of 2 ms; every message costs both ends 1 ms.
func medium() *devices.Platform {
	p := &devices.Platform{}
	for _, name := range []string{"a", "b", "c"} {
		p.Nodes = append(p.Nodes, devices.Node{Name: name, Message: ms})
	}
	p.Network.Resources = []devices.Resource{{Name: "air", Capacity: 10e6, Medium: true}}
	for range 3 {
		path := devices.Path{Hops: []devices.Hop{{Resource: 0, Weight: 1}}, Latency: 2 * ms}
		p.Network.Paths = append(p.Network.Paths, []devices.Path{path, path, path})
	}
	return p
}

// fakeTimes sends messages of the given charges at once, from a, under a fake clock, and returns when each arrives.
func fakeTimes(t *testing.T, p *devices.Platform, charges ...int64) map[int32]time.Duration {
	arrivals := map[int32]time.Duration{}
	synctest.Test(t, func(t *testing.T) {
		clock := wire.NewTimers()
		hub, err := wire.NewHub(clock, wire.NewFluid(p, clock, 1), wire.DefaultLimits())
		require.NoError(t, err)
		a, err := hub.Join("a")
		require.NoError(t, err)
		b, err := hub.Join("b")
		require.NoError(t, err)
		for i, bytes := range charges {
			go func() {
				m := &wire.Message{Kind: wire.Tensor, Op: int32(i), DType: wire.Float32, Charge: bytes}
				if err := a.Send(context.Background(), "b", m); err != nil {
					t.Error(err)
				}
			}()
		}
		for range charges {
			d := <-b.Receive()
			require.Equal(t, clock.Now(), d.Arrived)
			arrivals[d.Message.Op] = clock.Now()
		}
		require.NoError(t, a.Close())
		require.NoError(t, b.Close())
	})
	return arrivals
}

func TestFluidTakesTheSimulatorsTime(t *testing.T) {
	require.Equal(t, map[int32]time.Duration{0: 104 * ms}, fakeTimes(t, medium(), 1e6))
	// The short one has half of the channel until its end at 100 ms, the long one all of it after that.
	require.Equal(t, map[int32]time.Duration{0: 104 * ms, 1: 204 * ms}, fakeTimes(t, medium(), 500_000, 1_500_000))
}

func TestFluidCancelledGivesTheLinkBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := wire.NewTimers()
		net := wire.NewFluid(medium(), clock, 1)
		ctx, cancel := context.WithTimeout(t.Context(), 51*ms)
		defer cancel()
		go func() {
			_, err := net.Carry(ctx, "a", "b", 1e9, 0, nil)
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}()
		arrive, err := net.Carry(t.Context(), "a", "b", 1e6, 0, nil) // 250 kB until 51 ms, the rest alone
		require.NoError(t, err)
		require.Equal(t, (51+75+3)*ms, arrive)
		_, err = net.Carry(t.Context(), "a", "d", 1, 0, nil)
		require.ErrorIs(t, err, wire.ErrUnknownPeer)
	})
}
