package wire

import (
	"context"
	"sync/atomic"
	"time"

	"hidp/devices"
)

// Paced is a Network in real time. Every resource has a token clock, the time at which it is free again. A message claims its
// resources chunk by chunk: a chunk begins when it is ready and the resource free, and ends when the slowest of them is through
// with it; then the next is ready. Messages that compete take turns, so that they share nearly as the max-min fair flows of the
// simulator do, without anybody who decides; a chunk waits at one resource without holding another.
//
// The clocks are words in memory. Agents in one process share a Paced; agents in several processes map one file (OpenPaced). A claim is
// one compare-and-swap, so an agent that stops or dies in the middle of anything leaves nothing locked, only the chunks that it had
// claimed are unused.
type Paced struct {
	clock  Clock
	routes *routes
	words  []atomic.Int64 // per resource: when it is free, in ns of the clock
	chunk  int64
	unmap  func() error
}

const (
	// minPacedChunk and maxPacedChunk bound what a message claims at once; between them it is what the slowest resource moves in
	// chunkTime. A small message waits for one chunk of every other that is under way, so larger ones are less fair; smaller ones wake
	// the sender more often.
	minPacedChunk, maxPacedChunk = 8 << 10, 128 << 10
	chunkTime                    = 2 * time.Millisecond

	// ahead is how far before its time a chunk is claimed rather than slept for.
	ahead = 200 * time.Microsecond
)

// Forgiven is how late an emulated board may do something without losing time by it: a real one would not have to wait for this machine.
const Forgiven = 20 * time.Millisecond

// NewPaced returns the network of a platform for agents within this process.
func NewPaced(p *devices.Platform, clock Clock, seed uint64) *Paced {
	return newPaced(p, clock, seed, make([]atomic.Int64, len(p.Network.Resources)), func() error { return nil })
}

func newPaced(p *devices.Platform, clock Clock, seed uint64, words []atomic.Int64, unmap func() error) *Paced {
	n := &Paced{clock: clock, routes: newRoutes(p, seed), words: words, chunk: maxPacedChunk, unmap: unmap}
	for _, r := range p.Network.Resources {
		n.chunk = min(n.chunk, int64(r.Capacity*chunkTime.Seconds()))
	}
	n.chunk = max(n.chunk, minPacedChunk)
	return n
}

// Carry implements Network.
func (n *Paced) Carry(ctx context.Context, from, to string, bytes int64, ready time.Duration, granted func(int64)) (time.Duration, error) {
	r, err := n.routes.route(from, to)
	if err != nil {
		return 0, err
	}
	now := n.clock.Now()
	at := now + r.before
	if ready > 0 {
		at = min(now, max(ready, now-Forgiven)) + r.before
	}
	for moved := int64(0); moved < bytes; {
		if now := n.clock.Now(); at > now+ahead {
			if err := n.clock.Sleep(ctx, at); err != nil {
				return 0, err
			}
		} else if at < now-Forgiven {
			at = now
		}
		size := min(n.chunk, bytes-moved)
		end := at
		for _, h := range r.hops {
			capacity := n.routes.platform.Network.Resources[h.Resource].Capacity
			end = max(end, n.claim(int(h.Resource), at, devices.RoundDuration(float64(float64(size)*h.Weight)/capacity)))
		}
		at, moved = end, moved+size
		if granted != nil {
			granted(moved)
		}
	}
	return at + r.after + n.routes.jitter(r), ctx.Err()
}

// claim takes a resource for d, not before at, and returns when it ends.
func (n *Paced) claim(resource int, at, d time.Duration) time.Duration {
	w := &n.words[resource]
	for {
		old := w.Load()
		end := max(old, int64(at)) + int64(d)
		if w.CompareAndSwap(old, end) {
			return time.Duration(end)
		}
	}
}

// Close gives back what OpenPaced took. Nothing may be carried any more.
func (n *Paced) Close() error { return n.unmap() }
