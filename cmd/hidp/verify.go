package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"hidp/experiments/sweep"
	"hidp/results"
)

// damagedSweep says that a sweep's folder is damaged.
type damagedSweep struct {
	dir    string
	pieces int
}

// Error implements error.
func (e *damagedSweep) Error() string {
	return fmt.Sprintf("%s: %d pieces are damaged; `hidp sweep SWEEP.toml --out %s --resume` makes them again", e.dir, e.pieces, e.dir)
}

func (a *app) sweepVerifyCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{Use: "verify DIR", Short: "compare all checksums of a sweep's folder", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			check, err := sweep.Verify(args[0])
			if err != nil {
				return err
			}
			if asJSON {
				if err := printJSON(a.out, check); err != nil {
					return err
				}
			} else {
				a.printCheck(check)
			}
			if len(check.Damaged) > 0 {
				return &damagedSweep{args[0], len(check.Damaged)}
			}
			return nil
		}}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return c
}

func (a *app) printCheck(check *sweep.Check) {
	if check.Shards > 0 {
		fmt.Fprintf(a.out, "%s: %d of %d shards are whole, %d are missing\n", check.Name, check.Whole, check.Shards, len(check.Missing))
	}
	if len(check.Damaged) == 0 {
		return
	}
	t := results.Table{Columns: []string{"damaged", "what is wrong"}}
	for _, d := range check.Damaged {
		t.Add(d.Piece, d.Reason)
	}
	fmt.Fprintln(a.out)
	a.printTable(t)
}
