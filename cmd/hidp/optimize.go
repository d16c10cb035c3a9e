package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"hidp/experiments/sweep"
	"hidp/results"
)

func (a *app) optimizeCommand() *cobra.Command {
	var o sweep.OptimizeOptions
	c := &cobra.Command{Use: "optimize PROBLEM.toml", Short: "search scenario fields for the best objective under limits", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			p, err := sweep.LoadProblem(args[0])
			if err != nil {
				return err
			}
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
			a.printOptimum(best)
			return nil
		}}
	c.Flags().IntVar(&o.Jobs, "jobs", runtime.NumCPU(), "simulations at a time")
	return c
}

func (a *app) printOptimum(best *sweep.Optimum) {
	t := results.Table{Columns: []string{"rank"}}
	for i, candidate := range best.Candidates {
		row := []string{fmt.Sprint(i + 1)}
		for _, v := range append(append([]sweep.NamedValue{}, candidate.Settings...), candidate.Metrics...) {
			if i == 0 {
				t.Columns = append(t.Columns, v.Name)
			}
			row = append(row, v.Text)
		}
		for len(row) < len(t.Columns) {
			row = append(row, "–")
		}
		t.Rows = append(t.Rows, row)
	}
	a.printTable(t)
	fmt.Fprintf(a.out, "\n%d candidates, %d simulations\n", best.Tried, best.Runs)
	if !best.Feasible {
		fmt.Fprintln(a.out, "no candidate keeps all limits; the first comes closest")
	}
}
