package main

import (
	"fmt"
	"runtime"
	"sync"

	"github.com/spf13/cobra"

	"hidp/experiments"
)

func (a *app) reproduceCommand() *cobra.Command {
	o := experiments.Options{Version: version()}
	c := &cobra.Command{Use: "reproduce [EXPERIMENT…]", Short: "the paper's figures: CSV, SVG, PNG, PDF and the comparison with the published claims",
		ValidArgs: experiments.Names(),
		RunE: func(c *cobra.Command, args []string) error {
			if o.Jobs < 1 {
				return fmt.Errorf("--jobs %d: must be at least 1", o.Jobs)
			}
			progress := a.newExperimentProgress()
			o.Progress = progress.step
			report, err := experiments.Reproduce(c.Context(), args, o)
			progress.done()
			if err != nil {
				return err
			}
			fmt.Fprint(a.out, report.Text(width(a.out), colour(a.out)))
			fmt.Fprintf(a.out, "\n%d simulations; wrote", report.Simulations)
			for _, f := range report.Files {
				fmt.Fprint(a.out, " "+f)
			}
			fmt.Fprintln(a.out)
			return nil
		}}
	c.Flags().StringVar(&o.Out, "out", "out", "folder for the results")
	c.Flags().Uint64Var(&o.Seed, "seed", 1, "seed of everything random")
	c.Flags().IntVar(&o.Jobs, "jobs", runtime.NumCPU(), "simulations at a time")
	c.Flags().BoolVar(&o.Quick, "quick", false, "fewer seeds and a coarser grid")
	return c
}

// experimentProgress shows one bar after the other, one per experiment.
type experimentProgress struct {
	app  *app
	mu   sync.Mutex
	name string
	bar  *progress
}

func (a *app) newExperimentProgress() *experimentProgress {
	return &experimentProgress{app: a, bar: &progress{}}
}

func (p *experimentProgress) step(experiment string, done, total int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if experiment != p.name {
		p.bar.done()
		p.name, p.bar = experiment, p.app.newProgress(experiment, int64(total))
	}
	p.bar.total(int64(total))
	p.bar.set(int64(done))
}

func (p *experimentProgress) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bar.done()
}
