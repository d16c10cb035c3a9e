package wire_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hidp/testbed/wire"
)

// distant is a peer whose clock is ahead, over a network with other delays each way and time.
type distant struct {
	now, ahead time.Duration
	delays     []time.Duration
}

func (d *distant) Probe(context.Context, string) (wire.Sample, error) {
	pass := func() {
		d.now += d.delays[0]
		d.delays = d.delays[1:]
	}
	s := wire.Sample{Sent: d.now}
	pass()
	s.Arrived = d.now + d.ahead
	pass()
	s.Answered = d.now + d.ahead
	pass()
	s.Returned = d.now
	return s, nil
}

func TestOffsetLiesWithinItsBound(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(r, "samples")
		d := &distant{now: time.Hour, ahead: time.Duration(rapid.Int64Range(-1e12, 1e12).Draw(r, "ahead"))}
		shortest := time.Duration(1 << 62)
		for range n {
			there, busy, back := delay(r), delay(r), delay(r)
			d.delays = append(d.delays, there, busy, back)
			shortest = min(shortest, there+back)
		}
		ahead := d.ahead
		o, err := wire.EstimateOffset(context.Background(), d, "x", n)
		require.NoError(r, err)
		require.LessOrEqual(r, (o.Offset - ahead).Abs(), o.Bound+1)
		require.Equal(r, shortest, o.RoundTrip)
	})
}

func delay(r *rapid.T) time.Duration { return time.Duration(rapid.Int64Range(0, 1e8).Draw(r, "delay")) }
