package emulate

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// Machine is the part of a computer that a testbed may use.
type Machine struct {
	Cores [][]int // logical CPUs by physical core, both ascending: those of one core slow each other
}

// ThisMachine returns the cores that this process may run on, as the kernel tells (sysfs); without that, every CPU counts as a core.
func ThisMachine() Machine { return machineAt("/sys/devices/system/cpu", allowedCPUs()) }

// machineAt groups CPUs by what the topology folders below root say.
func machineAt(root string, cpus []int) Machine {
	var m Machine
	seen := map[string]int{} // by siblings
	for _, cpu := range cpus {
		topology := filepath.Join(root, "cpu"+strconv.Itoa(cpu), "topology")
		data, err := os.ReadFile(filepath.Join(topology, "core_cpus_list"))
		if err != nil {
			data, err = os.ReadFile(filepath.Join(topology, "thread_siblings_list")) // before Linux 5.3
		}
		key := strings.TrimSpace(string(data))
		core, known := seen[key]
		if err != nil || !known {
			core = len(m.Cores)
			m.Cores = append(m.Cores, nil)
			if err == nil {
				seen[key] = core
			}
		}
		m.Cores[core] = append(m.Cores[core], cpu)
	}
	return m
}

// CPUs returns all logical CPUs, ascending.
func (m Machine) CPUs() []int {
	all := slices.Concat(m.Cores...)
	slices.Sort(all)
	return all
}

// everyCPU is what a process may run on where nobody can tell.
func everyCPU() []int {
	var all []int
	for i := range runtime.NumCPU() {
		all = append(all, i)
	}
	return all
}
