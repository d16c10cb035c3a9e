package engine_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hidp/sim/engine"
)

// reference is the specification of the queue: a slice in (time, sequence) order.
type reference []engine.Event

func (r *reference) schedule(ev engine.Event) {
	i := slices.IndexFunc(*r, func(x engine.Event) bool { return x.At > ev.At })
	if i < 0 {
		i = len(*r)
	}
	*r = slices.Insert(*r, i, ev)
}

// delays draws increments of every magnitude, with many ties: none, a few
// nanoseconds, one constant, microseconds beside 100 ms, and up to decades.
func delays() *rapid.Generator[time.Duration] {
	return rapid.OneOf(
		rapid.Just(time.Duration(0)),
		rapid.Just(time.Millisecond),
		rapid.Map(rapid.IntRange(0, 40), func(n int) time.Duration { return time.Duration(n) }),
		rapid.Map(rapid.IntRange(0, 5), func(n int) time.Duration { return time.Duration(n) * time.Microsecond }),
		rapid.Map(rapid.IntRange(0, 3), func(n int) time.Duration { return time.Duration(n) * 100 * time.Millisecond }),
		rapid.Map(rapid.Int64Range(0, math.MaxInt64/1024), func(n int64) time.Duration { return time.Duration(n) }),
	)
}

func TestOrderIsTimeThenSequence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e, want := engine.New(), reference{}
		id := int32(0)
		schedule := func(t *rapid.T) {
			delay := delays().Draw(t, "delay")
			spread := rapid.SampledFrom([]int32{1, 64, 512, 4096}).Draw(t, "spread") // 1: all are ties
			for range rapid.IntRange(1, 30).Draw(t, "count") {
				jitter := time.Duration(id * 7919 % spread)
				ev := engine.Event{At: e.Now() + delay + jitter, What: engine.What{Kind: engine.Kind(id % 7), A: id, B: -id, Gen: uint32(id)}}
				e.Schedule(ev)
				want.schedule(ev)
				id++
			}
		}
		next := func(t *rapid.T) {
			horizon := engine.Forever
			if rapid.Bool().Draw(t, "limited") {
				horizon = e.Now() + delays().Draw(t, "horizon")
			}
			for range rapid.IntRange(1, 30).Draw(t, "pops") {
				before := e.Now()
				if len(want) > 0 && want[0].At <= horizon {
					require.True(t, e.Due(horizon))
				} else if e.Len() <= 12 {
					require.False(t, e.Due(horizon), "it knows of few events")
				}
				got, ok := e.NextUntil(horizon)
				require.Equal(t, len(want) > 0 && want[0].At <= horizon, ok)
				if !ok {
					require.Equal(t, before, e.Now(), "the clock moved without an event")
					break
				}
				require.Equal(t, want[0], got)
				require.Equal(t, got.At, e.Now())
				require.GreaterOrEqual(t, e.Now(), before, "the clock went back")
				want = want[1:]
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"schedule": schedule,
			"next":     next,
			"restore": func(t *rapid.T) {
				s := e.Snapshot()
				require.ElementsMatch(t, []engine.Event(want), s.Pending)
				other := engine.New()
				other.Restore(s)
				require.Equal(t, s, other.Snapshot())
				e = other
			},
			"": func(t *rapid.T) { require.Equal(t, len(want), e.Len()) },
		})
		for _, ev := range want {
			got, ok := e.Next()
			require.True(t, ok)
			require.Equal(t, ev, got)
		}
		require.Equal(t, uint64(id), e.Processed())
	})
}
