package emulate

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
)

// child is an agent's process that this process started.
type child struct {
	Process
	ended  atomic.Bool
	status atomic.Value // string: how it ended
}

// launch is what an agent is started with.
type launch struct {
	argv      []string
	env       []string
	log       string
	namespace string // network namespace; empty: this process'
}

// start starts a process that goes on when this one ends: in a session of its own, with its output in a file.
func start(l launch) (*child, error) {
	log, err := os.OpenFile(l.log, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(l.argv[0], l.argv[1:]...)
	cmd.Env = append(os.Environ(), l.env...)
	cmd.Stdout, cmd.Stderr = log, log
	detach(cmd)
	if err := within(l.namespace, cmd.Start); err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", l.argv[0], err)
	}
	c := &child{}
	go func() { // so that it does not stay as a zombie while this process lives
		_ = cmd.Wait()
		c.status.Store(cmd.ProcessState.String())
		c.ended.Store(true)
	}()
	c.Process, err = identify(cmd.Process.Pid)
	if err != nil && !c.ended.Load() {
		c.Process = Process{PID: cmd.Process.Pid}
	}
	return c, nil
}

// threads returns how many threads of an agent may run Go at once: those of its core clusters, which may have to wait for the CPU that
// they share, and one more. With four more, the runtime's search for work cost half as much again for each message.
func threads(clusters int) string { return "GOMAXPROCS=" + strconv.Itoa(clusters+1) }

// tail returns the last lines of a file, shortened.
func tail(path string, lines int) string {
	const most = 4096
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return ""
	}
	from := max(0, info.Size()-most)
	data := make([]byte, info.Size()-from)
	n, _ := f.ReadAt(data, from)
	all := strings.Split(strings.TrimRight(string(data[:n]), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
