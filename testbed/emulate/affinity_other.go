//go:build !linux

package emulate

// allowedCPUs returns the logical CPUs that this process may run on.
func allowedCPUs() []int { return everyCPU() }
