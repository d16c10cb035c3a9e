package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hidp/devices"
	"hidp/experiments"
	"hidp/internal/durable"
	"hidp/internal/input"
	"hidp/results"
	"hidp/results/chrometrace"
	"hidp/sim"
	"hidp/strategies/plan"
	"hidp/workloads"
)

// runFlags override parts of a scenario for one run.
type runFlags struct {
	strategy, trace string
	timeline        string
	checkpoint      string
	resume          bool
	options, sets   []string
	seed            uint64
	replication     int
	asJSON          bool
}

func (a *app) runCommand() *cobra.Command {
	var f runFlags
	c := &cobra.Command{Use: "run SCENARIO.toml", Short: "one simulation, summary on stdout", Args: cobra.ExactArgs(1),
		Example: "  hidp run experiments/scenarios/one-request.toml --strategy modnn --trace trace.json",
		RunE: func(c *cobra.Command, args []string) error {
			return a.runScenario(c, args[0], f)
		}}
	c.Flags().StringVar(&f.strategy, "strategy", "", "another strategy than the scenario's, with its default options; or exec:COMMAND, a program of your own")
	c.Flags().StringArrayVar(&f.options, "option", nil, "a knob of the strategy, `NAME=VALUE`; may be repeated")
	c.Flags().StringArrayVar(&f.sets, "set", nil, "another value for a field of the scenario, `FIELD=VALUE`; may be repeated")
	c.Flags().Uint64Var(&f.seed, "seed", 0, "another seed than the scenario's")
	c.Flags().IntVar(&f.replication, "replication", 0, "a replication of the seed, as in the rows of a sweep")
	c.Flags().StringVar(&f.trace, "trace", "", "write a Chrome trace to this file (open it in Perfetto)")
	c.Flags().StringVar(&f.timeline, "timeline", "", timelineFlag)
	c.Flags().StringVar(&f.checkpoint, "checkpoint", "", "keep the run's state in this file, every minute and when it is interrupted")
	c.Flags().BoolVar(&f.resume, "resume", false, "go on from the file of --checkpoint")
	c.Flags().BoolVar(&f.asJSON, "json", false, "print one JSON object")
	return c
}

func (a *app) runScenario(c *cobra.Command, path string, f runFlags) error {
	sets, err := experiments.ParseAssignments(f.sets)
	if err != nil {
		return err
	}
	s, err := experiments.LoadSet(path, sets)
	if err != nil {
		return err
	}
	options, err := parseOptions(f.options)
	if err != nil {
		return err
	}
	bar := a.newProgress("simulating", int64(s.Limit.Requests))
	o := experiments.Overrides{Strategy: f.strategy, Options: options, Observe: sim.Observer{Progress: func(p sim.Progress) { bar.set(p.Completed) }}}
	if c.Flags().Changed("seed") {
		o.Seed = &f.seed
	}
	if o.Replication = f.replication; f.replication < 0 {
		return fmt.Errorf("--replication %d: write a number from 0", f.replication)
	}
	if f.trace != "" || f.timeline != "" {
		o.Trace = -1
	}
	if err := f.keepState(&o); err != nil {
		return err
	}
	out, err := s.Run(c.Context(), o)
	bar.done()
	if errors.Is(err, context.Canceled) && out != nil {
		return a.printInterrupted(out, f, err)
	}
	if err != nil {
		return err
	}
	if f.trace != "" {
		if err := writeTrace(f.trace, out); err != nil {
			return err
		}
	}
	if f.timeline != "" {
		if err := writeTimeline(f.timeline, drawn{out.Summary.Strategy, out}); err != nil {
			return err
		}
	}
	return a.printOutcome(out, f.asJSON)
}

// printInterrupted prints what a run that was interrupted had measured by then.
func (a *app) printInterrupted(out *experiments.Outcome, f runFlags, err error) error {
	out.Summary.Warnings = append(out.Summary.Warnings, "interrupted: these figures are of the requests until then")
	if f.checkpoint != "" {
		fmt.Fprintf(a.err, "hidp: the run's state is in %s; the same command with --resume goes on\n", f.checkpoint)
	}
	return errors.Join(a.printOutcome(out, f.asJSON), err)
}

// keepState sets up the checkpoints of a run and reads the one to go on from.
func (f *runFlags) keepState(o *experiments.Overrides) (err error) {
	if f.checkpoint == "" {
		if f.resume {
			return errors.New("--resume needs --checkpoint FILE, the file to go on from")
		}
		return nil
	}
	if f.checkpoint == durable.Standard {
		return errors.New("--checkpoint -: the state is read again later; name a file")
	}
	if f.resume {
		if o.Checkpoint, err = input.Read(f.checkpoint, input.State); err != nil {
			return fmt.Errorf("--checkpoint: %w", err)
		}
	}
	o.Checkpoints.Save = sim.SaveTo(durable.Disk{}, f.checkpoint)
	o.Checkpoints.Due = everyMinute()
	return nil
}

// everyMinute says when a long run writes down its state.
func everyMinute() func(sim.Progress) bool {
	last := time.Now()
	return func(sim.Progress) bool {
		if time.Since(last) < time.Minute {
			return false
		}
		last = time.Now()
		return true
	}
}

func writeTrace(path string, out *experiments.Outcome) error {
	var data bytes.Buffer
	if err := chrometrace.Write(&data, out.Result.Trace, out.Platform); err != nil {
		return err
	}
	return durable.WriteFile(durable.Disk{}, path, data.Bytes())
}

// printOutcome prints the summary of a run. A run in which requests failed is a failure of the modelled world.
func (a *app) printOutcome(out *experiments.Outcome, asJSON bool) error {
	if asJSON {
		if err := printJSON(a.out, out.Summary); err != nil {
			return err
		}
	} else {
		a.printSummary(out)
	}
	for _, f := range out.Result.Failures {
		return &failedRequests{f.Requests, out.Summary.Requests, f.Reason}
	}
	return nil
}

// failedRequests says that a run went through but requests failed in it.
type failedRequests struct {
	failed, requests int64
	reason           string
}

// Error implements error.
func (e *failedRequests) Error() string {
	return fmt.Sprintf("%d of %d requests failed: %s", e.failed, e.requests, e.reason)
}

func (a *app) printSummary(out *experiments.Outcome) {
	m := out.Summary
	fmt.Fprintf(a.out, "%s, %s on %s, seed %d%s\n\n", m.Strategy, m.Model, m.Platform, m.Seed, replicationText(m.Replication))
	t := results.Table{Columns: []string{"what", "value"}, Right: []string{"value"}}
	t.Add("requests completed", fmt.Sprintf("%d of %d", m.Completed, m.Requests))
	t.Add("latency mean", seconds(m.Latency.Mean))
	t.Add("latency p50", seconds(m.Latency.P50))
	t.Add("latency p95", seconds(m.Latency.P95))
	t.Add("latency p99", seconds(m.Latency.P99))
	t.Add("latency max", seconds(m.Latency.Max))
	t.Add("throughput", results.Number(m.Throughput)+" /s")
	t.Add("energy serving, per request", joules(float64(m.EnergyServing)))
	t.Add("energy of the platform", joules(m.EnergyPlatform))
	t.Add("makespan", results.Number(m.Makespan)+" s")
	t.Add("planning", seconds(float64(m.PlanningTime)))
	a.printTable(t)
	fmt.Fprintln(a.out)
	nodes := results.Table{Columns: []string{"node", "busy", "memory", "energy"}, Right: []string{"memory", "energy"}}
	for i := range out.Result.Nodes {
		n := &out.Result.Nodes[i]
		nodes.Add(n.Name, utilisation(n, out.Result.Makespan), size(n.PeakMemory), results.Number(n.Energy())+" J")
	}
	a.printTable(nodes)
	for _, w := range m.Warnings {
		fmt.Fprintln(a.out, "\nwarning: "+w)
	}
}

// replicationText names a replication other than the first.
func replicationText(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", replication %d", n)
}

// utilisation lists the clusters of a node that worked, with the share of the makespan.
func utilisation(n *sim.NodeResult, makespan time.Duration) string {
	var texts []string
	for _, c := range n.Clusters {
		if c.Busy > 0 {
			texts = append(texts, fmt.Sprintf("%s %.1f %%", c.Name, 100*c.Busy.Seconds()/makespan.Seconds()))
		}
	}
	if len(texts) == 0 {
		return "–"
	}
	return strings.Join(texts, ", ")
}

func (a *app) simulateCommand() *cobra.Command {
	var platform, model, trace, timeline string
	var file fileFlags
	var requests int64
	var interval time.Duration
	var seed uint64
	var asJSON bool
	c := &cobra.Command{Use: "simulate PLAN.json", Short: "run a given plan in virtual time", Args: cobra.ExactArgs(1),
		Example: "  hidp simulate plan.json --platform paper-wlan --requests 100 --interval 500ms",
		RunE: func(c *cobra.Command, args []string) error {
			p, notes, err := planPlatform(args[0], platform)
			if err != nil {
				return err
			}
			if requests < 1 || requests > workloads.MostRequests || interval < 0 {
				return fmt.Errorf("--requests %d --interval %v: from 1 to %d requests and no negative interval are needed",
					requests, interval, workloads.MostRequests)
			}
			plan, g, err := readPlan(args[0], model, file, p)
			if err != nil {
				return err
			}
			cfg := sim.Config{Truth: p, Seed: seed}
			if trace != "" || timeline != "" {
				cfg.TraceLimit = -1
			}
			limit := workloads.Limit{Requests: int(requests)}
			if interval > 0 {
				cfg.Arrivals, err = workloads.Periodic{Interval: interval}.Source(seed, workloads.Equal(1), limit)
			} else {
				cfg.Clients, err = workloads.Closed{Clients: 1}.Loop(seed, workloads.Equal(1), limit)
			}
			if err != nil {
				return err
			}
			return a.simulate(c, cfg, plan, g, notes, trace, timeline, asJSON)
		}}
	c.Flags().StringVar(&platform, "platform", "", "catalogue name, FILE.toml or board:NAME|FILE[@RUNTIME/PRECISION] (default: the plan's own)")
	c.Flags().StringVar(&model, "model", "", "the network (default: the one the plan names)")
	c.Flags().Int64Var(&requests, "requests", 1, "how many requests run the plan")
	c.Flags().DurationVar(&interval, "interval", 0, "time between arrivals; 0: the next request comes when the last is served")
	c.Flags().Uint64Var(&seed, "seed", 1, "seed of what is random (jitter)")
	c.Flags().StringVar(&trace, "trace", "", "write a Chrome trace to this file (open it in Perfetto)")
	c.Flags().StringVar(&timeline, "timeline", "", timelineFlag)
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	file.add(c)
	return c
}

// planPlatform returns the platform to simulate a plan on: the one asked for, or the plan's own. Notes are warnings about it.
func planPlatform(file, asked string) (p *devices.Platform, notes []string, err error) {
	data, err := input.Read(file, input.Plan)
	if err != nil {
		return nil, nil, fmt.Errorf("plan: %w", err)
	}
	own, warning, err := plan.Platform(file, data)
	if err != nil && asked == "" {
		return nil, nil, err
	}
	if own != nil && asked == "" {
		if warning != "" {
			notes = []string{warning}
		}
		return own, append(notes, own.Warnings...), nil
	}
	if p, err = openPlatform(cmp.Or(asked, "paper-wlan"), ""); err != nil {
		return nil, nil, err
	}
	if own != nil && own.Hash() != p.Hash() {
		notes = []string{fmt.Sprintf("the plan was made for platform %s, and is simulated on another one, %s", own.Name, p.Name)}
	}
	return p, append(notes, p.Warnings...), nil
}

func (a *app) simulate(c *cobra.Command, cfg sim.Config, p *plan.Plan, g *workloads.Graph, notes []string, trace, timeline string, asJSON bool) error {
	r, err := sim.RunPlan(c.Context(), cfg, p, g)
	if err != nil {
		return err
	}
	out := &experiments.Outcome{Result: r, Summary: r.Summary(), Platform: cfg.Truth, Models: []*workloads.Graph{g}}
	out.Summary.Strategy, out.Summary.Model, out.Summary.Platform, out.Summary.Seed = p.Strategy, p.Model, cfg.Truth.Name, cfg.Seed
	out.Summary.Warnings = append(append(out.Summary.Warnings, notes...), warnings(p, g)...)
	if trace != "" {
		if err := writeTrace(trace, out); err != nil {
			return err
		}
	}
	if timeline != "" {
		if err := writeTimeline(timeline, drawn{p.Strategy, out}); err != nil {
			return err
		}
	}
	return a.printOutcome(out, asJSON)
}
