//go:build !linux

package agent

import "time"

// ThreadCPU returns the wall time: the processor time of a thread is known on Linux only.
func ThreadCPU() time.Duration { return time.Duration(time.Now().UnixNano()) }

// pin does nothing: threads are pinned on Linux only.
func pin([]int) error { return nil }

// share does nothing: threads have priorities of their own on Linux only.
func share(float64) error { return nil }

// expect does nothing: turns have lengths of their own on Linux only.
func expect(time.Duration) {}

// threadCPU returns nothing: see ThreadCPU.
func threadCPU(int) time.Duration { return 0 }

// Spawned runs f. Which threads it starts is known on Linux only.
func Spawned(f func() error) (threads []int, err error) { return nil, f() }
