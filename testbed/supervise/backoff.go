package supervise

import (
	"fmt"
	"time"
)

// When a worker that crashed is started again.
const (
	firstPause = 50 * time.Millisecond
	longPause  = 5 * time.Second
	calmAfter  = 30 * time.Second // of life: then what was before counts no more
	mostEarly  = 5                // crashes in a row without a session: what is wrong then is not a model
)

// backoff counts crashes.
type backoff struct {
	pause time.Duration
	early int
}

// GivenUpError says that workers crash before anybody calls them.
type GivenUpError struct {
	Crash *Crash
	Times int
}

// Error implements error.
func (e *GivenUpError) Error() string {
	return fmt.Sprintf("%v %d times in a row before anybody called it; see its log, and whether the ONNX Runtime library is the right one", e.Crash, e.Times)
}

// after returns how long to wait after a crash of a worker that lived so long. Each crash doubles the pause.
func (b *backoff) after(c *Crash, lived time.Duration) (time.Duration, error) {
	if lived > calmAfter {
		*b = backoff{}
	}
	if c.Session == "" {
		b.early++
	} else {
		b.early = 0
	}
	if b.early >= mostEarly {
		return 0, &GivenUpError{c, b.early}
	}
	b.pause = min(longPause, max(firstPause, 2*b.pause))
	return b.pause, nil
}
