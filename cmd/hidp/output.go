package main

import (
	"fmt"
	"io"

	"hidp/internal/durable"
)

// output is standard output. It remembers the first error, for what prints does not look at errors.
type output struct {
	to  io.Writer
	err error
}

// Write implements io.Writer.
func (o *output) Write(data []byte) (int, error) {
	n, err := o.to.Write(data)
	if err != nil && o.err == nil {
		o.err = err
	}
	return n, err
}

// outputError says that standard output took not all that was printed.
type outputError struct{ err error }

// Error implements error.
func (e *outputError) Error() string {
	return fmt.Sprintf("cannot write to standard output: %v", e.err)
}

// Unwrap returns the reason.
func (e *outputError) Unwrap() error { return e.err }

// notes is where words about a file go: not where the file itself goes.
func (a *app) notes(path string) io.Writer {
	if path == durable.Standard {
		return a.err
	}
	return a.out
}
