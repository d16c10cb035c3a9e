package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"hidp/results"
	"hidp/testbed/emulate"
	"hidp/testbed/inference"
)

// testbedDir is where the emulated boards of this folder live unless said otherwise.
const testbedDir = ".testbed"

func (a *app) testbedCommand() *cobra.Command {
	c := &cobra.Command{Use: "testbed", Short: "emulated boards on this machine, and agents on real ones",
		Long: "testbed up starts an agent for every board of a set, each as slow as its board, behind the network between them.\n" +
			"Plans run on them with hidp replay; hidp testbed down takes everything away again. testbed deploy puts agents onto real boards.",
		Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(a.testbedUpCommand(), a.testbedDownCommand(), a.testbedStatusCommand(), a.testbedDeployCommand())
	return c
}

// upFlags say what testbed up makes.
type upFlags struct {
	dir, net, ort        string
	force, plainPriority bool
	seed                 uint64
}

func (a *app) testbedUpCommand() *cobra.Command {
	var f upFlags
	c := &cobra.Command{Use: "up [SET]", Short: "start emulated boards", Args: cobra.MaximumNArgs(1),
		Long: "up starts the agents of a set of emulated boards and returns when all answer: one of " + strings.Join(emulate.SpecNames(), ", ") + "\n" +
			"(emulated-4 unless said otherwise), or a file of your own (docs/testbed.md). Sets that this machine cannot emulate\n" +
			"faithfully are refused.",
		Example:   "  hidp testbed up\n  hidp testbed up emulated-wlan --dir /tmp/wlan",
		ValidArgs: emulate.SpecNames(),
		RunE: func(c *cobra.Command, args []string) error {
			set := "emulated-4"
			if len(args) > 0 {
				set = args[0]
			}
			return a.testbedUp(c.Context(), set, f)
		}}
	c.Flags().StringVar(&f.dir, "dir", testbedDir, "folder of the testbed")
	c.Flags().StringVar(&f.net, "net", string(emulate.Shaped), "shaped (by the agents) or ns (network namespaces and tbf; needs root)")
	c.Flags().StringVar(&f.ort, "ort", "", "`FILE` of the ONNX Runtime library (default: $HIDP_ORT, else what make ort fetched)")
	c.Flags().Uint64Var(&f.seed, "seed", 1, "seed of the network's jitter")
	c.Flags().BoolVar(&f.force, "force", false, "replace a testbed that is up in the folder")
	c.Flags().BoolVar(&f.plainPriority, "no-priority", false, "do not raise agents above other load")
	return c
}

func (a *app) testbedUp(ctx context.Context, set string, f upFlags) error {
	state, err := up(ctx, set, f)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "%s is up: %d boards, network %s; they need up to %.2f of %.2f cores\n", state.Spec, len(state.Agents), state.Net, state.Need, state.Limit)
	if p := state.Priority; p != nil {
		fmt.Fprintf(a.out, "priority: %s\n", p.How)
	}
	status, err := emulate.Status(ctx, f.dir)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "they compute with %s\n", status.Agents[0].Engine)
	if status.Agents[0].Engine == (inference.Reference{}).Name() {
		fmt.Fprintln(a.err, "hidp: there is no ONNX Runtime: the engine in Go is a hundred times slower; run make ort, or name the library with --ort")
	}
	fmt.Fprintf(a.out, "plans for them: hidp plan --platform %s …; they run with --agents %s\n", state.Platform, shorter(state.Roster()))
	return nil
}

// up starts a set of emulated boards.
func up(ctx context.Context, set string, f upFlags) (*emulate.State, error) {
	spec, err := emulate.OpenSpec(set)
	if err != nil {
		return nil, err
	}
	program, err := self()
	if err != nil {
		return nil, err
	}
	if f.ort != "" {
		if f.ort, err = filepath.Abs(f.ort); err != nil {
			return nil, err
		}
	}
	return emulate.Up(ctx, spec, emulate.Options{Dir: f.dir, Command: []string{program, "agent"}, ORT: f.ort, Net: emulate.Net(f.net), Seed: f.seed,
		Force: f.force, Priority: !f.plainPriority})
}

// self returns this program's path as it was called, which tests rely on.
func self() (string, error) {
	path, err := exec.LookPath(os.Args[0])
	if err != nil {
		if path, err = os.Executable(); err != nil {
			return "", err
		}
	}
	return filepath.Abs(path)
}

// shorter returns a path relative to the working directory where that is below it.
func shorter(path string) string {
	dir, err := os.Getwd()
	if err != nil {
		return path
	}
	if short, err := filepath.Rel(dir, path); err == nil && !strings.HasPrefix(short, "..") {
		return short
	}
	return path
}

func (a *app) testbedDownCommand() *cobra.Command {
	var dir string
	var logs bool
	c := &cobra.Command{Use: "down", Short: "stop emulated boards and take everything of them away", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := emulate.Down(c.Context(), dir, logs); err != nil {
				return err
			}
			fmt.Fprintln(a.out, "the testbed in", dir, "is down")
			return nil
		}}
	c.Flags().StringVar(&dir, "dir", testbedDir, "folder of the testbed")
	c.Flags().BoolVar(&logs, "logs", false, "remove the agents' logs as well")
	return c
}

func (a *app) testbedStatusCommand() *cobra.Command {
	var dir string
	var asJSON bool
	c := &cobra.Command{Use: "status", Short: "how emulated boards are, and what else loads the machine", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			r, err := emulate.Status(c.Context(), dir)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(a.out, r)
			}
			a.printTestbed(r)
			return nil
		}}
	c.Flags().StringVar(&dir, "dir", testbedDir, "folder of the testbed")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return c
}

func (a *app) printTestbed(r *emulate.Report) {
	fmt.Fprintf(a.out, "%s is %s in %s: platform %s, network %s, agents file %s\n\n", r.Spec, r.Phase, r.Dir, r.Platform, r.Net, shorter(r.Roster))
	t := results.Table{Columns: []string{"board", "process", "state", "engine", "in use by", "CPU s", "memory"}, Right: []string{"process", "CPU s", "memory"}}
	for _, g := range r.Agents {
		state := g.Why
		if g.Answers {
			state = "answers"
		}
		t.Add(g.Node, strconv.Itoa(g.PID), state, g.Engine, g.Holder, results.Number(g.CPU), size(g.Resident))
	}
	a.printTable(t)
	fmt.Fprintf(a.out, "\nboards need up to %.2f of %.2f cores; priority: %s\n", r.Need, r.Limit, r.Priority)
	fmt.Fprintf(a.out, "others keep %.2f cores busy; sleeping threads wake up to %.2f ms late\n", r.Machine.Others, 1e3*r.Machine.Late)
	for _, w := range r.Warnings {
		fmt.Fprintln(a.out, "warning:", w)
	}
}
