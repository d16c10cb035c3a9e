// Command hidp simulates distributed DNN inference on heterogeneous edge boards.
//
// It is a thin layer: every subcommand reads its input, calls one package below and prints what it returns. Exit status 0 means
// done, 1 that the modelled run failed, 2 that the input is wrong. Errors go to stderr.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
