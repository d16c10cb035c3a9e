package controller

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"hidp/testbed/control"
)

const (
	pulse = 500 * time.Millisecond // between looks at whether an agent answers
	calm  = 20 * time.Second       // longest silence while no requests are under way: loading models may take all that a machine has
)

// watch asks the agent of a stream again and again whether it is there, and calls silent, once, when there was no answer for longer
// than limit says. A process that dies is noticed by its connection; this is for machines that vanish and processes that hang. A
// link that is cut for two seconds is forgiven: an answer comes when TCP has sent the question again.
func watch(ctx context.Context, s *stream, limit func() time.Duration, silent func(*stream, error)) {
	var last atomic.Int64 // when the agent answered, as time since start
	start := time.Now()
	go func() {
		for ctx.Err() == nil {
			if _, err := s.client.Clock(ctx, &control.ClockRequest{}); err == nil {
				last.Store(int64(time.Since(start)))
			}
			if sleep(ctx, pulse) != nil {
				return
			}
		}
	}()
	tick := time.NewTicker(pulse)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.gone:
			return
		case <-tick.C:
		}
		if silence := time.Since(start) - time.Duration(last.Load()); silence > limit()+pulse {
			silent(s, fmt.Errorf("its agent has not answered for %v", silence.Round(100*time.Millisecond)))
			return
		}
	}
}
