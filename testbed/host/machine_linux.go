package host

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// allowedCPUs returns the logical CPUs that this process may run on, ascending.
func allowedCPUs() []int {
	var set unix.CPUSet
	var list []int
	if unix.SchedGetaffinity(0, &set) == nil {
		for c := range 8 * len(set) * int(pointerSize) {
			if set.IsSet(c) {
				list = append(list, c)
			}
		}
	}
	if len(list) == 0 {
		for c := range runtime.NumCPU() {
			list = append(list, c)
		}
	}
	return list
}

const pointerSize = 4 << (^uintptr(0) >> 63)

// machineMemory returns the bytes of memory that the machine has, 0 if that is not known.
func machineMemory() int64 {
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) != nil {
		return 0
	}
	return int64(info.Totalram) * int64(info.Unit)
}

// resident returns the bytes of memory that the process takes.
func resident() int64 { return memoryLine("VmRSS:") }

// memoryLine returns a figure of /proc/self/status.
func memoryLine(key string) int64 {
	data, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, key); ok {
			n, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return n << 10
		}
	}
	return 0
}

// resetPeak makes the peak of memory count from now on (proc_pid_clear_refs(5)).
func resetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

// used returns what the process has taken so far.
func used() usage {
	u := usage{peak: memoryLine("VmHWM:"), waited: waited(), throttled: throttled(), stolen: stolen()}
	var r unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &r) == nil {
		u.processor = time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	return u
}

// waited adds up the second figure of the threads' schedstat: nanoseconds in a queue for a processor (Linux,
// Documentation/scheduler/sched-stats.rst).
func waited() (sum time.Duration) {
	files, _ := filepath.Glob("/proc/self/task/*/schedstat")
	for _, name := range files {
		data, _ := os.ReadFile(name)
		if fields := bytes.Fields(data); len(fields) > 1 {
			n, _ := strconv.ParseInt(string(fields[1]), 10, 64)
			sum += time.Duration(n)
		}
	}
	return sum
}

// throttled reads cpu.stat of the process' control group: throttled_usec of version 2, throttled_time (ns) of version 1.
func throttled() time.Duration {
	data, _ := os.ReadFile("/proc/self/cgroup")
	for line := range strings.Lines(string(data)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			continue
		}
		for _, root := range []string{"/sys/fs/cgroup", filepath.Join("/sys/fs/cgroup", fields[1])} {
			if d, ok := throttledOf(filepath.Join(root, fields[2], "cpu.stat")); ok {
				return d
			}
		}
	}
	return 0
}

func throttledOf(path string) (time.Duration, bool) {
	f, err := os.Open(path)
	if err != nil {
		return 0, false
	}
	defer f.Close()
	for in := bufio.NewScanner(f); in.Scan(); {
		var key string
		var n int64
		if _, err := fmt.Sscan(in.Text(), &key, &n); err != nil {
			continue
		}
		switch key {
		case "throttled_usec":
			return time.Duration(n) * time.Microsecond, true
		case "throttled_time":
			return time.Duration(n), true
		}
	}
	return 0, false
}

// stolen reads the eighth figure of the first line of /proc/stat, in hundredths of a second (proc_stat(5)).
func stolen() time.Duration {
	data, _ := os.ReadFile("/proc/stat")
	line, _, _ := bytes.Cut(data, []byte("\n"))
	fields := bytes.Fields(line)
	if len(fields) < 9 {
		return 0
	}
	n, _ := strconv.ParseInt(string(fields[8]), 10, 64)
	return time.Duration(n) * 10 * time.Millisecond
}
