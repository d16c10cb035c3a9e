package engine

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Every chunk in use holds a live event, but for those of the slot being opened, so
// the memory is bounded by the number pending, however long the run.
func TestMemoryIsBoundedByPending(t *testing.T) {
	const pending = 300
	rng := rand.New(rand.NewPCG(1, 1))
	e := New()
	for range pending {
		e.Schedule(Event{})
	}
	for range 300_000 {
		ev, _ := e.Next()
		ev.At += time.Duration(rng.Int64N(1 << rng.IntN(30)))
		e.Schedule(ev)
	}
	require.LessOrEqual(t, len(e.queue.chunks), 2*pending)
}
