//go:build !linux

package emulate

import (
	"errors"
	"os/exec"
	"syscall"
)

// errSystem says that boards are emulated on Linux only: with its process files, its control groups and its clocks.
var errSystem = errors.New("boards are emulated on Linux only")

func detach(*exec.Cmd) {}

func within(string, func() error) error { return errSystem }

func confine(Process, []int) error { return errSystem }

func lockFolder(string) (func(), error) { return nil, errSystem }

func checkNamespaces() error { return errSystem }

func makeNamespaces([]string, *wiring) error { return errSystem }

func removeNamespace(string) error { return errSystem }

func (p Process) signal(syscall.Signal) {}
