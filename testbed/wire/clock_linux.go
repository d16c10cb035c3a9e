package wire

import (
	"context"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// The last stretches of a sleep.
const (
	kernelTime = 2 * time.Millisecond   // spent in the kernel, cannot be interrupted
	spin       = 100 * time.Microsecond // spent looking at the clock: on a virtual machine to be woken up takes so long
)

type monotonic struct{}

// Monotonic returns the clock that all processes of this machine share: CLOCK_MONOTONIC. It sleeps to within some microseconds:
// until shortly before the end on a timer of the runtime, which may come late, then with clock_nanosleep to an absolute time on a
// thread of its own without timer slack (prctl(2), PR_SET_TIMERSLACK), and in the end it does not sleep but look at the clock.
func Monotonic() Clock { return monotonic{} }

func (monotonic) Now() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic("wire: CLOCK_MONOTONIC: " + err.Error())
	}
	return time.Duration(ts.Nano())
}

func (c monotonic) Sleep(ctx context.Context, t time.Duration) error {
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
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if c.Now() < t-spin {
		unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0) // without it the sleep is 50 µs too long, no more
	}
	ts := unix.NsecToTimespec(int64(t - spin))
	for c.Now() < t-spin {
		if err := unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &ts, nil); err != nil && err != unix.EINTR {
			panic("wire: clock_nanosleep: " + err.Error())
		}
	}
	for c.Now() < t {
	}
	return ctx.Err()
}
