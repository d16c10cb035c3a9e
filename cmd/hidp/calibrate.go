package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"hidp/devices"
	"hidp/devices/calibration/boards"
	"hidp/results"
)

func (a *app) calibrateCommand() *cobra.Command {
	c := &cobra.Command{Use: "calibrate", Short: "from measured latencies to a board file with a known error",
		Args: cobra.NoArgs}
	c.AddCommand(a.calibratePlanCommand(), a.calibrateFitCommand(), a.calibrateCheckCommand())
	return c
}

func (a *app) calibrateCheckCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{Use: "check BOARD|FILE.toml|all", Short: "how well networks are predicted that a board's rows " +
		"leave out", Args: cobra.ExactArgs(1),
		ValidArgsFunction: orFile(func() []string { return append(devices.BoardNames(), "all") }),
		RunE:              func(_ *cobra.Command, args []string) error { return a.calibrateCheck(args[0], asJSON) }}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return c
}

func (a *app) calibrateCheck(name string, asJSON bool) error {
	names := []string{name}
	if name == "all" {
		names = devices.BoardNames()
	}
	library := boards.NewLibrary()
	var sets []boards.Quality
	var notes []string
	for _, name := range names {
		b, err := devices.OpenBoard(name)
		if err != nil {
			return err
		}
		for _, rc := range b.RuntimesOn() {
			s, err := library.Subject(b, rc[0], rc[1])
			if err != nil {
				return err
			}
			if q := s.Quality(); q.Rows > 0 {
				sets = append(sets, q)
			}
			if len(s.Skipped) > 0 {
				notes = append(notes, fmt.Sprintf("%s, %s on %s: no layers are known of %s.", b.Name, rc[0], rc[1],
					strings.Join(s.Skipped, ", ")))
			}
		}
	}
	if asJSON {
		return printJSON(a.out, struct {
			Sets  []boards.Quality `json:"sets"`
			Notes []string         `json:"notes"`
		}{append([]boards.Quality{}, sets...), append([]string{}, notes...)})
	}
	t := results.Table{Columns: []string{"board", "runtime", "cluster", "rows", "mean", "median", "worst", "within"},
		Right: []string{"rows", "mean", "median", "worst", "within"}}
	for _, q := range sets {
		row := []string{q.Board, q.Runtime, q.Cluster, strconv.Itoa(q.Rows), "–", "–", "–", "–"}
		if q.LeftOut != nil {
			copy(row[4:], []string{share(q.LeftOut.Mean), share(q.LeftOut.Median), share(q.LeftOut.Worst), share(*q.Coverage)})
		}
		t.Add(row...)
	}
	t.Notes = append([]string{"Errors of networks that were left out of their board's rows. Within: the share\nof " +
		"them that lies in its 80 % interval. The prior of a runtime has seen\npublished rows, those of the catalogue's " +
		"boards too; docs/calibration.md judges\nit on rows that it has not seen."}, notes...)
	a.printTable(t)
	return nil
}

func (a *app) calibratePlanCommand() *cobra.Command {
	var runtime, cluster string
	var count int
	var asJSON bool
	c := &cobra.Command{Use: "plan BOARD|FILE.toml", Short: "what to measure next on a board, and why",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: orFile(devices.BoardNames),
		RunE: func(_ *cobra.Command, args []string) error {
			if count < 1 || count > 20 {
				return fmt.Errorf("--count %d: write a whole number from 1 to 20", count)
			}
			b, err := devices.OpenBoard(args[0])
			if err != nil {
				return err
			}
			runtime, cluster, err := boards.Choose(b, runtime, cluster)
			if err != nil {
				return err
			}
			s, err := boards.NewLibrary().Subject(b, runtime, cluster)
			if err != nil {
				return err
			}
			return a.calibratePlan(s, count, asJSON)
		}}
	c.Flags().StringVar(&runtime, "runtime", "", "a runtime of the board (default: tensorflow/fp32, or else the "+
		"board's first)")
	c.Flags().StringVar(&cluster, "cluster", "", "a cluster of the board (default: the GPU if the runtime has it, or "+
		"else all CPU cores)")
	c.Flags().IntVar(&count, "count", 5, "how many networks to choose")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return c
}

func (a *app) calibratePlan(s *boards.Subject, count int, asJSON bool) error {
	next := s.Next(count)
	if asJSON {
		return printJSON(a.out, struct {
			Board   string              `json:"board"`
			Runtime string              `json:"runtime"`
			Cluster string              `json:"cluster"`
			Basis   string              `json:"basis"`
			Next    []boards.Suggestion `json:"next"`
		}{s.Board.Name, s.Runtime, s.Cluster, s.Basis(), append([]boards.Suggestion{}, next...)})
	}
	fmt.Fprintf(a.out, "%s, %s on %s:\n%s\n\n", s.Board.Name, s.Runtime, s.Cluster, wrappedText("rests on "+s.Basis()))
	t := results.Table{Columns: []string{"measure", "tells most of", "spread before", "after"},
		Right: []string{"spread before", "after"},
		Notes: []string{"Spread: how far times of networks are unsure, in the mean, before and after the row.\nThe order " +
			"is that in which each row tells most beside those above it."}}
	for _, n := range next {
		t.Add(n.Network, n.Tells, share(n.Before), share(n.After))
	}
	a.printTable(t)
	if undetermined := undetermined(s); len(undetermined) > 0 {
		fmt.Fprintf(a.out, "\nStill at their prior:\n%s\n", wrapped(undetermined))
	}
	return nil
}

// undetermined lists the parameters that the rows tell nothing of.
func undetermined(s *boards.Subject) (names []string) {
	for _, p := range s.Parameters() {
		if !p.Determined() {
			names = append(names, p.Name)
		}
	}
	slices.Sort(names)
	return names
}
