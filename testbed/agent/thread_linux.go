package agent

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unsafe"

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

// share gives the calling thread the share of a processor that a cluster so many times slower than it needs, against other threads of
// that kind: the kernel divides a processor in the ratio of weights, and a step of niceness is a factor of 1.25 (sched(7), "The nice
// value"). Without it short ops of fast clusters wait behind long ones of slow clusters.
func share(slowdown float64) error {
	nice := min(19, int(math.Round(math.Log(max(1, slowdown))/math.Log(1.25))))
	if err := unix.Setpriority(unix.PRIO_PROCESS, 0, nice); err != nil {
		return fmt.Errorf("niceness %d: %w", nice, err)
	}
	return nil
}

// expect tells the scheduler how much the calling thread is about to compute: its turns are about that long. Whoever has little to do
// then goes before others who have much, and much is done in few turns: each change costs what the caches held (a tenth of a millisecond
// for 1 MiB), which counts as work of the op. Linux before 6.12 has one length of turns for all threads; there nothing changes.
func expect(work time.Duration) {
	a, err := unix.SchedGetAttr(0, 0)
	if err != nil || a.Policy != unix.SCHED_NORMAL {
		return
	}
	a.Runtime = uint64(min(max(work, shortestTurn), longestTurn))
	_ = unix.SchedSetAttr(0, a, 0) // a refinement only
}

// threadCPU returns the processor time that a thread of this process has used; 0 if there is none of that id.
func threadCPU(thread int) time.Duration {
	const perThread, scheduled = 4, 2 // linux/posix-timers_types.h: CPUCLOCK_PERTHREAD_MASK, CPUCLOCK_SCHED
	var t unix.Timespec
	if unix.ClockGettime(int32(^thread<<3|perThread|scheduled), &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

// Spawned runs f on a thread of its own and returns the threads that f has started and that still run: those of an inference engine.
// They are told from the threads of the Go runtime by their name, which threads inherit from who starts them; those of Go are started
// from elsewhere where a goroutine is locked to its thread.
func Spawned(f func() error) (threads []int, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked, so the thread ends with the name
		name := make([]byte, 7)
		rand.Read(name)
		text := append([]byte(hex.EncodeToString(name)), 0)
		if e := unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(&text[0])), 0, 0, 0); e != nil {
			err = fmt.Errorf("agent: naming a thread: %w", e)
			return
		}
		if err = f(); err == nil {
			threads, err = named(string(text[:len(text)-1]), unix.Gettid())
		}
	}()
	<-done
	return threads, err
}

// named returns the threads of this process that have a name, but for one.
func named(name string, but int) (threads []int, err error) {
	const tasks = "/proc/self/task"
	entries, err := os.ReadDir(tasks)
	if err != nil {
		return nil, fmt.Errorf("agent: %w", err)
	}
	for _, e := range entries {
		comm, err := os.ReadFile(filepath.Join(tasks, e.Name(), "comm"))
		id, bad := strconv.Atoi(e.Name())
		if err == nil && bad == nil && id != but && strings.TrimSpace(string(comm)) == name {
			threads = append(threads, id)
		}
	}
	return threads, nil
}
