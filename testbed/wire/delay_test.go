package wire_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/testbed/wire"
)

// With a delay a message is there when it has come and the platform's costs have passed, not before; from others at once.
func TestDelayAddsToTheNetwork(t *testing.T) {
	p := medium()
	p.Nodes[0].Message, p.Nodes[1].Message = 2*ms, 3*ms
	p.Network.Paths[0][1].Latency = 15 * ms
	late := impatient("b")
	late.Delay = wire.Delays(p, "b", 1)
	require.Equal(t, 20*ms, late.Delay("a"))
	require.Zero(t, late.Delay("stranger"))
	a, b, c := listen(t, impatient("a")), listen(t, late), listen(t, impatient("stranger"))
	for _, m := range []*wire.TCP{a, c} {
		require.NoError(t, m.AddPeer("b", b.Addr().String()))
		require.NoError(t, m.Connect(within(t), "b"))
	}
	before := late.Clock.Now()
	require.NoError(t, a.Send(within(t), "b", piece(1, 1000)))
	require.NoError(t, c.Send(within(t), "b", piece(2, 1000)))
	first, second := take(t, b), take(t, b)
	require.Equal(t, "stranger", first.From)
	require.Equal(t, "a", second.From)
	require.Equal(t, piece(1, 1000).Payload, second.Message.Payload)
	require.GreaterOrEqual(t, second.Arrived, before+20*ms)
	require.GreaterOrEqual(t, late.Clock.Now(), second.Arrived)
	require.Equal(t, second.Lag, b.Stats().MaxLag)
}

// Jitter is that of the simulator: the same seed draws the same.
func TestDelaysHaveJitter(t *testing.T) {
	p := medium()
	p.Network.Paths[0][1].Jitter = 5 * ms
	draw := func(seed uint64) (all []time.Duration) {
		delay := wire.Delays(p, "b", seed)
		for range 20 {
			all = append(all, delay("a"))
		}
		return all
	}
	require.Equal(t, draw(1), draw(1))
	require.NotEqual(t, draw(1), draw(2))
}

func TestDelayOrNetwork(t *testing.T) {
	o := impatient("b")
	o.Delay, o.Network = wire.Delays(medium(), "b", 0), wire.NewPaced(medium(), o.Clock, 0)
	_, err := wire.Listen("127.0.0.1:0", o)
	require.ErrorContains(t, err, "delay beside an emulated network")
}
