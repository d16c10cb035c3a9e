package emulate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// environment is the variable by which a testbed's processes are known, those too that it had no time to note.
const environment = "HIDP_TESTBED"

// Process is a process of this machine. Ids are used again, start times with the same id are not.
type Process struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // clock ticks after boot
}

// processStat is what /proc/PID/stat tells (proc(5)).
type processStat struct {
	Process
	name     string
	parent   int // process id
	state    byte
	cpu      time.Duration
	resident int64 // bytes
}

const tick = 10 * time.Millisecond // of user and system times: USER_HZ is 100 on every architecture that Go runs on

// readStat returns what the kernel knows of a process.
func readStat(pid int) (processStat, error) {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return processStat{}, err
	}
	return parseStat(data)
}

func parseStat(data []byte) (processStat, error) {
	open, end := bytes.IndexByte(data, '('), bytes.LastIndexByte(data, ')') // names may hold anything
	if open < 0 || end < open {
		return processStat{}, fmt.Errorf("emulate: %q is not what /proc/PID/stat holds", data)
	}
	fields := strings.Fields(string(data[end+1:]))
	if len(fields) < 22 {
		return processStat{}, fmt.Errorf("emulate: %q is not what /proc/PID/stat holds", data)
	}
	var bad error
	number := func(field int) uint64 { // by proc(5)'s numbers; the state is field 3
		n, err := strconv.ParseUint(fields[field-3], 10, 64)
		bad = errors.Join(bad, err)
		return n
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data[:open])))
	s := processStat{name: string(data[open+1 : end]), state: fields[0][0], resident: int64(number(24)) * int64(os.Getpagesize()),
		parent: int(number(4)), cpu: time.Duration(number(14)+number(15)) * tick, Process: Process{PID: pid, Start: number(22)}}
	return s, errors.Join(bad, err)
}

// identify returns the process with an id.
func identify(pid int) (Process, error) {
	s, err := readStat(pid)
	return s.Process, err
}

// Alive reports whether the process is there and has not ended.
func (p Process) Alive() bool {
	s, err := readStat(p.PID)
	return err == nil && s.Process == p && s.state != 'Z' && s.state != 'X'
}

// marked returns the processes that carry a testbed's id in their environment. Those of others cannot be read and are left out.
func marked(id string) []Process {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	want := []byte(environment + "=" + id)
	var found []Process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		data, err := os.ReadFile(filepath.Join("/proc", e.Name(), "environ"))
		if err != nil || !slices.ContainsFunc(bytes.Split(data, []byte{0}), func(v []byte) bool { return bytes.Equal(v, want) }) {
			continue
		}
		if p, err := identify(pid); err == nil && p.Alive() {
			found = append(found, p)
		}
	}
	return found
}

// Patience with processes that are to end.
const (
	politely  = 3 * time.Second // after SIGTERM
	forcibly  = 2 * time.Second // after SIGKILL
	lookAgain = 20 * time.Millisecond
)

// stop ends processes: those that find returns, until it returns none. They are asked first, and not for long once ctx has ended.
func stop(ctx context.Context, find func() []Process) error {
	for _, round := range []struct {
		signal  syscall.Signal
		patient time.Duration
	}{{syscall.SIGTERM, politely}, {syscall.SIGKILL, forcibly}} {
		told := map[Process]bool{}
		for deadline := time.Now().Add(round.patient); ; {
			alive := find()
			if len(alive) == 0 {
				return nil
			}
			for _, p := range alive {
				if !told[p] {
					told[p] = true
					p.signal(round.signal)
				}
			}
			if time.Now().After(deadline) || ctx.Err() != nil && round.signal != syscall.SIGKILL {
				break
			}
			time.Sleep(lookAgain)
		}
	}
	left := find()
	if len(left) == 0 {
		return nil
	}
	var ids []string
	for _, p := range left {
		ids = append(ids, strconv.Itoa(p.PID))
	}
	return fmt.Errorf("processes %s do not end, not even with SIGKILL", strings.Join(ids, ", "))
}
