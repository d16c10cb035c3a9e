package emulate

import "golang.org/x/sys/unix"

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

// confine lets the calling thread, and the processes that it starts, run on the given CPUs only.
func confine(cpus []int) error {
	var set unix.CPUSet
	for _, cpu := range cpus {
		set.Set(cpu)
	}
	return unix.SchedSetaffinity(0, &set)
}
