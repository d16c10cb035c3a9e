package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"hidp/devices"
	"hidp/experiments"
	"hidp/results"
	"hidp/strategies/catalog"
)

func (a *app) listCommand() *cobra.Command {
	var asJSON bool
	lists := []struct {
		name string
		show func(asJSON bool) error
	}{{"strategies", a.listStrategies}, {"models", a.listModels}, {"boards", a.listBoards}, {"platforms", a.listPlatforms}, {"experiments", a.listExperiments}}
	c := &cobra.Command{Use: "list", Short: "strategies, models, boards, platforms or experiments", Args: cobra.NoArgs}
	for _, l := range lists {
		sub := &cobra.Command{Use: l.name, Short: "list the " + l.name, Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error { return l.show(asJSON) }}
		sub.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
		c.AddCommand(sub)
	}
	return c
}

func (a *app) listStrategies(asJSON bool) error {
	type option struct {
		Name    string   `json:"name"`
		Default string   `json:"default"`
		Values  []string `json:"values,omitempty"`
		Doc     string   `json:"doc"`
	}
	type entry struct {
		Name    string   `json:"name"`
		Summary string   `json:"summary"`
		Source  string   `json:"source"`
		Blind   string   `json:"blind"`
		Options []option `json:"options"`
	}
	var all []entry
	for _, e := range catalog.Entries() {
		x := entry{e.Name, e.Summary, e.Source, e.Blind, []option{}}
		for _, o := range e.Options {
			x.Options = append(x.Options, option{o.Name, o.Default, o.Values, o.Doc})
		}
		all = append(all, x)
	}
	if asJSON {
		return printJSON(a.out, all)
	}
	for _, e := range all {
		a.paragraph(fmt.Sprintf("%s: %s", e.Name, e.Summary), 0, 4)
		a.paragraph("source: "+e.Source, 4, 6)
		a.paragraph("does not see: "+e.Blind, 4, 6)
		for _, o := range e.Options {
			values := ""
			if len(o.Values) > 0 {
				values = fmt.Sprintf(" (%s)", strings.Join(o.Values, ", "))
			}
			a.paragraph(fmt.Sprintf("--option %s=%s%s: %s", o.Name, o.Default, values, o.Doc), 4, 6)
		}
	}
	return nil
}

func (a *app) listBoards(asJSON bool) error {
	var all []devices.FitRow
	for _, name := range devices.BoardNames() {
		b, err := devices.LoadBoard(name)
		if err != nil {
			return err
		}
		rows, err := devices.FitReport(b)
		if err != nil {
			return err
		}
		all = append(all, rows...)
	}
	if asJSON {
		return printJSON(a.out, all)
	}
	var rows [][]string
	for _, r := range all {
		rows = append(rows, fitRow(r))
	}
	a.printTable(results.Table{Columns: []string{"board", "runtime", "cluster", "rows", "error", "left out", "worst"},
		Right: []string{"rows", "error", "left out"}, Rows: rows, Notes: []string{
			"rows: measured networks the parameters were fitted on; error: mean absolute error on these rows; left out: mean error on a network\nthat was left out of the fit; derived: no row was measured with this runtime, the board file states the assumption."}})
	return nil
}

// fitRow formats the errors of one fit.
func fitRow(r devices.FitRow) []string {
	if r.Rows == 0 {
		return []string{r.Board, r.Runtime, r.Cluster, "0", "derived", "", ""}
	}
	return []string{r.Board, r.Runtime, r.Cluster, strconv.Itoa(r.Rows), fmt.Sprintf("%.1f %%", 100*r.InSample), fmt.Sprintf("%.1f %%", 100*r.LOOMean),
		fmt.Sprintf("%.0f %% %s", 100*r.LOOMax, r.Worst)}
}

func (a *app) listPlatforms(asJSON bool) error {
	type entry struct {
		Name   string   `json:"name"`
		Nodes  []string `json:"nodes"`
		Leader string   `json:"leader"`
	}
	var all []entry
	var rows [][]string
	for _, name := range devices.PlatformNames() {
		p, err := devices.Open(name)
		if err != nil {
			return err
		}
		e := entry{Name: name, Leader: p.Nodes[p.Leader].Name}
		for i := range p.Nodes {
			e.Nodes = append(e.Nodes, p.Nodes[i].Name)
		}
		all = append(all, e)
		rows = append(rows, []string{name, strconv.Itoa(len(e.Nodes)), e.Leader, strings.Join(e.Nodes, ", ")})
	}
	if asJSON {
		return printJSON(a.out, all)
	}
	a.printTable(results.Table{Columns: []string{"platform", "nodes", "leader", "boards"}, Right: []string{"nodes"}, Rows: rows,
		Notes: []string{"A lone board is a platform too: board:NAME or board:NAME@RUNTIME/PRECISION."}})
	return nil
}

func (a *app) listExperiments(asJSON bool) error {
	type entry struct {
		Name  string `json:"name"`
		Title string `json:"title"`
	}
	var all []entry
	var rows [][]string
	for _, name := range experiments.Names() {
		e, err := experiments.Get(name)
		if err != nil {
			return err
		}
		all = append(all, entry{name, e.Title})
		rows = append(rows, []string{name, e.Title})
	}
	if asJSON {
		return printJSON(a.out, all)
	}
	a.printTable(results.Table{Columns: []string{"experiment", "what"}, Rows: rows})
	return nil
}
