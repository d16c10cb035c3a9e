package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"hidp/devices"
	"hidp/results"
)

func (a *app) boardCommand() *cobra.Command {
	c := &cobra.Command{Use: "board", Short: "what a board file says, and how well it fits", Args: cobra.NoArgs}
	c.AddCommand(a.boardShowCommand(), a.boardCheckCommand())
	return c
}

// boardInfo is the JSON form of a board.
type boardInfo struct {
	Board    string             `json:"board"`
	Title    string             `json:"title"`
	Memory   int64              `json:"memory"`
	Idle     float64            `json:"idle_power"`
	Modes    []string           `json:"modes"`
	Clusters []boardClusterInfo `json:"clusters"`
	Fits     []devices.FitRow   `json:"fits"`
	Warnings []devices.Doubt    `json:"warnings"`
	Networks []string           `json:"networks"` // names that measured rows may have
}

type boardClusterInfo struct {
	Name    string   `json:"name"`
	Kind    string   `json:"kind"`
	Core    string   `json:"core"`
	Cores   int      `json:"cores"`
	Clock   float64  `json:"clock"` // Hz; 0 for a group
	Peak    float64  `json:"peak"`  // FLOP/s
	Members []string `json:"members,omitempty"`
}

func inspectBoard(name string) (*boardInfo, error) {
	b, err := devices.OpenBoard(name)
	if err != nil {
		return nil, err
	}
	fits, err := devices.FitReport(b)
	if err != nil {
		return nil, err
	}
	doubts, err := b.Doubts(fits)
	if err != nil {
		return nil, err
	}
	info := &boardInfo{Board: b.Name, Title: b.Title, Memory: b.Memory, Idle: b.IdlePower(), Modes: b.Modes, Fits: fits,
		Warnings: append([]devices.Doubt{}, doubts...), Networks: devices.NetworkNames()}
	for _, c := range b.Clusters {
		x := boardClusterInfo{Name: c.Name, Kind: c.Kind.String(), Core: c.Core, Cores: c.Cores, Clock: c.Clock, Peak: c.Peak}
		for _, m := range c.Members {
			x.Members = append(x.Members, b.Clusters[m].Name)
		}
		info.Clusters = append(info.Clusters, x)
	}
	return info, nil
}

func (a *app) boardShowCommand() *cobra.Command {
	var asJSON, networks bool
	c := &cobra.Command{Use: "show NAME|FILE.toml", Short: "what is simulated of a board: clusters, runtimes, errors",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: orFile(devices.BoardNames),
		RunE: func(_ *cobra.Command, args []string) error {
			info, err := inspectBoard(args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(a.out, info)
			}
			a.printBoard(info, args[0])
			if networks {
				fmt.Fprintf(a.out, "\nNames that [[measured]] may have:\n%s\n", wrapped(info.Networks))
				return nil
			}
			fmt.Fprintf(a.out, "\n[[measured]] may name %d networks; --networks lists them.\n", len(info.Networks))
			return nil
		}}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	c.Flags().BoolVar(&networks, "networks", false, "list the networks that [[measured]] may name")
	return c
}

func (a *app) printBoard(info *boardInfo, name string) {
	fmt.Fprintf(a.out, "%s: %s\n%.3g GiB of memory, idle %.3g W\nmodes: %s\n\n", info.Board, info.Title,
		float64(info.Memory)/(1<<30), info.Idle,
		strings.Join(info.Modes, ", "))
	clusters := results.Table{Columns: []string{"cluster", "kind", "cores", "MHz", "GFLOP/s", "core"},
		Right: []string{"cores", "MHz", "GFLOP/s"}}
	for _, c := range info.Clusters {
		clock := "–"
		if c.Clock > 0 {
			clock = fmt.Sprintf("%.0f", c.Clock/1e6)
		}
		clusters.Add(c.Name, c.Kind, strconv.Itoa(c.Cores), clock, fmt.Sprintf("%.4g", c.Peak/1e9), c.Core)
	}
	a.printTable(clusters)
	fmt.Fprintln(a.out)
	fits := results.Table{Columns: []string{"runtime", "cluster", "rows", "error", "left out", "worst"},
		Right: []string{"rows", "error", "left out"},
		Notes: []string{"rows: measured networks; error: mean error on them; left out: the same for a\nnetwork that the " +
			"fit did not see; derived: nothing was measured."}}
	for _, r := range info.Fits {
		fits.Add(fitRow(r)[1:]...)
	}
	a.printTable(fits)
	if n := len(info.Warnings); n > 0 {
		fmt.Fprintf(a.out, "\n%d warnings; see hidp board check %s\n", n, name)
	}
}

func (a *app) boardCheckCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{Use: "check NAME|FILE.toml", Short: "read a board file and say which of its numbers to doubt",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: orFile(devices.BoardNames),
		RunE: func(_ *cobra.Command, args []string) error {
			info, err := inspectBoard(args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(a.out, struct {
					Board    string          `json:"board"`
					Warnings []devices.Doubt `json:"warnings"`
				}{info.Board, info.Warnings})
			}
			if len(info.Warnings) == 0 {
				fmt.Fprintf(a.out, "%s: nothing to doubt\n", info.Board)
				return nil
			}
			fmt.Fprintf(a.out, "%s: the file is in order; %d warnings\n", info.Board, len(info.Warnings))
			for _, w := range info.Warnings {
				fmt.Fprintf(a.out, "\n%s:\n%s\n", w.Where, wrappedText(w.What))
			}
			return nil
		}}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return c
}

// wrapped sets words in indented lines of at most 80 columns.
func wrapped(words []string) string {
	const most = 80
	var s strings.Builder
	column := most
	for _, w := range words {
		if n := len([]rune(w)); column+1+n > most {
			if s.Len() > 0 {
				s.WriteByte('\n')
			}
			s.WriteString("  " + w)
			column = 2 + n
		} else {
			s.WriteString(" " + w)
			column += 1 + n
		}
	}
	return s.String()
}

// wrappedText is wrapped for a sentence.
func wrappedText(text string) string { return wrapped(strings.Fields(text)) }
