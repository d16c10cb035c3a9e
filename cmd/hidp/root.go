package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"hidp/experiments/slurm"
	"hidp/experiments/validation"
	"hidp/internal/durable"
	"hidp/sim"
	"hidp/strategies/external"
	"hidp/strategies/plan"
	"hidp/testbed/controller"
	"hidp/testbed/deploy"
	"hidp/testbed/inference"
	"hidp/testbed/supervise"
)

// app carries what every subcommand needs: where to print.
type app struct {
	out, err io.Writer
}

// run executes the command line and returns the exit status.
func run(ctx context.Context, args []string, out, errs io.Writer) int {
	printed := &output{to: out}
	a := &app{out: printed, err: errs}
	root := a.root()
	root.SetArgs(args)
	command, err := root.ExecuteContextC(ctx)
	if printed.err != nil {
		err = &outputError{printed.err}
	}
	if err == nil {
		return 0
	}
	status := a.fail(err)
	if hint := misplaced(command); status == 2 && hint != "" {
		fmt.Fprintln(a.err, "hidp: "+hint)
	}
	return status
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "hidp",
		Short:         "simulate distributed DNN inference on heterogeneous edge boards",
		Long:          "hidp simulates how DNNs, split over boards and over the core clusters of each board, perform: latency, energy, throughput.\nStart with `hidp reproduce`, or `hidp list strategies`.",
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetVersionTemplate("hidp {{.Version}}\n")
	root.SuggestionsMinimumDistance = 2
	root.AddCommand(a.reproduceCommand(), a.runCommand(), a.planCommand(), a.simulateCommand(), a.sweepCommand(), a.optimizeCommand(), a.fleetCommand(),
		a.validateCommand(), a.agentCommand(), a.testbedCommand(), a.replayCommand(), a.compareCommand(), a.explainCommand(), a.predictCommand(),
		a.calibrateCommand(), a.boardCommand(), a.modelCommand(), a.listCommand(), a.newCommand())
	finish(root)
	return root
}

// version returns the module version or the commit the binary was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			v += " " + s.Value
		}
	}
	return v
}

// interrupted is the exit status after Ctrl-C, as shells have it.
const interrupted = 130

// fail prints err and returns the exit status that goes with it: 130 if the user interrupted, 1 if the world failed, modelled or real,
// else 2.
func (a *app) fail(err error) int {
	if errors.Is(err, context.Canceled) {
		fmt.Fprintln(a.err, "hidp: interrupted; no partial file was left behind")
		return interrupted
	}
	if exit := (*supervise.ExitError)(nil); errors.As(err, &exit) {
		return exit.Code // the worker has said why
	}
	a.printError(err)
	if worldFailed(err) {
		return 1
	}
	return 2
}

// worldFailed reports whether err says that the modelled world, or the real one, failed, and not that the input is wrong.
func worldFailed(err error) bool {
	var refused *controller.RefusedError
	if errors.As(err, &refused) {
		return !refused.User
	}
	if durable.Full(err) || is[*outputError](err) || is[*damagedSweep](err) {
		return true
	}
	return is[*plan.InfeasibleError](err) || is[*sim.OutOfMemoryError](err) || is[*sim.NodeLostError](err) || is[*sim.DeadlockError](err) ||
		is[*sim.HorizonError](err) || is[*sim.LateError](err) || is[*failedRequests](err) || is[*slurm.IncompleteError](err) ||
		is[*controller.NodeLostError](err) || is[*controller.RequestError](err) || is[*controller.TimeoutError](err) || is[*controller.FitError](err) ||
		is[*controller.BusyError](err) || is[*controller.DialError](err) || is[*controller.TransferError](err) || is[*controller.DisagreementError](err) || is[*controller.InvalidRunError](err) ||
		is[*controller.CrashError](err) || is[*supervise.GivenUpError](err) || is[*inference.ShapeError](err) ||
		is[*external.ProcessError](err) || is[*validation.DisagreementError](err) || is[*deploy.HostError](err)
}

// is reports whether an error of type E is among those that err wraps.
func is[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}

// printError prints one line per fault, prefixed with the program's name.
func (a *app) printError(err error) {
	text := strings.NewReplacer("\n\nDid you mean this?\n\t", "; did you mean ", "\n\t", ", ").Replace(strings.TrimRight(err.Error(), "\n"))
	for _, line := range strings.Split(text, "\n") {
		fmt.Fprintln(a.err, "hidp: "+line)
	}
}

// terminal reports whether w is a terminal, where colours and progress bars are welcome.
func terminal(w io.Writer) bool {
	if o, ok := w.(*output); ok {
		w = o.to
	}
	f, ok := w.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// colour reports whether w is a terminal whose user did not ask for plain text (NO_COLOR).
func colour(w io.Writer) bool { return terminal(w) && os.Getenv("NO_COLOR") == "" }
