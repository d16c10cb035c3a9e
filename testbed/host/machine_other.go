//go:build !linux

package host

import "runtime"

// allowedCPUs returns the logical CPUs of the machine.
func allowedCPUs() []int {
	list := make([]int, runtime.NumCPU())
	for c := range list {
		list[c] = c
	}
	return list
}

// machineMemory is known on Linux only, as is what follows.
func machineMemory() int64 { return 0 }

func resident() int64 { return 0 }

func resetPeak() {}

func used() usage { return usage{} }
