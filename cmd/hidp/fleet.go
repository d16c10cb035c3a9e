package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"hidp/experiments/fleet"
	"hidp/internal/durable"
	"hidp/results"
)

// fleetFlags change a fleet's description and say how it is run.
type fleetFlags struct {
	boards   int
	requests float64
	seed     uint64
	asJSON   bool
	out      string
	options  fleet.Options
}

func (a *app) fleetCommand() *cobra.Command {
	var f fleetFlags
	c := &cobra.Command{Use: "fleet FLEET.toml", Short: "a day of thousands of boards on many sites", Args: cobra.ExactArgs(1),
		Example: "  hidp fleet experiments/fleet/city.toml --boards 1000 --requests 1e6 --out /tmp/city",
		RunE:    func(c *cobra.Command, args []string) error { return a.fleet(c, args[0], f) }}
	c.Flags().IntVar(&f.boards, "boards", 0, "about this many boards, in the description's proportions; 0: as described")
	c.Flags().Float64Var(&f.requests, "requests", 0, "a load that makes this many requests on average; 0: as described")
	c.Flags().Uint64Var(&f.seed, "seed", 0, "another seed than the description's")
	c.Flags().IntVar(&f.options.Jobs, "jobs", runtime.NumCPU(), "sites at a time, where they share nothing")
	c.Flags().StringVar(&f.out, "out", "", "folder for summary.json, sites.csv and hours.csv, and for what a stopped run goes on from")
	c.Flags().BoolVar(&f.options.Resume, "resume", false, "go on with what --out holds")
	c.Flags().BoolVar(&f.asJSON, "json", false, "print one JSON object")
	return c
}

func (a *app) fleet(c *cobra.Command, path string, f fleetFlags) error {
	d, err := fleet.Open(path)
	if err != nil {
		return err
	}
	if f.boards < 0 || f.boards > fleet.MostBoards || !(f.requests >= 0 && f.requests <= fleet.MostRequests) || f.options.Jobs < 1 {
		return fmt.Errorf("--boards %d --requests %g --jobs %d: up to %d boards, up to %g requests and at least one job are needed",
			f.boards, f.requests, f.options.Jobs, fleet.MostBoards, float64(fleet.MostRequests))
	}
	if f.boards > 0 {
		d = d.Sized(f.boards)
	}
	if f.requests > 0 {
		d = d.WithRequests(f.requests)
	}
	if err := d.CheckSize(); err != nil {
		return err
	}
	if c.Flags().Changed("seed") {
		d = d.WithSeed(f.seed)
	}
	bar := a.newProgress("requests", int64(d.Expected()))
	f.options.Folder = f.out
	f.options.Progress = func(p fleet.Progress) { bar.set(p.Requests) }
	f.options.Warn = func(text string) { fmt.Fprintln(a.err, "hidp: "+text) }
	start := time.Now()
	f.options.Due = everyMinute()
	r, err := fleet.Run(c.Context(), d, f.options)
	bar.done()
	if err != nil && !(errors.Is(err, context.Canceled) && r != nil) {
		return err
	}
	if f.out != "" {
		if failed := durable.WriteFiles(durable.Disk{}, f.out, r.Files()); failed != nil {
			return failed
		}
	}
	if err != nil && f.out != "" {
		fmt.Fprintf(a.err, "hidp: the run's state is in %s; the same command with --resume goes on\n", f.out)
	}
	if f.asJSON {
		if failed := printJSON(a.out, r); failed != nil {
			return failed
		}
		return err
	}
	a.printFleet(r, time.Since(start))
	return err
}

// printFleet prints what a fleet did; a run that was stopped is reported as far as it went.
func (a *app) printFleet(r *fleet.Result, took time.Duration) {
	fmt.Fprintf(a.out, "%s: %d boards on %d sites, %s, seed %d\n\n", r.Title, r.Boards, r.Sites, r.Strategy, r.Seed)
	t := results.Table{Columns: []string{"sites", "done", "requests", "failed", "mean", "p50", "p99", "energy serving"},
		Right: []string{"done", "requests", "failed", "mean", "p50", "p99", "energy serving"}}
	add := func(name string, done, sites int, f *fleet.Figures) {
		t.Add(name, fmt.Sprintf("%d of %d", done, sites), strconv.FormatInt(f.Completed, 10), strconv.FormatInt(f.Failed, 10), seconds(f.Latency.Mean),
			seconds(f.Latency.P50), seconds(f.Latency.P99), joules(float64(f.EnergyServing)))
	}
	for i := range r.Classes {
		g := &r.Classes[i]
		add(g.Name, g.SitesDone, g.Sites, &g.Figures)
	}
	add("all", r.SitesDone, r.Sites, &r.Total)
	t.Notes = sharedNotes(r.Shared)
	a.printTable(t)
	if terminal(a.err) {
		fmt.Fprintf(a.err, "\n%d events in %v\n", r.Total.Events, took.Round(time.Millisecond))
	}
}

// sharedNotes says what the sites shared, and how much of it was in use.
func sharedNotes(s *fleet.SharedFigures) (notes []string) {
	if s == nil {
		return []string{"Sites share neither the backbone nor the cloud: each has its stated share to itself."}
	}
	percent := func(x float64) string { return strconv.FormatFloat(100*x, 'f', 1, 64) + " %" }
	if s.CloudNodes > 0 {
		notes = append(notes, fmt.Sprintf("Cloud nodes that the sites share: %d, busy for %s of the time; their energy is in the last line only.",
			s.CloudNodes, percent(s.CloudBusy)))
	}
	if s.BackboneOut > 0 {
		notes = append(notes, fmt.Sprintf("Of the backbone %s was in use towards the cloud, %s back.", percent(s.BackboneOut), percent(s.BackboneIn)))
	}
	if s.Until > 0 {
		notes = append(notes, fmt.Sprintf("Stopped at %v of the fleet's clock: the figures are of the requests until then.",
			time.Duration(s.Until*1e9).Round(time.Second)))
	}
	return notes
}
