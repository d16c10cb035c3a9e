package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"hidp/devices"
	"hidp/devices/calibration/boards"
	"hidp/devices/calibration/timings"
	"hidp/internal/durable"
	"hidp/internal/input"
	"hidp/results"
)

// calibrateFlags are what measured times are fitted with.
type calibrateFlags struct {
	board, output string
	options       boards.Options
	asJSON        bool
}

func (a *app) calibrateFitCommand() *cobra.Command {
	var f calibrateFlags
	c := &cobra.Command{Use: "fit FILE.csv|BENCHNCNN.txt -o BOARD.toml", Short: "measured latencies become a board " +
		"file with its error", Args: cobra.ExactArgs(1),
		Example: "  hidp calibrate fit timings.csv --board raspberry-pi-4b -o mine.toml",
		RunE:    func(c *cobra.Command, args []string) error { return a.calibrateFit(c.Context(), args[0], f) }}
	c.Flags().StringVar(&f.board, "board", "", "the board that yours resembles: catalogue name or FILE.toml (default: "+
		"what the file's column board says)")
	c.Flags().StringVar(&f.options.Runtime, "runtime", "", "the runtime of rows that name none, such as ncnn/fp32")
	c.Flags().StringVar(&f.options.Cluster, "cluster", "", "the cluster of rows that name none")
	c.Flags().StringVarP(&f.output, "output", "o", "", "the board file to write; - is standard output (required)")
	c.Flags().BoolVar(&f.asJSON, "json", false, "print one JSON object")
	must(c.MarkFlagRequired("output"))
	return c
}

func (a *app) calibrateFit(ctx context.Context, path string, f calibrateFlags) error {
	if f.asJSON && f.output == durable.Standard {
		return fmt.Errorf("--json and -o - both take standard output; write the board to a file")
	}
	if f.output != durable.Standard && !strings.HasSuffix(f.output, ".toml") {
		return fmt.Errorf("-o %s: a board file ends in .toml", f.output)
	}
	data, err := input.Read(path, input.Config)
	if err != nil {
		return fmt.Errorf("timings: %w", err)
	}
	file, err := timings.Read(path, data)
	if err != nil {
		return err
	}
	name, err := baseBoard(file, f.board)
	if err != nil {
		return err
	}
	base, err := devices.OpenBoard(name)
	if err != nil {
		return err
	}
	fits, err := boards.NewLibrary().Fits(base, file, f.options)
	if err != nil {
		return err
	}
	text, err := devices.BoardText(name)
	if err != nil {
		return err
	}
	board, err := rewritten(f.output, text, base, fits)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := durable.WriteFile(durable.Disk{}, f.output, board); err != nil {
		return err
	}
	return a.reportFits(file, name, fits, f)
}

// baseBoard is the board to start from: that of the flag, or that of the file.
func baseBoard(f *timings.File, given string) (string, error) {
	faults := f.Faults
	named := ""
	for _, t := range f.Timings {
		switch {
		case t.Board == "" || t.Board == named:
		case named != "":
			faults.Addf(t.Line, "board %s; rows before it are of %s; give each board its own file", t.Board, named)
		default:
			named = t.Board
		}
	}
	if given != "" {
		return given, nil
	}
	if named == "" {
		faults.Addf(0, "names no board; give the one that yours resembles, such as --board raspberry-pi-4b (hidp list "+
			"boards)")
		return "", faults.Err()
	}
	return named, nil
}

func rewritten(output string, text []byte, base *devices.Board, fits []boards.Fit) ([]byte, error) {
	title := base.Title
	if !strings.HasSuffix(title, calibratedTitle) {
		title += calibratedTitle
	}
	var found []devices.Calibrated
	for i := range fits {
		found = append(found, fits[i].Calibrated)
	}
	if output == durable.Standard {
		output = base.Name + ".toml"
	}
	return devices.Rewrite(output, text, title, found)
}

const calibratedTitle = ", calibrated"

// fitInfo is the JSON form of a fit.
type fitInfo struct {
	boards.Quality
	Basis      string             `json:"basis"`
	Interval   float64            `json:"interval"` // how far up the 80 % interval of a zoo network reaches, in the median
	Replaced   int                `json:"replaced"`
	Parameters []boards.Parameter `json:"parameters"`
	AtPrior    []string           `json:"at_prior"` // parameters that the rows do not determine
	Notes      []string           `json:"notes"`
}

func (a *app) reportFits(file *timings.File, base string, fits []boards.Fit, f calibrateFlags) error {
	if f.asJSON {
		var sets []fitInfo
		for i := range fits {
			x := &fits[i]
			sets = append(sets, fitInfo{x.Quality, x.Basis(), x.Half, x.Replaced, x.Parameters(), append([]string{},
				undetermined(x.Subject)...), append([]string{}, x.Notes...)})
		}
		return printJSON(a.out, struct {
			Board   string    `json:"board"`
			Base    string    `json:"base"`
			Sets    []fitInfo `json:"sets"`
			Skipped []string  `json:"skipped"`
		}{f.output, base, sets, append([]string{}, file.Skipped...)})
	}
	w := a.notes(f.output)
	for _, s := range file.Skipped {
		fmt.Fprintf(w, "left out:\n%s\n", wrappedText(s))
	}
	for i := range fits {
		x := &fits[i]
		fmt.Fprintf(w, "%s on %s:\n%s\n\n", x.Runtime, x.Cluster, wrappedText("rests on "+x.Basis()))
		t := results.Table{Columns: []string{"network left out", "measured", "predicted", "error"},
			Right: []string{"measured", "predicted", "error"}}
		for _, row := range x.Rows() {
			t.Add(row.Network, seconds(row.Measured), seconds(row.Predicted), fmt.Sprintf("%+.0f %%",
				100*(row.Predicted/row.Measured-1)))
		}
		q := x.Quality.LeftOut
		t.Notes = []string{fmt.Sprintf("Error of a network that was left out: mean %s, median %s, worst %s.\nAn 80 %% "+
			"interval of a network of the zoo reaches up by %s, in the median.",
			share(q.Mean), share(q.Median), share(q.Worst), share(x.Half))}
		fmt.Fprint(w, t.Narrow(width(w)).Text(colour(w)))
		if names := undetermined(x.Subject); len(names) > 0 {
			fmt.Fprintf(w, "\nThe rows do not determine these parameters, which stay at their prior:\n%s\n", wrapped(names))
		}
		if x.Replaced > 0 {
			fmt.Fprintf(w, "\n%d rows of %s on %s that %s had are replaced.\n", x.Replaced, x.Runtime, x.Cluster, base)
		}
		for _, n := range x.Notes {
			fmt.Fprintf(w, "\nnote:\n%s\n", wrappedText(n))
		}
		fmt.Fprintln(w)
	}
	if f.output != durable.Standard {
		fmt.Fprintf(w, "written to %s; use it as --platform board:%s@%s\n", f.output, asPath(f.output), fits[0].Runtime)
	}
	return nil
}

// asPath marks a bare file name as a path.
func asPath(name string) string {
	if strings.Contains(name, "/") {
		return name
	}
	return "./" + name
}
