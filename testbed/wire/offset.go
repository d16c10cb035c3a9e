package wire

import (
	"context"
	"fmt"
	"time"
)

// Sample is one exchange with a peer: sent and returned on the own clock, arrived and answered on the peer's.
type Sample struct{ Sent, Arrived, Answered, Returned time.Duration }

// RoundTrip returns the time that the sample spent on the network.
func (s Sample) RoundTrip() time.Duration { return (s.Returned - s.Sent) - (s.Answered - s.Arrived) }

// Offset returns how far the peer's clock is ahead if both ways took equally long.
func (s Sample) Offset() time.Duration { return ((s.Arrived - s.Sent) + (s.Answered - s.Returned)) / 2 }

// Offset is how far a peer's clock is ahead of the own one: the truth lies within Offset ± Bound if the clocks run alike.
type Offset struct {
	Offset, Bound time.Duration
	RoundTrip     time.Duration // of the sample it is from
	Samples       int
}

// EstimateOffset compares clocks n times and believes the exchange with the shortest round trip, the one that queues have disturbed
// least: the clock filter of NTP (RFC 5905 §10). The bound is half the round trip, as no way takes less than no time.
// Clocks of separate machines drift (by up to 50 µs/s where nothing disciplines them), so estimate before and after a run.
func EstimateOffset(ctx context.Context, p Prober, peer string, n int) (Offset, error) {
	if n < 1 {
		panic(fmt.Sprintf("wire: %d samples asked for", n))
	}
	best := Offset{Samples: n}
	for i := range n {
		s, err := p.Probe(ctx, peer)
		if err != nil {
			return Offset{}, err
		}
		if rtt := s.RoundTrip(); i == 0 || rtt < best.RoundTrip {
			best.Offset, best.Bound, best.RoundTrip = s.Offset(), (rtt+1)/2, rtt
		}
	}
	return best, nil
}
