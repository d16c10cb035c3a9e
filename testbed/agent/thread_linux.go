package agent

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// ThreadCPU returns the processor time that the calling thread has used.
func ThreadCPU() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		panic(fmt.Sprintf("agent: CLOCK_THREAD_CPUTIME_ID: %v", err)) // every Linux has it
	}
	return time.Duration(t.Nano())
}

// pin keeps the calling thread on the given logical CPUs, if there are any.
func pin(cpus []int) error {
	if len(cpus) == 0 {
		return nil
	}
	var set unix.CPUSet
	for _, c := range cpus {
		set.Set(c)
	}
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("pinning to CPUs %v: %w", cpus, err)
	}
	return nil
}
