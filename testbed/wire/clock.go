package wire

import (
	"context"
	"time"
)

// Clock is the time of an agent. Agents of one emulated testbed must have clocks that agree.
type Clock interface {
	// Now returns the time since an epoch of the clock's own.
	Now() time.Duration

	// Sleep returns nil when Now has reached t, or ctx's error if that ends before.
	Sleep(ctx context.Context, t time.Duration) error
}

// timers is a clock on the time package.
type timers struct{ epoch time.Time }

// NewTimers returns a clock whose epoch is now, from package time: exact under testing/synctest, and everywhere else as good as the
// runtime's timers are, which may come a millisecond late. Agents in other processes have other epochs.
func NewTimers() Clock { return timers{time.Now()} }

func (c timers) Now() time.Duration { return time.Since(c.epoch) }

func (c timers) Sleep(ctx context.Context, t time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d := t - c.Now()
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
