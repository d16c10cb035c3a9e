package agent

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"hidp/testbed/wire"
)

// helped is a worker that lets another thread do most of the work.
type helped struct{ work, done chan struct{} }

func (h helped) Run(context.Context, *Task) (Done, error) {
	h.work <- struct{}{}
	<-h.done
	return Done{}, nil
}

// Where threads compute together, the one that has most to do counts.
func TestPaceCountsOtherThreads(t *testing.T) {
	h := helped{make(chan struct{}), make(chan struct{})}
	thread := make(chan int)
	const burnt = 10 * time.Millisecond
	go func() {
		runtime.LockOSThread()
		thread <- unix.Gettid()
		for range h.work {
			for start := ThreadCPU(); ThreadCPU() < start+burnt; {
			}
			h.done <- struct{}{}
		}
	}()
	defer close(h.work)
	id := <-thread
	require.Positive(t, threadCPU(id))
	require.Zero(t, threadCPU(1<<22+1), "there is no such thread")
	clock := wire.Monotonic()
	w := &Pace{Worker: h, Slowdown: 3, Pacer: NewPacer(clock, pair(), true), Others: func(plan, op int) []int {
		require.Equal(t, [2]int{1, 2}, [2]int{plan, op})
		return []int{id}
	}}
	before := clock.Now()
	d, err := w.Run(t.Context(), &Task{Plan: 1, Op: 2})
	require.NoError(t, err)
	require.GreaterOrEqual(t, d.Work, 3*burnt)
	require.GreaterOrEqual(t, clock.Now()-before, d.Work)
}

// Threads are found by the name that they have from who started them; Go's have other names.
func TestSpawned(t *testing.T) {
	broken := errors.New("broken")
	_, err := Spawned(func() error { return broken })
	require.ErrorIs(t, err, broken)
	threads, err := Spawned(func() error {
		for range 20 {
			go func() { runtime.LockOSThread(); time.Sleep(20 * time.Millisecond) }()
		}
		time.Sleep(5 * time.Millisecond)
		return nil
	})
	require.NoError(t, err)
	require.Empty(t, threads)
}
