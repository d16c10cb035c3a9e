package calibration

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"errors"
	"math"
	"slices"
	"strconv"
	"sync"
)

// Nominal is the share of rows that an interval is to hold.
const Nominal = .8

// Quantile returns by how many times its standard deviation an error has to be widened so that a share of Nominal of
// the given errors lies within: split conformal prediction, with the correction for few errors. Scores are |log error|
// / standard deviation of rows that were left out. The list is sorted in place.
func Quantile(scores []float64) float64 {
	if len(scores) == 0 {
		return math.NaN()
	}
	slices.Sort(scores)
	rank := int(math.Ceil(Nominal * float64(len(scores)+1)))
	return scores[min(rank, len(scores))-1]
}

// AnyGroup is the group of runtimes that widths.csv does not know; its quantiles are those of all groups together.
const AnyGroup = "any"

// ManyRows is from how many measured rows on a set does not count as a new board's.
const ManyRows = 8

//go:embed widths.csv
var widthsFile []byte

// width is one line of widths.csv.
type width struct {
	group    string
	rows     int
	quantile float64
}

// widthsOf reads widths.csv, which `make calibration` makes.
var widthsOf = sync.OnceValue(func() []width {
	lines, err := csv.NewReader(bytes.NewReader(widthsFile)).ReadAll()
	if err != nil {
		panic("calibration: widths.csv: " + err.Error())
	}
	var out []width
	for _, l := range lines[1:] {
		rows, errRows := strconv.Atoi(l[1])
		q, err := strconv.ParseFloat(l[2], 64)
		if err := errors.Join(errRows, err); err != nil {
			panic("calibration: widths.csv: " + err.Error())
		}
		out = append(out, width{l[0], rows, q})
	}
	return out
})

// Width returns by how many times its standard deviation a prediction of a set with so many measured rows is widened to
// an interval of Nominal: what held for published boards of the same group that were left out.
func Width(s *Set, rows int) float64 {
	for _, group := range []string{s.Group(), AnyGroup} {
		best := -1
		for i, w := range widthsOf() {
			if w.group == group && w.rows <= rows && (best < 0 || w.rows > widthsOf()[best].rows) {
				best = i
			}
		}
		if best >= 0 {
			return widthsOf()[best].quantile
		}
	}
	panic("calibration: widths.csv has no line for no rows")
}
