package wire

import (
	"context"
	"sync"
	"time"

	"hidp/devices"
	"hidp/sim/flow"
)

// Fluid is a Network within one process that shares links exactly as the simulator does: max-min fair, at every instant (package
// flow). Under a fake clock its messages arrive at the simulator's nanosecond.
type Fluid struct {
	clock  Clock
	routes *routes

	mu      sync.Mutex
	net     *flow.Network
	done    map[flow.FlowID]*fluidFlow
	changed chan struct{} // closed when the next completion may be another
}

type fluidFlow struct {
	ended time.Duration
	done  bool
}

// NewFluid returns the network of a platform, whose nodes' names are those of the agents; seed is the simulation's.
func NewFluid(p *devices.Platform, clock Clock, seed uint64) *Fluid {
	capacities := make([]float64, len(p.Network.Resources))
	for i, r := range p.Network.Resources {
		capacities[i] = r.Capacity
	}
	return &Fluid{clock: clock, routes: newRoutes(p, seed), net: flow.New(capacities), done: map[flow.FlowID]*fluidFlow{}, changed: make(chan struct{})}
}

// Carry implements Network. All bytes are granted at the start. What is late is not forgiven: others share the links since.
func (f *Fluid) Carry(ctx context.Context, from, to string, bytes int64, _ time.Duration, granted func(int64)) (time.Duration, error) {
	r, err := f.routes.route(from, to)
	if err != nil {
		return 0, err
	}
	if r.before > 0 {
		if err := f.clock.Sleep(ctx, f.clock.Now()+r.before); err != nil {
			return 0, err
		}
	}
	if granted != nil {
		granted(bytes)
	}
	end, err := f.transmit(ctx, r, bytes)
	if err != nil {
		return 0, err
	}
	return end + r.after + f.routes.jitter(r), nil
}

// transmit returns when the flow has ended.
func (f *Fluid) transmit(ctx context.Context, r route, bytes int64) (time.Duration, error) {
	f.mu.Lock()
	f.settle(f.clock.Now())
	own := &fluidFlow{}
	id := f.net.Start(f.clock.Now(), flow.Transfer{Bytes: bytes, Path: r.hops})
	f.done[id] = own
	f.wake()
	for !own.done {
		at, _, moving := f.net.NextCompletion()
		changed := f.changed
		f.mu.Unlock()
		err := f.await(ctx, at, moving, changed)
		f.mu.Lock()
		f.settle(f.clock.Now())
		if err != nil && !own.done {
			f.net.Cancel(f.clock.Now(), id)
			delete(f.done, id)
			f.wake()
			f.mu.Unlock()
			return 0, err
		}
	}
	f.mu.Unlock()
	return own.ended, nil
}

// await returns nil at the given time or at a change, whichever is first.
func (f *Fluid) await(ctx context.Context, at time.Duration, moving bool, changed chan struct{}) error {
	if !moving {
		select {
		case <-changed:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	sleep, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-changed:
			cancel()
		case <-stop:
		}
	}()
	f.clock.Sleep(sleep, at) // a change ends it too
	return ctx.Err()
}

// settle ends the flows that were complete by now, each at its own time.
func (f *Fluid) settle(now time.Duration) {
	for {
		at, _, ok := f.net.NextCompletion()
		if !ok || at > now {
			return
		}
		for {
			id, ok := f.net.FinishNext(at)
			if !ok {
				break
			}
			x := f.done[id]
			x.done, x.ended = true, at
			delete(f.done, id)
		}
		f.wake()
	}
}

func (f *Fluid) wake() {
	close(f.changed)
	f.changed = make(chan struct{})
}
