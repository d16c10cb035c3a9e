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
	late := patient("b")
	late.Delay = wire.Delays(p, "b", 1)
	require.Equal(t, 20*ms, late.Delay("a"))
	require.Zero(t, late.Delay("stranger"))
	a, b, c := listen(t, patient("a")), listen(t, late), listen(t, patient("stranger"))
	for _, m := range []*wire.TCP{a, c} {
		require.NoError(t, m.AddPeer("b", b.Addr().String()))
		require.NoError(t, m.Connect(within(t), "b"))
	}
	// On a busy machine a message without a delay may take longer than one with it. But if a delay were added to it,
	// none of them would ever be there before that has passed.
	var lag time.Duration
	for range 50 {
		before := late.Clock.Now()
		require.NoError(t, a.Send(within(t), "b", piece(1, 1000)))
		require.NoError(t, c.Send(within(t), "b", piece(2, 1000)))
		at := map[string]time.Duration{}
		for range 2 {
			d := take(t, b)
			at[d.From] = d.Arrived
			require.GreaterOrEqual(t, late.Clock.Now(), d.Arrived)
			if d.From == "a" {
				require.Equal(t, piece(1, 1000).Payload, d.Message.Payload)
				require.GreaterOrEqual(t, d.Arrived, before+20*ms)
				lag = max(lag, d.Lag)
			} else {
				require.Equal(t, piece(2, 1000).Payload, d.Message.Payload)
			}
		}
		require.Len(t, at, 2)
		require.Equal(t, lag, b.Stats().MaxLag)
		if at["stranger"] < before+20*ms {
			require.Less(t, at["stranger"], at["a"])
			return
		}
	}
	require.Fail(t, "messages of a stranger are delayed")
}

// patient returns options with which no slow machine makes a peer be lost.
func patient(name string) wire.Options {
	o := impatient(name)
	o.Handshake, o.Connect, o.Resume, o.Silence = 20*time.Second, 20*time.Second, 20*time.Second, 20*time.Second
	return o
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
