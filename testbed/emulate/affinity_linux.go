package emulate

import (
	"os"
	"path/filepath"
	"strconv"

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

// confine lets all threads of a process run on the given CPUs only, and those that they start. Threads may choose others for
// themselves, as those of emulated clusters do.
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
		}
	}
	return nil
}
