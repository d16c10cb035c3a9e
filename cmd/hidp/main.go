// Command hidp simulates distributed DNN inference on heterogeneous edge boards.
//
// It is a thin layer: every subcommand reads its input, calls one package below and prints what it returns. Exit status 0 means
// done, 1 that the modelled or the real world failed (a full disk, too), 2 that the input is wrong, 130 that the user interrupted.
// Errors go to stderr.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
