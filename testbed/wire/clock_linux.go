package wire

import (
	"context"
	"math"
	"time"

	"golang.org/x/sys/unix"
)

// The last stretches of a sleep.
const (
	kernelTime = 2 * time.Millisecond   // spent in the kernel, cannot be interrupted
	spin       = 100 * time.Microsecond // spent looking at the clock, which lets others have the CPU: on a virtual machine to be woken up takes so long
)

// monotonic is CLOCK_MONOTONIC, read through package time, which needs no system call for it.
type monotonic struct {
	start time.Time
	ahead time.Duration // the clock at start
}

// Monotonic returns the clock that all processes of this machine share: CLOCK_MONOTONIC. It sleeps to within some microseconds:
// until shortly before the end on a timer of the runtime, which may come a millisecond late, then with clock_nanosleep to an absolute
// time, which comes as late as the timer slack of threads (50 µs, prctl(2)) and the machine let it, and in the end by looking at the clock.
func Monotonic() Clock {
	var best monotonic
	least := time.Duration(math.MaxInt64)
	for range 100 { // in some the thread is stopped between the readings
		before := time.Now()
		now := systemClock()
		if took := time.Since(before); took < least {
			least, best = took, monotonic{before, now - took/2}
		}
	}
	return &best
}

func systemClock() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic("wire: CLOCK_MONOTONIC: " + err.Error())
	}
	return time.Duration(ts.Nano())
}

func (c *monotonic) Now() time.Duration { return c.ahead + time.Since(c.start) }

func (c *monotonic) Sleep(ctx context.Context, t time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if d := t - c.Now() - kernelTime; d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	ts := unix.NsecToTimespec(int64(t - spin))
	for c.Now() < t-spin {
		if err := unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &ts, nil); err != nil && err != unix.EINTR {
			panic("wire: clock_nanosleep: " + err.Error())
		}
	}
	for c.Now() < t {
		unix.Syscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
	}
	return ctx.Err()
}
