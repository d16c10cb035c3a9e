package benchmark

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"hidp/devices/calibration"
)

// Widths prints what intervals are widened by, as devices/calibration/widths.csv holds it: for each group of runtimes
// and each number of measured rows the quantile of the scores of left-out predictions, and for all groups together.
// With few rows they are those of a new board; with calibration.ManyRows and more, those of networks that were left
// out.
func Widths(w io.Writer, r *Results) {
	fmt.Fprintln(w, "group,rows,quantile")
	for _, k := range Given {
		widths(w, k, r.NewBoard[k])
	}
	widths(w, calibration.ManyRows, r.Elsewhere)
}

func widths(w io.Writer, rows int, p []Prediction) {
	byGroup := map[string][]float64{}
	for i := range p {
		for _, name := range []string{calibration.AnyGroup, p[i].Set.Group()} {
			byGroup[name] = append(byGroup[name], p[i].Score())
		}
	}
	for _, name := range slices.Sorted(maps.Keys(byGroup)) {
		fmt.Fprintf(w, "%s,%d,%.3f\n", name, rows, calibration.Quantile(byGroup[name]))
	}
}
