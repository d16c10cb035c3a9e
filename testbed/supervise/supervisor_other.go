//go:build !linux

package supervise

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
)

// Options, ExitError, Run and Inherited are described in supervisor_linux.go: elsewhere nothing is supervised.
type Options struct {
	Command  []string
	Listener net.Listener
	Log      io.Writer
}

// ExitError is a worker that ended in order with an exit status other than 0.
type ExitError struct{ Code int }

// Error implements error.
func (e *ExitError) Error() string { return fmt.Sprintf("the agent has ended with status %d", e.Code) }

// Supported reports whether agents can be supervised here.
func Supported() bool { return false }

// Run is for Linux.
func Run(context.Context, Options) error {
	return errors.New("supervise: agents are supervised on Linux only")
}

// Inherited returns nil: there is no supervisor.
func Inherited() (*Worker, error) { return nil, nil }

func signalName(s syscall.Signal) string { return s.String() }
