package benchmark

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"hidp/devices/calibration"
)

const head = `# How well the cost model predicts, on published measurements

This page is made by ` + "`make calibration`" + ` and not written by hand. It judges the model of package
devices/calibration, which learns the parameters of every board and runtime together. ` + "`hidp predict`" + ` and
` + "`hidp calibrate`" + ` use that model. The boards of the catalogue are fitted one by one by package devices; their errors
are those that ` + "`hidp list boards`" + ` shows.

An error is |predicted/measured - 1| of one row, in per cent: mean / median over all rows / typical worst. The typical
worst is the median over sets of the worst row of a set. A set is a board, a cluster, its threads, a runtime, the
runtime's version and a precision.

`

// Page prints the page.
func Page(w io.Writer, r *Results) {
	fmt.Fprint(w, head)
	rows := 0
	for _, s := range r.Sets {
		rows += len(s.Rows)
	}
	fmt.Fprintf(w, "The benchmark has %d rows in %d sets. Every row is predicted without having been seen.\n\n", rows, len(r.Sets))
	fmt.Fprint(w, "## Protocols\n\n")
	fmt.Fprint(w, "| protocol | what is left out | rows | error | in an 80 % interval |\n|---|---|---:|---|---:|\n")
	line(w, "strict", "a network and its twins, everywhere", r.Strict, SameNetwork)
	line(w, "elsewhere", "as strict, but for rows of the network on other chips", r.Elsewhere, SameNetwork)
	line(w, "family", "a whole family of networks", r.Family, Relatives)
	for _, k := range Given {
		line(w, fmt.Sprintf("new board, rows given: %d", k), "a chip, but for the given rows", r.NewBoard[k], SameChip)
	}
	fmt.Fprint(w, notes)
	fmt.Fprint(w, "\n## By runtime\n\n")
	columns(w, r)
	fmt.Fprint(w, "\n## By set\n\n")
	bySet(w, r)
}

const notes = `
Only runtimes whose networks come in families take part in the protocol family. Which rows a new board is given is
chosen from the networks' layers alone; the networks were measured on other chips. Intervals are widened by the errors
of other networks, of other families, or for a new board of other chips.
`

func line(w io.Writer, name, what string, p []Prediction, apart Apart) {
	fmt.Fprintf(w, "| %s | %s | %d | %s | %.0f %% |\n", name, what, len(p), errors(p), 100*covered(p, apart))
}

func errors(p []Prediction) string {
	if len(p) == 0 {
		return "–"
	}
	s := Summarise(p)
	return fmt.Sprintf("%.1f / %.1f / %.0f", 100*s.Mean, 100*s.Median, 100*s.Worst)
}

// covered is the share of all rows that lie within their intervals.
func covered(p []Prediction, apart Apart) float64 {
	var inside, rows float64
	cover, sizes := Coverage(p, apart), Columns(p)
	for _, name := range slices.Sorted(maps.Keys(cover)) {
		inside += cover[name] * float64(len(sizes[name]))
		rows += float64(len(sizes[name]))
	}
	return inside / rows
}

func columns(w io.Writer, r *Results) {
	strict, elsewhere, family := Columns(r.Strict), Columns(r.Elsewhere), Columns(r.Family)
	given := map[int]map[string][]Prediction{}
	for _, k := range Given {
		given[k] = Columns(r.NewBoard[k])
	}
	cover, board := Coverage(r.Strict, SameNetwork), Coverage(r.NewBoard[Given[len(Given)-1]], SameChip)
	fmt.Fprint(w, "The last two columns are shares of rows within the 80 % interval: strict, and a new board with 5 rows.\n\n")
	fmt.Fprint(w, "| runtime | rows | strict | elsewhere | family | new board, 0 | 1 | 3 | 5 | strict | new |\n")
	fmt.Fprint(w, "|---|---:|---|---|---|---|---|---|---|---:|---:|\n")
	for _, name := range slices.Sorted(maps.Keys(strict)) {
		fmt.Fprintf(w, "| %s | %d | %s | %s | %s", name, len(strict[name]), errors(strict[name]), errors(elsewhere[name]), errors(family[name]))
		for _, k := range Given {
			fmt.Fprintf(w, " | %s", errors(given[k][name]))
		}
		fmt.Fprintf(w, " | %s | %s |\n", share(cover, name), share(board, name))
	}
}

func share(m map[string]float64, name string) string {
	if v, ok := m[name]; ok {
		return fmt.Sprintf("%.0f %%", 100*v)
	}
	return "–"
}

func bySet(w io.Writer, r *Results) {
	strict, elsewhere := perSet(r.Strict), perSet(r.Elsewhere)
	fmt.Fprint(w, "| set | rows | strict | elsewhere | worst network, strict |\n|---|---:|---|---|---|\n")
	sets := slices.SortedFunc(maps.Keys(strict), func(a, b *calibration.Set) int { return cmp.Compare(a.Name(), b.Name()) })
	for _, s := range sets {
		worst := slices.MaxFunc(strict[s], func(a, b Prediction) int { return cmp.Compare(math.Abs(a.Error()), math.Abs(b.Error())) })
		fmt.Fprintf(w, "| %s | %d | %s | %s | %s %+.0f %% |\n", s.Name(), len(s.Rows), errors(strict[s]), errors(elsewhere[s]),
			strings.TrimPrefix(worst.Row.Network, "ncnn-"), 100*(math.Exp(worst.Log-worst.Row.Log)-1))
	}
}

func perSet(p []Prediction) map[*calibration.Set][]Prediction {
	out := map[*calibration.Set][]Prediction{}
	for _, x := range p {
		out[x.Set] = append(out[x.Set], x)
	}
	return out
}
