package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"hidp/experiments/validation"
	"hidp/internal/input"
	"hidp/testbed/controller"
	"hidp/testbed/emulate"
	"hidp/testbed/inference"
	"hidp/workloads"
)

// validateFlags say what is validated, and on what.
type validateFlags struct {
	agents, set, matrix, out, ort string
	models, methods               []string
	quick, noCheck, asJSON        bool
	seed                          uint64
}

func (a *app) validateCommand() *cobra.Command {
	var f validateFlags
	c := &cobra.Command{Use: "validate", Short: "simulated against measured, from the same plans", Args: cobra.NoArgs,
		Long: "validate runs the plans of several strategies for several networks on agents, and simulates the same plans with what their ops took when\n" +
			"they were profiled. Without --agents it starts emulated boards and takes them down afterwards. See docs/testbed.md.",
		Example: "  hidp validate --quick\n  hidp validate --agents boards/agents.toml --models resnet50 --out validation",
		RunE:    func(c *cobra.Command, _ []string) error { return a.validate(c.Context(), f) }}
	c.Flags().StringVar(&f.agents, "agents", "", "agents file of a testbed that is up (default: emulated boards are started)")
	c.Flags().StringVar(&f.set, "set", "emulated-4", "which emulated boards to start")
	c.Flags().BoolVar(&f.quick, "quick", false, "small networks, a few minutes")
	c.Flags().StringVar(&f.matrix, "matrix", "", "a file with networks, strategies and how much is measured, instead of the two that come with hidp")
	c.Flags().StringSliceVar(&f.models, "models", nil, "only these networks of the matrix")
	c.Flags().StringSliceVar(&f.methods, "strategies", nil, "only these strategies of the matrix")
	c.Flags().StringVar(&f.out, "out", "out/validation", "folder for the report, its figures and tables")
	c.Flags().StringVar(&f.ort, "ort", "", "`FILE` of the ONNX Runtime library (default: $HIDP_ORT, else what make ort fetched)")
	c.Flags().BoolVar(&f.noCheck, "no-check", false, "do not compare answers with those of the networks unsplit")
	c.Flags().Uint64Var(&f.seed, "seed", 1, "seed of weights and inputs")
	c.Flags().BoolVar(&f.asJSON, "json", false, "print one JSON object")
	return c
}

// openMatrix returns what is to be validated.
func (f *validateFlags) openMatrix() (*validation.Matrix, error) {
	m := validation.Full()
	switch {
	case f.matrix != "" && f.quick:
		return nil, errors.New("--quick and --matrix: choose one")
	case f.matrix != "":
		data, err := input.Read(f.matrix, input.Config)
		if err != nil {
			return nil, fmt.Errorf("--matrix: %w", err)
		}
		if m, err = validation.ParseMatrix(f.matrix, data); err != nil {
			return nil, err
		}
	case f.quick:
		m = validation.Quick()
	}
	return m.With(f.models, f.methods)
}

func (a *app) validate(ctx context.Context, f validateFlags) (err error) {
	matrix, err := f.openMatrix()
	if err != nil {
		return err
	}
	conditions, down, err := a.ensureTestbed(ctx, &f)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, down()) }()
	roster, err := controller.OpenRoster(f.agents)
	if err != nil {
		return err
	}
	options, closeEngine, err := a.controllerOptions(f.ort, !f.noCheck)
	if err != nil {
		return err
	}
	defer closeEngine()
	agents, err := controller.Dial(ctx, roster, options)
	if err != nil {
		return err
	}
	defer agents.Close()
	report, err := a.validation(ctx, f, matrix, agents, conditions)
	if report == nil {
		return err
	}
	return errors.Join(a.printReport(report, f), err)
}

// ensureTestbed starts emulated boards unless there is a testbed, and returns what a reader must know of it, and how to end it.
func (a *app) ensureTestbed(ctx context.Context, f *validateFlags) (conditions []string, down func() error, err error) {
	if f.agents != "" {
		return []string{"agents of " + f.agents}, func() error { return nil }, nil
	}
	dir, err := os.MkdirTemp("", "hidp-testbed-")
	if err != nil {
		return nil, nil, err
	}
	state, err := up(ctx, f.set, upFlags{dir: dir, net: string(emulate.Shaped), ort: f.ort, seed: f.seed})
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	f.agents = state.Roster()
	down = func() error {
		return errors.Join(emulate.Down(context.WithoutCancel(ctx), dir, true), os.RemoveAll(dir))
	}
	conditions = []string{fmt.Sprintf("boards are emulated on one machine (%s): every core cluster computes on a core of this machine and holds its results until the slower cluster would have them",
		state.Spec), fmt.Sprintf("emulated clusters need up to %.2f of the %.2f cores that are theirs", state.Need, state.Limit), "the network is emulated by the agents: links shared chunk by chunk, latency held by the receiver"}
	if p := state.Priority; p != nil {
		conditions = append(conditions, "priority of agents: "+p.How)
	}
	status, err := emulate.Status(ctx, dir)
	if err != nil {
		return nil, nil, errors.Join(err, down())
	}
	return append(conditions, fmt.Sprintf("when it began, other processes kept %.2f cores busy", status.Machine.Others)), down, nil
}

// validation goes through the matrix.
func (a *app) validation(ctx context.Context, f validateFlags, m *validation.Matrix, agents *controller.Agents, conditions []string) (*validation.Report, error) {
	bench, err := validation.NewAgentBench(agents, "", f.seed)
	if err != nil {
		return nil, err
	}
	defer bench.Close()
	bar := a.newProgress("validating", 0)
	defer bar.done()
	for _, n := range agents.Roster().Agents {
		if agents.About(n.Node).Engine == (inference.Reference{}).Name() {
			return nil, fmt.Errorf("%s has no ONNX Runtime: what the engine in Go takes says nothing of boards; run make ort, or name the library with --ort", n.Node)
		}
		conditions = append(conditions, n.Node+": "+about(agents, n.Node))
	}
	return validation.Run(ctx, validation.Options{Matrix: m, Platform: agents.Roster().World(), Bench: bench, Check: !f.noCheck,
		Load: func(model string) (*workloads.Graph, error) { return openModel(model, fileFlags{}) }, Version: version(), Command: strings.Join(os.Args, " "), Conditions: conditions,
		Progress: func(done, total int, what string) {
			bar.total(int64(total))
			bar.set(int64(done))
		}})
}

// about describes an agent in a few words.
func about(agents *controller.Agents, node string) string {
	d := agents.About(node)
	return fmt.Sprintf("%s on %s", d.Engine, d.System)
}

func (a *app) printReport(r *validation.Report, f validateFlags) error {
	var files []string
	if f.out != "" {
		var err error
		if files, err = r.Write(f.out); err != nil {
			return err
		}
	}
	if f.asJSON {
		_, err := a.out.Write(r.JSON())
		return err
	}
	for _, t := range r.Tables() {
		a.printTable(t)
		fmt.Fprintln(a.out)
	}
	if len(files) > 0 {
		fmt.Fprintf(a.out, "%d files in %s: begin with %s\n", len(files), f.out, filepath.Join(f.out, "validation.md"))
	}
	return nil
}
