package devices

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"hidp/workloads"
)

// FitRow states how well the parameters of one runtime on one cluster describe the measured rows. Errors are shares:
// 0.1 is 10 %.
type FitRow struct {
	Board       string   `json:"board"`
	Cluster     string   `json:"cluster"`
	Runtime     string   `json:"runtime"`
	Rows        int      `json:"rows"`      // measured rows in the fit; with 0 the parameters are derived, and no error is known
	InSample    float64  `json:"in_sample"` // mean |modelled/measured - 1| on the rows
	LOOMean     float64  `json:"loo_mean"`  // the same where each row is modelled by a fit without its network
	LOOMedian   float64  `json:"loo_median"`
	LOOMax      float64  `json:"loo_max"`
	Worst       string   `json:"worst"`       // the network of LOOMax
	Assumption  string   `json:"assumption"`  // of the prior; "" for a fit of rows alone
	Implausible []string `json:"implausible"` // cost classes whose rate exceeds what the cluster's peak allows (see implausible)
}

// FitReport refits the board and returns the errors of every runtime and cluster, in the file's order. Leaving a
// network out leaves out all rows of it in that runtime and cluster, not those that reach the fit through a prior.
// Where a calibration wrote the parameters, the errors are those that it states.
func FitReport(b *Board) ([]FitRow, error) {
	f := newFitter()
	f.boards[b.Name] = b
	var out []FitRow
	for i := range b.file.Runtime {
		r := &b.file.Runtime[i]
		fit, err := f.fit(b, r.Name, r.Cluster)
		if err != nil {
			return nil, err
		}
		rows, err := f.rows(b, r.Name, r.Cluster)
		if err != nil {
			return nil, err
		}
		pr, err := f.prior(b, r)
		if err != nil {
			return nil, err
		}
		if c := b.calibration(i); c != nil {
			params := b.fitted[i].params()
			row := FitRow{Board: b.Name, Cluster: r.Cluster, Runtime: r.Name, Rows: len(rows), LOOMean: c.Mean, LOOMedian: c.Median, LOOMax: c.Worst,
				Worst: c.Network, Implausible: b.implausible(b.cluster(r.Cluster), r.Name, &params)}
			for _, o := range rows {
				row.InSample += o.off(&params) / float64(len(rows))
			}
			out = append(out, row)
			continue
		}
		row := FitRow{Board: b.Name, Cluster: r.Cluster, Runtime: r.Name, Rows: len(rows), Assumption: fit.Assumption,
			Implausible: b.implausible(b.cluster(r.Cluster), r.Name, &fit.Params)}
		if len(rows) > 0 {
			row.errors(pr, fit.Params, rows)
		}
		out = append(out, row)
	}
	return out, nil
}

// calibration returns the errors that a calibration states of the i-th runtime, or nil.
func (b *Board) calibration(i int) *LeftOut {
	if i >= len(b.fitted) {
		return nil
	}
	return b.fitted[i].LeftOut
}

// implausible lists the classes whose rate is above 2.5 times the peak for 3×3 convolutions of stride 1, where
// Winograd's algorithm saves up to that much, and above 1.25 times the peak for others. Such a rate shows that
// something else bounds the rows (memory, overheads) and that the fit could not tell.
func (b *Board) implausible(k int, runtime string, p *Params) (out []string) {
	peak := b.peak(k, runtime)
	for _, c := range workloads.Classes() {
		limit := 1.25 * peak
		if c == workloads.ClassConv3x3 {
			limit = 2.5 * peak
		}
		if p.Rate[c] > limit {
			out = append(out, c.String())
		}
	}
	return out
}

// peak returns the theoretical FLOP/s of cluster k in a runtime's precision.
func (b *Board) peak(k int, runtime string) float64 {
	if b.Clusters[k].Members != nil {
		total := 0.0
		for _, m := range b.Clusters[k].Members {
			total += b.peak(m, runtime)
		}
		return total
	}
	c := &b.file.Cluster[k]
	peak := c.Peak.Value.FLOPsPerSecond()
	switch half := strings.HasSuffix(runtime, "/fp16"); {
	case half && c.HalfPeak != nil:
		return c.HalfPeak.Value.FLOPsPerSecond()
	case half:
		return 2 * peak
	case c.TF32Peak != nil:
		return c.TF32Peak.Value.FLOPsPerSecond()
	}
	return peak
}

// errors fills the error figures.
func (r *FitRow) errors(pr *prior, p Params, rows []observation) {
	var left []float64
	for i, row := range rows {
		r.InSample += row.off(&p) / float64(len(rows))
		others := slices.DeleteFunc(slices.Clone(rows), func(o observation) bool { return o.model == row.model })
		without := solve(pr, others)
		e := row.off(&without)
		left = append(left, e)
		r.LOOMean += e / float64(len(rows))
		if i == 0 || e > r.LOOMax {
			r.LOOMax, r.Worst = e, row.model
		}
	}
	slices.Sort(left)
	n := len(left)
	r.LOOMedian = (left[(n-1)/2] + left[n/2]) / 2
}

// off returns |modelled/measured - 1|.
func (o *observation) off(p *Params) float64 {
	scaled := o.scale.apply(*p)
	return math.Abs(o.net.seconds(&scaled)/o.seconds - 1)
}

// FitTable returns rows as a Markdown table.
func FitTable(rows []FitRow) string {
	var s strings.Builder
	s.WriteString("| board | runtime | cluster | rows | in-sample | leave-one-out mean | median | max | basis |\n|---|---|---|---:|---:|---:|---:|---:|---|\n")
	percent := func(x float64) string { return fmt.Sprintf("%.1f %%", 100*x) }
	for _, r := range rows {
		basis := r.Assumption
		if basis == "" {
			basis = "measured rows"
		}
		if r.Rows == 0 {
			fmt.Fprintf(&s, "| %s | %s | %s | 0 | – | – | – | – | %s |\n", r.Board, r.Runtime, r.Cluster, basis)
			continue
		}
		fmt.Fprintf(&s, "| %s | %s | %s | %d | %s | %s | %s | %s (%s) | %s |\n", r.Board, r.Runtime, r.Cluster, r.Rows, percent(r.InSample),
			percent(r.LOOMean), percent(r.LOOMedian), percent(r.LOOMax), r.Worst, basis)
	}
	return s.String()
}
