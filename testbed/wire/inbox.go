package wire

import (
	"context"
	"sync"
)

// inbox hands what arrives to one channel, in the order of put, without ever making put wait.
type inbox struct {
	out  chan Delivery
	wake chan struct{} // there may be something in queue
	stop chan struct{} // closed by close
	done chan struct{} // closed when the pump has ended

	mu      sync.Mutex
	queue   []Delivery
	pumping bool // the pump has a delivery in hand
	closed  bool
}

func newInbox() *inbox {
	b := &inbox{out: make(chan Delivery), wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
	go b.pump()
	return b
}

// put appends a delivery. One that comes after close is dropped.
func (b *inbox) put(d Delivery) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	if len(b.queue) == 0 && !b.pumping {
		select {
		case b.out <- d: // a reader waits: spare it a change of goroutine
			d.note()
			return
		default:
		}
	}
	b.queue = append(b.queue, d)
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

func (d *Delivery) note() {
	if d.taken != nil {
		d.taken()
	}
}

func (b *inbox) pump() {
	defer close(b.done)
	defer close(b.out)
	for {
		d, ok := b.next()
		if !ok {
			select {
			case <-b.wake:
				continue
			case <-b.stop:
				return
			}
		}
		select {
		case b.out <- d:
			d.note()
		case <-b.stop:
			return
		}
	}
}

func (b *inbox) next() (Delivery, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pumping = len(b.queue) > 0
	if !b.pumping {
		return Delivery{}, false
	}
	d := b.queue[0]
	b.queue[0] = Delivery{}
	b.queue = b.queue[1:]
	return d, true
}

// close drops what is queued, closes the channel and waits for the pump.
func (b *inbox) close() {
	b.mu.Lock()
	first := !b.closed
	b.closed, b.queue = true, nil
	b.mu.Unlock()
	if first {
		close(b.stop)
	}
	<-b.done
}

// window is a number of bytes that may be out at once, first come first served.
type window struct {
	mu      sync.Mutex
	free    int64
	waiting []*claim
}

type claim struct {
	bytes int64
	ready chan struct{}
}

// take waits until the bytes are free.
func (w *window) take(ctx context.Context, bytes int64) error {
	w.mu.Lock()
	if len(w.waiting) == 0 && w.free >= bytes {
		w.free -= bytes
		w.mu.Unlock()
		return nil
	}
	c := &claim{bytes, make(chan struct{})}
	w.waiting = append(w.waiting, c)
	w.mu.Unlock()
	select {
	case <-c.ready:
		return nil
	case <-ctx.Done():
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, x := range w.waiting {
		if x == c {
			w.waiting = append(w.waiting[:i], w.waiting[i+1:]...)
			w.grant() // those behind may fit
			return ctx.Err()
		}
	}
	return nil // it was granted meanwhile
}

// give returns bytes.
func (w *window) give(bytes int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.free += bytes
	w.grant()
}

func (w *window) grant() {
	for len(w.waiting) > 0 && w.free >= w.waiting[0].bytes {
		w.free -= w.waiting[0].bytes
		close(w.waiting[0].ready)
		w.waiting = w.waiting[1:]
	}
}
