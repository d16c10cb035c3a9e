package benchmark

import (
	"cmp"
	"slices"

	"gonum.org/v1/gonum/stat"

	"hidp/devices/calibration"
)

// Summary are the errors of predictions, as shares.
type Summary struct {
	Rows, Sets   int
	Mean, Median float64
	Worst        float64 // the median over sets of the worst row of a set
}

// Summarise sums up predictions.
func Summarise(predictions []Prediction) Summary {
	bySet := map[*calibration.Set]float64{}
	var apes []float64
	for i := range predictions {
		p := &predictions[i]
		ape := p.APE()
		apes = append(apes, ape)
		bySet[p.Set] = max(bySet[p.Set], ape)
	}
	var worst []float64
	for _, w := range bySet {
		worst = append(worst, w)
	}
	return Summary{Rows: len(apes), Sets: len(bySet), Mean: stat.Mean(apes, nil), Median: median(apes),
		Worst: median(worst)}
}

func median(x []float64) float64 {
	slices.Sort(x)
	if len(x)%2 == 1 {
		return x[len(x)/2]
	}
	return (x[len(x)/2-1] + x[len(x)/2]) / 2
}

// Columns are the columns of the tables: runtime groups, ncnn by threads.
func Columns(predictions []Prediction) map[string][]Prediction {
	out := map[string][]Prediction{}
	for _, p := range predictions {
		name := p.Set.Group()
		if name == "ncnn" && p.Set.Threads > 1 {
			name = "ncnn, threads"
		}
		out[name] = append(out[name], p)
	}
	return out
}

// Apart says whose errors must not widen a prediction's interval: those of predictions for which it returns the same.
type Apart func(*Prediction) string

// SameNetwork, Relatives and SameChip are what intervals are kept apart by. On a new board the errors of its own chip
// are not known.
func SameNetwork(p *Prediction) string { return p.Row.Twins }
func SameChip(p *Prediction) string    { return p.Set.Chip }
func Relatives(p *Prediction) string   { return p.Row.Family }

// Coverage returns the share of predictions whose interval holds the measured time. The interval of a prediction is
// widened by the quantile of those predictions in the same column that are apart from it.
func Coverage(predictions []Prediction, apart Apart) map[string]float64 {
	out := map[string]float64{}
	for name, column := range Columns(predictions) {
		together := map[string][]*Prediction{}
		for i := range column {
			p := &column[i]
			together[apart(p)] = append(together[apart(p)], p)
		}
		inside := 0
		for key, rows := range together {
			q := calibration.Quantile(scores(column, func(p *Prediction) bool { return apart(p) != key }))
			for _, p := range rows {
				if p.Score() <= q {
					inside++
				}
			}
		}
		out[name] = float64(inside) / float64(len(column))
	}
	return out
}

func scores(predictions []Prediction, keep func(*Prediction) bool) []float64 {
	var out []float64
	for i := range predictions {
		if p := &predictions[i]; keep(p) {
			out = append(out, p.Score())
		}
	}
	slices.SortFunc(out, cmp.Compare)
	return out
}
