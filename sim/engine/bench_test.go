package engine_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"hidp/sim/engine"
)

// drawn is the number of increments used in turn, a power of two.
const drawn = 1 << 14

// increments draws delays of a distribution beforehand, to keep the generator out of
// the measured loop.
func increments(distribution string) []time.Duration {
	rng := rand.New(rand.NewPCG(1, 2))
	d := make([]time.Duration, drawn)
	for i := range d {
		switch distribution {
		case "exponential":
			d[i] = time.Duration(rng.ExpFloat64() * float64(time.Millisecond))
		case "tied":
			d[i] = time.Millisecond
		case "bimodal": // overheads of microseconds beside transfers of 100 ms
			d[i] = time.Duration(rng.IntN(10_000))
			if rng.IntN(2) == 0 {
				d[i] = 100*time.Millisecond + time.Duration(rng.IntN(1_000_000))
			}
		}
	}
	return d
}

// hold is the hold model (Jones, "An empirical comparison of priority-queue and
// event-set implementations", CACM 29(4), 1986): the first event is removed and
// scheduled again an increment later, so that the number pending stays the same.
type hold struct {
	*engine.Engine
	increments []time.Duration
	turn       int
}

func newHold(distribution string, pending int) *hold {
	h := &hold{Engine: engine.New(), increments: increments(distribution)}
	for i := range pending {
		h.Schedule(engine.Event{At: h.increments[i%drawn], What: engine.What{A: int32(i)}})
	}
	for range 3*pending + 100_000 {
		h.step()
	}
	return h
}

func (h *hold) step() {
	ev, _ := h.Next()
	h.turn++
	ev.At += h.increments[h.turn%drawn]
	h.Schedule(ev)
}

func BenchmarkHold(b *testing.B) {
	for _, pending := range []int{16, 100, 1_000, 100_000} {
		for _, distribution := range []string{"exponential", "tied", "bimodal"} {
			b.Run(fmt.Sprintf("%s/%s", count(pending), distribution), func(b *testing.B) {
				h := newHold(distribution, pending)
				b.ReportAllocs()
				for b.Loop() {
					h.step()
				}
			})
		}
	}
}

// count writes 100000 as 100k.
func count(n int) string {
	if n >= 1000 {
		return fmt.Sprintf("%dk", n/1000)
	}
	return fmt.Sprint(n)
}

// BenchmarkMM1 measures a whole customer: two events, two random numbers and the
// bookkeeping of the queue.
func BenchmarkMM1(b *testing.B) {
	q := newMM1(0.7, 1)
	b.ReportAllocs()
	for customers := uint64(0); b.Loop(); customers++ {
		for q.Processed() < 2*customers {
			ev, _ := q.Next()
			q.Handle(ev)
		}
	}
}
