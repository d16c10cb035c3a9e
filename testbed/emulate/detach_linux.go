package emulate

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// detach makes a process the leader of a session of its own, so that the end of a terminal does not reach it.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

// within calls f on a thread that is in a network namespace, and ends afterwards: processes that are started and sockets that are
// opened there belong to it. Without a namespace it is an ordinary call.
func within(namespace string, f func() error) error {
	if namespace == "" {
		return f()
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // without an end: no other goroutine may run on the thread
		err := enter(namespace)
		if err == nil {
			err = f()
		}
		done <- err
	}()
	return <-done
}

// enter moves the calling thread into a network namespace.
func enter(namespace string) error {
	f, err := os.Open(filepath.Join(namespaceFolder, namespace))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("entering network namespace %s: %w", namespace, err)
	}
	return nil
}

// lockFolder makes sure that one process at a time changes the testbed of a folder. The lock ends with the process at the latest.
func lockFolder(dir string) (unlock func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if err == unix.EWOULDBLOCK {
			return nil, fmt.Errorf("another hidp testbed is at work in %s; wait until it is done", dir)
		}
		return nil, fmt.Errorf("locking %s: %w", dir, err)
	}
	return func() { f.Close() }, nil
}
