package main

import (
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"hidp/experiments"
	"hidp/internal/suggest"
	"hidp/results"
	"hidp/sim"
)

func (a *app) compareCommand() *cobra.Command {
	var o experiments.CompareOptions
	var sets, strategies []string
	var format string
	var asJSON bool
	c := &cobra.Command{Use: "compare [SCENARIO.toml]", Short: "strategies against each other, paired by replication, with intervals", Args: cobra.MaximumNArgs(1),
		Long: "Runs every strategy on every network, platform and leader, and says by how much each differs from the first one named.\n" +
			"All strategies meet the same arrivals, jitter and errors of belief. Without a scenario: one request, and planners that\n" +
			"believe in rates that are off by 10 %. A strategy may have options: modnn:sync=once,route=p2p.",
		Example: "  hidp compare --models vgg19,resnet152 --strategies hidp,disnet,modnn --platform paper-gbe",
		RunE: func(c *cobra.Command, args []string) (err error) {
			if len(args) == 1 {
				o.Scenario = args[0]
			}
			if asJSON && format != "text" {
				return fmt.Errorf("--json and --format %s: choose one", format)
			}
			if known := []string{"text", "csv", "markdown", "latex"}; !slices.Contains(known, format) {
				return fmt.Errorf("--format %s: write one of %s%s", format, strings.Join(known, ", "), suggest.Phrase(format, known))
			}
			if o.Sets, err = experiments.ParseAssignments(sets); err != nil {
				return err
			}
			o.Strategies = strategyList(strategies)
			bar := a.newProgress("simulating", 0)
			o.Progress = func(done, total int) { bar.total(int64(total)); bar.set(int64(done)) }
			x, err := experiments.Compare(c.Context(), o)
			bar.done()
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(a.out, x)
			}
			a.printComparison(x, format)
			return nil
		}}
	c.Flags().StringSliceVar(&o.Models, "models", nil, "networks, each alone, separated by commas (default: the scenario's, or vgg19)")
	c.Flags().StringArrayVar(&strategies, "strategies", nil, "strategies, separated by commas or in several flags; the first is the base of the others")
	c.Flags().StringSliceVar(&o.Platforms, "platform", nil, "platforms, separated by commas (default: the scenario's, or paper-wlan)")
	c.Flags().StringSliceVar(&o.Leaders, "leader", nil, "leaders, separated by commas, or all (default: the platform's)")
	c.Flags().StringArrayVar(&sets, "set", nil, "another value for a field of the scenario, `FIELD=VALUE`; may be repeated")
	c.Flags().IntVar(&o.Replications, "replications", 20, "runs of each strategy in each cell")
	c.Flags().IntVar(&o.Jobs, "jobs", runtime.NumCPU(), "simulations at a time")
	c.Flags().StringVar(&format, "format", "text", "text, csv, markdown or latex")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return c
}

// strategyList splits the values of --strategies at commas, but for those between options of a strategy and those of a command.
func strategyList(values []string) (list []string) {
	for _, v := range values {
		if strings.HasPrefix(v, "exec:") {
			list = append(list, v)
			continue
		}
		for _, s := range strings.Split(v, ",") {
			if last := len(list) - 1; last >= 0 && strings.Contains(s, "=") && !strings.Contains(s, ":") {
				list[last] += "," + s
			} else {
				list = append(list, s)
			}
		}
	}
	return list
}

// printComparison prints the cells, and the means over them.
func (a *app) printComparison(x *experiments.Comparison, format string) {
	t := results.Table{Columns: []string{"model", "strategy", "latency", "change", "95 % interval", "p", "energy", "change of energy", "throughput"}}
	t.Right = t.Columns[2:]
	many := func(get func(experiments.ComparisonRow) string) bool {
		return slices.ContainsFunc(x.Rows, func(r experiments.ComparisonRow) bool { return get(r) != get(x.Rows[0]) })
	}
	platforms := many(func(r experiments.ComparisonRow) string { return r.Platform })
	leaders := many(func(r experiments.ComparisonRow) string { return r.Leader })
	if leaders {
		t.Columns = append([]string{"leader"}, t.Columns...)
	}
	if platforms {
		t.Columns = append([]string{"platform"}, t.Columns...)
	}
	for _, r := range x.Rows {
		cells := []string{r.Model, r.Strategy, seconds(float64(r.Latency.Mean))}
		cells = append(cells, changeCells(r.Change["latency"])...)
		energy := "–"
		if e := r.Change["energy"]; e != nil {
			energy = percent(e.Mean)
		}
		cells = append(cells, joules(float64(r.Energy)), energy, perSecond(r.Throughput))
		if leaders {
			cells = append([]string{r.Leader}, cells...)
		}
		if platforms {
			cells = append([]string{r.Platform}, cells...)
		}
		t.Add(cells...)
		if r.Failure != "" {
			t.Notes = append(t.Notes, fmt.Sprintf("%s under %s on %s cannot run: %s", r.Model, r.Strategy, r.Platform, r.Failure))
		}
	}
	t.Notes = append(t.Notes, fmt.Sprintf("Change: against %s, mean of %d paired replications. Run: %s.", x.Base, x.Replications, strings.Join(x.Conditions, "; ")))
	mean := results.Table{Columns: []string{"mean over cells", "metric", "cells", "change", "95 % interval", "p"}, Right: []string{"cells", "change", "95 % interval", "p"}}
	for _, m := range x.Mean {
		for _, metric := range []string{"latency", "energy", "throughput"} {
			if r := m.Change[metric]; r != nil {
				mean.Add(append([]string{m.Strategy, metric, fmt.Sprint(m.Cells)}, changeCells(r)...)...)
			}
		}
	}
	tables := []results.Table{t}
	if len(mean.Rows) > 0 {
		tables = append(tables, mean)
	}
	for i, t := range tables {
		if i > 0 {
			fmt.Fprintln(a.out)
		}
		switch format {
		case "csv":
			fmt.Fprint(a.out, string(t.CSV()))
		case "markdown":
			fmt.Fprint(a.out, t.Markdown())
		case "latex":
			fmt.Fprint(a.out, t.LaTeX())
		default:
			notes := t.Notes
			t.Notes = nil
			a.printTable(t)
			for _, n := range notes {
				fmt.Fprintln(a.out)
				a.paragraph(n, 0, 0)
			}
		}
	}
}

// changeCells prints a relative change, its interval and its p.
func changeCells(r *experiments.Relative) []string {
	if r == nil {
		return []string{"–", "–", "–"}
	}
	interval, p := "–", "–"
	if r.Low.Known() {
		interval = percent(r.Low) + " to " + percent(r.High)
	}
	switch {
	case !r.P.Known():
	case r.P < 0.001:
		p = "< 0.001"
	default:
		p = fmt.Sprintf("%.3f", float64(r.P))
	}
	return []string{percent(r.Mean), interval, p}
}

func perSecond(q sim.Quantity) string {
	if !q.Known() {
		return "–"
	}
	return results.Number(float64(q)) + " /s"
}
