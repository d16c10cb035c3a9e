package emulate

import (
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// allowedCPUs returns the logical CPUs that this process may run on.
func allowedCPUs() []int {
	var set unix.CPUSet
	if unix.SchedGetaffinity(0, &set) != nil {
		return everyCPU()
	}
	var cpus []int
	for cpu := range mostCPU + 1 {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus
}

// confine lets all threads of a process run on the given CPUs only and asks the scheduler for short turns, both of them and of the
// threads that they start. Threads may choose other CPUs for themselves, as those of emulated clusters do.
func confine(p Process, cpus []int) error {
	var set unix.CPUSet
	for _, cpu := range cpus {
		set.Set(cpu)
	}
	done := map[string]bool{}
	for fresh := true; fresh; {
		fresh = false
		entries, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(p.PID), "task"))
		if err != nil {
			return err
		}
		for _, e := range entries {
			id, err := strconv.Atoi(e.Name())
			if err != nil || done[e.Name()] {
				continue
			}
			done[e.Name()], fresh = true, true
			if err := unix.SchedSetaffinity(id, &set); err != nil && err != unix.ESRCH {
				return err
			}
			shorten(id)
		}
	}
	return nil
}

// turn is how long a thread of an agent runs before another one on the same CPU: what comes and goes between nodes must not wait. The
// threads that compute choose longer ones for themselves (package agent).
const turn = 200 * time.Microsecond

// shorten asks for short turns of a thread. Linux before 6.12 has one length for all; then nothing changes.
func shorten(thread int) {
	a, err := unix.SchedGetAttr(thread, 0)
	if err != nil || a.Policy != unix.SCHED_NORMAL {
		return
	}
	a.Runtime = uint64(turn)
	_ = unix.SchedSetAttr(thread, a, 0) // a refinement only
}
