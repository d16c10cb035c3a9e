package main

import (
	"runtime"

	"github.com/spf13/cobra"

	"hidp/experiments/sweep"
	"hidp/strategies/plan"
)

func (a *app) optimizeCommand() *cobra.Command {
	var o sweep.OptimizeOptions
	var asJSON bool
	c := &cobra.Command{Use: "optimize PROBLEM.toml", Short: "search scenario fields for the best objective under limits", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			p, err := sweep.LoadProblem(args[0])
			if err != nil {
				return err
			}
			collectLess()
			bar := a.newProgress("searching", 0)
			o.Progress = func(runs, of int, _ *sweep.Candidate) {
				bar.total(int64(of))
				bar.set(int64(runs))
			}
			best, err := sweep.Optimize(c.Context(), p, o)
			bar.done()
			if err != nil {
				return err
			}
			if asJSON {
				if err := printJSON(a.out, best); err != nil {
					return err
				}
			} else {
				a.printTable(*best.Table())
			}
			if !best.Feasible {
				return &plan.InfeasibleError{Reason: "no candidate keeps all limits; the first comes closest"}
			}
			return nil
		}}
	c.Flags().IntVar(&o.Jobs, "jobs", runtime.NumCPU(), "simulations at a time")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return c
}
