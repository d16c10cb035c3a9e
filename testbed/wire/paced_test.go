package wire_test

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/testbed/wire"
)

// load is a message to carry.
type load struct {
	at       time.Duration
	from, to string
	bytes    int64
}

// carryAll carries loads over a network under a fake clock and returns when each arrives.
func carryAll(t *testing.T, p *devices.Platform, loads []load, network func(clock wire.Clock) wire.Network) []time.Duration {
	arrivals := make([]time.Duration, len(loads))
	synctest.Test(t, func(t *testing.T) {
		clock := wire.NewTimers()
		n := network(clock)
		for i, l := range loads {
			go func() {
				clock.Sleep(context.Background(), l.at)
				sent := int64(0)
				arrive, err := n.Carry(context.Background(), l.from, l.to, l.bytes, 0, func(n int64) {
					if n <= sent && l.bytes > 0 {
						t.Errorf("granted %d after %d", n, sent)
					}
					sent = n
				})
				if err != nil || sent != l.bytes {
					t.Errorf("%v, %d of %d bytes granted", err, sent, l.bytes)
				}
				arrivals[i] = arrive
			}()
		}
		synctest.Wait()
		time.Sleep(time.Hour)
	})
	return arrivals
}

func TestPacedAlone(t *testing.T) {
	p := link(10e6, 2*ms)
	paced := func(c wire.Clock) wire.Network { return wire.NewPaced(p, c, 1) }
	require.Equal(t, []time.Duration{302 * ms}, carryAll(t, p, []load{{0, "a", "b", 3e6}}, paced))
	require.Equal(t, []time.Duration{2 * ms}, carryAll(t, p, []load{{0, "a", "b", 0}}, func(c wire.Clock) wire.Network { return wire.NewFluid(p, c, 1) }))
	both := carryAll(t, p, []load{{0, "a", "b", 1e6}, {0, "b", "a", 1e6}}, paced)
	require.Equal(t, []time.Duration{102 * ms, 102 * ms}, both, "full duplex")
}

// star is nodes at a switch with full-duplex ports of different capacities.
func star(capacities ...float64) *devices.Platform {
	p := &devices.Platform{}
	for i, c := range capacities {
		p.Nodes = append(p.Nodes, devices.Node{Name: string(rune('a' + i))})
		p.Network.Resources = append(p.Network.Resources, devices.Resource{Capacity: c}, devices.Resource{Capacity: c})
	}
	for u := range capacities {
		paths := make([]devices.Path, len(capacities))
		for v := range capacities {
			if u != v {
				paths[v] = devices.Path{Hops: []devices.Hop{{Resource: 2 * u, Weight: 1}, {Resource: 2*v + 1, Weight: 1}}, Latency: ms}
			}
		}
		p.Network.Paths = append(p.Network.Paths, paths)
	}
	return p
}

// TestPacedSharesAsTheSimulatorDoes holds random loads on a medium and at a switch against the exact max-min fair network. At a switch
// the chunks of a message wait for two ports in turn, which is fair at each of them but not the same as max-min over both.
func TestPacedSharesAsTheSimulatorDoes(t *testing.T) {
	for _, c := range []struct {
		name     string
		platform *devices.Platform
		most     float64
	}{{"medium", medium(), 0.25}, {"switch", star(10e6, 10e6, 10e6), 0.3}} {
		r := rand.New(rand.NewPCG(1, 2))
		var worst, sum, n float64
		for range 60 {
			var loads []load
			for range 1 + r.IntN(5) {
				from := r.IntN(3)
				to := (from + 1 + r.IntN(2)) % 3
				loads = append(loads, load{time.Duration(r.Int64N(int64(200 * ms))), c.platform.Nodes[from].Name, c.platform.Nodes[to].Name, 1 + r.Int64N(3e6)})
			}
			exact := carryAll(t, c.platform, loads, func(k wire.Clock) wire.Network { return wire.NewFluid(c.platform, k, 1) })
			paced := carryAll(t, c.platform, loads, func(k wire.Clock) wire.Network { return wire.NewPaced(c.platform, k, 1) })
			for i, l := range loads {
				require.GreaterOrEqual(t, paced[i]-l.at, time.Duration(float64(l.bytes)/10e6*1e9), "no faster than the link")
				off := float64((paced[i] - exact[i]).Abs()) / float64(exact[i]-l.at+20*ms)
				worst, sum, n = max(worst, off), sum+off, n+1
			}
		}
		t.Logf("%s: differences of %.1f %% of the transfer and 20 ms at most, %.1f %% in the mean", c.name, 100*worst, 100*sum/n)
		require.Less(t, worst, c.most)
		require.Less(t, sum/n, c.most/5)
	}
}

func TestPacedIsSharedThroughAFile(t *testing.T) {
	p := medium()
	path := filepath.Join(t.TempDir(), "net")
	var opened []*wire.Paced
	loads := []load{{0, "a", "b", 1e6}, {0, "b", "c", 1e6}}
	arrivals := carryAll(t, p, loads, func(c wire.Clock) wire.Network {
		s := eachOwn{}
		for _, name := range []string{"a", "b"} {
			n, err := wire.OpenPaced(path, p, c, 1)
			require.NoError(t, err)
			s[name], opened = n, append(opened, n)
		}
		return s
	})
	require.InDelta(t, float64(204*ms), float64(max(arrivals[0], arrivals[1])), float64(ms))
	require.InDelta(t, float64(arrivals[0]), float64(arrivals[1]), float64(5*ms))
	for _, n := range opened {
		require.NoError(t, n.Close())
	}
	_, err := wire.OpenPaced(path, star(1e6, 1e6, 1e6), wire.NewTimers(), 1)
	require.ErrorContains(t, err, "not of this network")
	_, err = wire.OpenPaced(filepath.Join(path, "x"), p, wire.NewTimers(), 1)
	require.ErrorContains(t, err, path)
}

// eachOwn gives every sender its own mapping, as if it were a process.
type eachOwn map[string]*wire.Paced

func (e eachOwn) Carry(ctx context.Context, from, to string, bytes int64, ready time.Duration, granted func(int64)) (time.Duration, error) {
	return e[from].Carry(ctx, from, to, bytes, ready, granted)
}

func TestPacedFileFromBeforeARestartIsNoDebt(t *testing.T) {
	p := medium()
	path := filepath.Join(t.TempDir(), "net")
	late := shifted{wire.NewTimers(), time.Hour}
	n, err := wire.OpenPaced(path, p, late, 1)
	require.NoError(t, err)
	_, err = n.Carry(t.Context(), "a", "b", 1, 0, nil)
	require.NoError(t, err)
	require.NoError(t, n.Close())
	early := wire.NewTimers()
	n, err = wire.OpenPaced(path, p, early, 1)
	require.NoError(t, err)
	arrive, err := n.Carry(t.Context(), "a", "b", 1, 0, nil)
	require.NoError(t, err)
	require.Less(t, arrive, time.Minute)
	require.NoError(t, n.Close())
}

type shifted struct {
	wire.Clock
	by time.Duration
}

func (s shifted) Now() time.Duration { return s.Clock.Now() + s.by }

func (s shifted) Sleep(ctx context.Context, t time.Duration) error { return s.Clock.Sleep(ctx, t-s.by) }

func TestShapedTCPKeepsTheLinksTime(t *testing.T) {
	n := wire.NewPaced(link(10e6, 2*ms), wire.Monotonic(), 1)
	var all []*wire.TCP
	for _, name := range []string{"a", "b"} {
		o := impatient(name)
		o.Network = n
		all = append(all, listen(t, o))
	}
	require.NoError(t, all[0].AddPeer("b", all[1].Addr().String()))
	require.NoError(t, all[0].Send(within(t), "b", piece(1, 500_000)))
	d := take(t, all[1])
	now := wire.Monotonic().Now()
	require.GreaterOrEqual(t, now, d.Arrived, "never early")
	require.GreaterOrEqual(t, d.Arrived-d.Sent, 52*ms)
	require.Less(t, d.Arrived-d.Sent, time.Second)
	require.Equal(t, piece(1, 500_000).Payload, d.Message.Payload)
}

func TestMonotonicNeverWakesEarly(t *testing.T) {
	c := wire.Monotonic()
	for _, d := range []time.Duration{0, 10 * time.Microsecond, ms, 4 * ms} {
		until := c.Now() + d
		require.NoError(t, c.Sleep(t.Context(), until))
		require.GreaterOrEqual(t, c.Now(), until)
	}
	ctx, cancel := contextFor(5 * ms)
	defer cancel()
	require.ErrorIs(t, c.Sleep(ctx, c.Now()+time.Hour), context.DeadlineExceeded)
}
