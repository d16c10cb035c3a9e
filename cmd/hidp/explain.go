package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"hidp/experiments"
	"hidp/results"
	"hidp/sim"
)

// explainFlags say what is explained, unless a file does.
type explainFlags struct {
	planFlags
	seed              uint64
	timeline, against string
}

func (a *app) explainCommand() *cobra.Command {
	var f explainFlags
	c := &cobra.Command{Use: "explain [SCENARIO.toml|PLAN.json]", Short: "where time and energy go, and what would change them", Args: cobra.MaximumNArgs(1),
		Long: "Simulates a scenario, a plan, or one request (--model, --platform, --strategy), follows the critical path of every request,\n" +
			"and simulates the same with one thing changed: a faster network, smaller inputs, one board fewer or more.",
		Example: "  hidp explain --model vgg19 --platform paper-wlan\n  hidp explain experiments/scenarios/one-request.toml --strategy modnn",
		RunE:    func(c *cobra.Command, args []string) error { return a.explain(c, args, f) }}
	c.Flags().StringVar(&f.model, "model", "", "zoo name, FILE.onnx or layer table FILE.toml, for one request")
	c.Flags().StringVar(&f.platform, "platform", "paper-wlan", "catalogue name, FILE.toml or board:NAME[@RUNTIME/PRECISION]")
	c.Flags().StringVar(&f.strategy, "strategy", "", "see hidp list strategies, or exec:COMMAND (default: the file's, or hidp)")
	c.Flags().StringVar(&f.leader, "leader", "", "the node that receives the request (default: the platform's)")
	c.Flags().IntVar(&f.batch, "batch", 1, "inputs of the request")
	c.Flags().StringArrayVar(&f.options, "option", nil, "a knob of the strategy, `NAME=VALUE`; may be repeated")
	c.Flags().Uint64Var(&f.seed, "seed", 0, "another seed than the scenario's")
	c.Flags().StringVar(&f.timeline, "timeline", "", timelineFlag)
	c.Flags().StringVar(&f.against, "against", "", "another `STRATEGY` to draw below it in the timeline")
	c.Flags().BoolVar(&f.asJSON, "json", false, "print one JSON object")
	f.file.add(c)
	return c
}

func (a *app) explain(c *cobra.Command, args []string, f explainFlags) error {
	options, err := parseOptions(f.options)
	if err != nil {
		return err
	}
	s, err := f.scenario(c, args)
	if err != nil {
		return err
	}
	o := experiments.Overrides{Strategy: f.strategy, Options: options}
	if s.Plan != nil && (f.strategy != "" || len(options) > 0) {
		return errors.New("--strategy, --option: the plan file says what is run; they go with a scenario or --model")
	}
	if c.Flags().Changed("seed") {
		o.Seed = &f.seed
	}
	x, err := s.Explain(c.Context(), o)
	if err != nil {
		return err
	}
	if err := f.draw(c, s, o); err != nil {
		return err
	}
	if f.asJSON {
		return printJSON(a.out, x)
	}
	a.printExplanation(x)
	return nil
}

// draw draws the timeline, if one is asked for.
func (f *explainFlags) draw(c *cobra.Command, s *experiments.Scenario, o experiments.Overrides) error {
	if f.timeline == "" {
		if f.against != "" {
			return errors.New("--against: goes with --timeline FILE")
		}
		return nil
	}
	o.Trace = -1
	first, err := s.Run(c.Context(), o)
	if err != nil {
		return err
	}
	runs := []drawn{{first.Summary.Strategy, first}}
	if f.against != "" {
		free := *s
		free.Plan, o.Strategy, o.Options = nil, f.against, nil
		second, err := free.Run(c.Context(), o)
		if err != nil {
			return err
		}
		runs = append(runs, drawn{f.against, second})
	}
	return writeTimeline(f.timeline, runs...)
}

// scenario returns what is to be explained.
func (f *explainFlags) scenario(c *cobra.Command, args []string) (*experiments.Scenario, error) {
	if len(args) == 1 && f.model == "" && strings.HasSuffix(args[0], ".toml") {
		return experiments.Load(args[0])
	}
	if len(args) == 1 && strings.HasSuffix(args[0], ".toml") {
		return nil, errors.New("--model: the scenario says which networks run; write one of the two")
	}
	if len(args) == 1 {
		asked := ""
		if c.Flags().Changed("platform") {
			asked = f.platform
		}
		p, _, err := planPlatform(args[0], asked)
		if err != nil {
			return nil, err
		}
		plan, g, err := readPlan(args[0], f.model, f.file, p)
		if err != nil {
			return nil, err
		}
		return experiments.Lone(p, g, plan.Strategy, nil, plan.Batch, plan), nil
	}
	if f.model == "" {
		return nil, errors.New("nothing to explain: name a scenario or a plan file, or a network with --model")
	}
	if f.batch < 1 {
		return nil, fmt.Errorf("--batch %d: must be at least 1", f.batch)
	}
	p, err := openPlatform(f.platform, f.leader)
	if err != nil {
		return nil, err
	}
	g, err := openModel(f.model, f.file)
	if err != nil {
		return nil, err
	}
	return experiments.Lone(p, g, "hidp", nil, f.batch, nil), nil
}

// leastShare is the share of the time below which a place is left out of the table.
const leastShare = 0.005

func (a *app) printExplanation(x *experiments.Explanation) {
	m := x.Summary
	fmt.Fprintf(a.out, "%s, %s on %s: %s, %s per request\n\n", m.Strategy, m.Model, m.Platform, seconds(m.Latency.Mean), joules(float64(m.EnergyServing)))
	a.paragraph(x.Cause, 0, 0)
	fmt.Fprintln(a.out)
	t := results.Table{Columns: []string{"time", "where", "per request", "share"}, Right: []string{"per request", "share"}}
	rest := 0.0
	for _, s := range x.Time {
		if s.Share < leastShare {
			rest += s.Share
			continue
		}
		t.Add(string(s.Part), s.Where, seconds(s.Seconds), fmt.Sprintf("%.1f %%", 100*s.Share))
	}
	a.printTable(t)
	if rest > 0 {
		fmt.Fprintf(a.out, "All other places together: %.1f %%.\n", 100*rest)
	}
	fmt.Fprintln(a.out)
	e := results.Table{Columns: []string{"energy", "idle", "clusters", "network", "planning"}, Right: []string{"idle", "clusters", "network", "planning"}}
	for _, n := range x.Energy {
		e.Add(n.Node, joules(n.Idle), joules(n.Active), joules(n.Network), joules(n.Planning))
	}
	a.printTable(e)
	fmt.Fprintln(a.out)
	w := results.Table{Columns: []string{"what if", "latency", "change", "energy", "throughput"}, Right: []string{"latency", "change", "energy", "throughput"}}
	var failed []string
	for i, r := range x.WhatIf {
		if r.Failure != "" {
			failed = append(failed, fmt.Sprintf("%s: %s", r.Change, r.Failure))
		}
		change := "–"
		if i > 0 && r.Faster.Known() {
			change = percent(r.Faster)
		}
		w.Add(r.Change, seconds(float64(r.Latency)), change, joules(float64(r.Energy)), results.Number(r.Throughput)+" /s")
	}
	a.printTable(w)
	for _, text := range failed {
		a.paragraph(text, 0, 4)
	}
	for _, text := range m.Warnings {
		fmt.Fprintln(a.out, "\nwarning: "+text)
	}
}

// percent prints a relative change.
func percent(q sim.Quantity) string {
	return strings.Replace(fmt.Sprintf("%+.1f %%", 100*float64(q)), "-", "−", 1)
}
