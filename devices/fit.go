package devices

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"hidp/internal/units"
	"hidp/workloads"
)

// Fitted is the parameters of one runtime on one cluster of a board, derived from measured rows and a prior.
type Fitted struct {
	Runtime, Cluster string
	Params           Params // in the board's first power mode; Fill is not fitted
	Rescale          map[string]float64
	Rows             int    // measured rows used
	From             string // digest of what the fit rests on, see Board.digest
	Assumption       string // the prior's, if there is no row or the prior comes from elsewhere
	Basis            string // what a calibration rests on, "" for a fit of this package
	LeftOut          *LeftOut
}

// Fit derives the parameters of every declared runtime of a board from its measured rows, in the file's order:
// log-residual least squares with a prior (see prior, solve), which for a runtime with a prior section starts from the
// fit of another cluster, runtime or board, and else from the data sheet. Stored parameters are not looked at. The
// error names a measured network that is not known, or a prior that leads nowhere or in a circle.
//
// Rescale holds measured/modelled of the layers' part, (measured - invoke)/(modelled - invoke), for the zoo networks
// that rows measured, directly or by a variant; the first such row counts.
func Fit(b *Board) ([]Fitted, error) {
	f := newFitter()
	f.boards[b.Name] = b
	var out []Fitted
	for _, r := range b.file.Runtime {
		fit, err := f.fit(b, r.Name, r.Cluster)
		if err != nil {
			return nil, err
		}
		out = append(out, *fit)
	}
	return out, nil
}

// fitter fits on demand, along the references between priors.
type fitter struct {
	nets    *networks
	boards  map[string]*Board
	done    map[string]*Fitted
	pending map[string]bool
}

func newFitter() *fitter {
	return &fitter{nets: loadNetworks(), boards: map[string]*Board{}, done: map[string]*Fitted{}, pending: map[string]bool{}}
}

func (f *fitter) fit(b *Board, runtime, cluster string) (*Fitted, error) {
	key := b.Name + "/" + runtime + "/" + cluster
	if done := f.done[key]; done != nil {
		return done, nil
	}
	if f.pending[key] {
		return nil, fmt.Errorf("board %s: the priors of %s on %s go in a circle", b.Name, runtime, cluster)
	}
	f.pending[key] = true
	i := slices.IndexFunc(b.file.Runtime, func(r runtimeFile) bool { return r.Name == runtime && r.Cluster == cluster })
	if i < 0 {
		return nil, fmt.Errorf("board %s declares no runtime %s on %s, which a prior refers to", b.Name, runtime, cluster)
	}
	pr, err := f.prior(b, &b.file.Runtime[i])
	if err != nil {
		return nil, err
	}
	rows, err := f.rows(b, runtime, cluster)
	if err != nil {
		return nil, err
	}
	fit := &Fitted{Runtime: runtime, Cluster: cluster, Params: solve(pr, rows), Rows: len(rows), From: b.digest(runtime, cluster)}
	if err := fit.check(b); err != nil {
		return nil, err
	}
	switch p := b.file.Runtime[i].Prior; {
	case p != nil:
		fit.Assumption = p.Assumption + p.Source
	case len(rows) == 0:
		fit.Assumption = "nothing measured; peak and memory bandwidth times hand-set efficiencies"
	}
	fit.rescale(rows)
	f.done[key] = fit
	return fit, nil
}

// check refuses parameters that no hardware has: a sign of a slip in peak, bandwidth or factors.
func (f *Fitted) check(b *Board) error {
	low := min(f.Params.ActBandwidth/float64(leastBandwidth), f.Params.WeightBandwidth/float64(leastBandwidth))
	for _, r := range f.Params.Rate {
		low = min(low, r/float64(leastRate))
	}
	high := max(f.Params.ConvOverhead, f.Params.OtherOverhead, f.Params.InvokeOverhead)
	if !(low >= 1) || !(high <= time.Duration(mostDuration).Seconds()) {
		return fmt.Errorf("board %s: the fit of %s on %s gives impossible parameters; check peak, memory bandwidth, prior factors and rows", b.Name, f.Runtime, f.Cluster)
	}
	return nil
}

// prior returns what a runtime's fit starts from.
func (f *fitter) prior(b *Board, r *runtimeFile) (*prior, error) {
	if r.Prior == nil {
		pr := b.vague(b.cluster(r.Cluster), r.Name)
		return &pr, nil
	}
	from := b
	if name := r.Prior.Board; name != "" && name != b.Name {
		if f.boards[name] == nil {
			other, err := readBoard(name)
			if err != nil {
				return nil, err
			}
			f.boards[name] = other
		}
		from = f.boards[name]
	}
	base, err := f.fit(from, r.Prior.Runtime, r.Prior.Cluster)
	if err != nil {
		return nil, err
	}
	pr := r.Prior.scaled(base.Params)
	return &pr, nil
}

// rows returns the measured rows of a runtime on a cluster that take part in its fit.
func (f *fitter) rows(b *Board, runtime, cluster string) ([]observation, error) {
	var out []observation
	for _, m := range b.file.Measurement {
		if m.Runtime != runtime || m.Cluster != cluster {
			continue
		}
		for _, r := range m.Rows {
			net, err := f.nets.get(r.Model)
			if err != nil {
				return nil, fmt.Errorf("board %s, rows of %s on %s: %w", b.Name, runtime, cluster, err)
			}
			if r.Outlier == "" {
				out = append(out, observation{r.Model, net, r.Latency.Seconds(), b.scale(b.cluster(cluster), b.modeIndex(m.Mode))})
			}
		}
	}
	return out, nil
}

// rescale fills the per-model corrections.
func (f *Fitted) rescale(rows []observation) {
	for _, r := range rows {
		if r.net.zoo == "" {
			continue
		}
		if f.Rescale == nil {
			f.Rescale = map[string]float64{}
		}
		p := r.scale.apply(f.Params)
		_, seen := f.Rescale[r.net.zoo]
		ratio := (r.seconds - p.InvokeOverhead) / (r.net.seconds(&p) - p.InvokeOverhead)
		if !seen && ratio > 0 {
			f.Rescale[r.net.zoo] = ratio
		}
	}
}

// file returns the parameters as a board file holds them: 4 digits.
func (f *Fitted) file() fittedFile {
	out := fittedFile{Runtime: f.Runtime, Cluster: f.Cluster, Rates: map[string]units.Compute{},
		Activations: units.Bandwidth(digits(f.Params.ActBandwidth)), Weights: units.Bandwidth(digits(f.Params.WeightBandwidth)),
		ConvOverhead: fileDuration(f.Params.ConvOverhead), OtherOverhead: fileDuration(f.Params.OtherOverhead),
		InvokeOverhead: fileDuration(f.Params.InvokeOverhead), From: f.From}
	for _, c := range workloads.Classes() {
		out.Rates[c.String()] = units.Compute(digits(f.Params.Rate[c]))
	}
	for _, m := range sortedKeys(f.Rescale) {
		if out.Rescale == nil {
			out.Rescale = map[string]float64{}
		}
		out.Rescale[m] = digits(f.Rescale[m])
	}
	out.LeftOut = f.LeftOut
	switch {
	case f.Basis != "":
		out.Source = f.Basis
	case f.Assumption == "":
		out.Source = fmt.Sprintf("fit of %d measured rows", f.Rows)
	case f.Rows == 0:
		out.Assumption = f.Assumption
	default:
		out.Assumption = fmt.Sprintf("fit of %d measured rows; beyond them %s", f.Rows, f.Assumption)
	}
	return out
}

// digits rounds to 4 significant decimal digits.
func digits(x float64) float64 {
	if x == 0 {
		return 0
	}
	unit := math.Pow(10, math.Floor(math.Log10(math.Abs(x)))-3)
	return math.Round(x/unit) * unit
}

func fileDuration(seconds float64) units.Duration {
	return units.Duration(math.Round(digits(seconds) * 1e9))
}

// text returns the TOML of the parameters, for the tail of a board file.
func (f *fittedFile) text() string {
	var s strings.Builder
	fmt.Fprintf(&s, "[[fitted]]\nruntime = %q\ncluster = %q\nrates = {", f.Runtime, f.Cluster)
	for i, c := range workloads.Classes() {
		fmt.Fprintf(&s, "%s %s = %q", map[bool]string{true: "", false: ","}[i == 0], c, f.Rates[c.String()])
	}
	fmt.Fprintf(&s, " }\nactivation_bandwidth = %q\nweight_bandwidth = %q\nconv_overhead = %q\nother_overhead = %q\ninvoke_overhead = %q\n",
		f.Activations, f.Weights, f.ConvOverhead, f.OtherOverhead, f.InvokeOverhead)
	if len(f.Rescale) > 0 {
		s.WriteString("rescale = {")
		for i, m := range sortedKeys(f.Rescale) {
			fmt.Fprintf(&s, "%s %s = %.4g", map[bool]string{true: "", false: ","}[i == 0], m, f.Rescale[m])
		}
		s.WriteString(" }\n")
	}
	if l := f.LeftOut; l != nil {
		fmt.Fprintf(&s, "left_out = { mean = %.4f, median = %.4f, worst = %.4f, network = %q }\n", l.Mean, l.Median, l.Worst, l.Network)
	}
	fmt.Fprintf(&s, "from = %q\n", f.From)
	if f.Source != "" {
		fmt.Fprintf(&s, "source = %q\n", f.Source)
	} else {
		fmt.Fprintf(&s, "assumption = %q\n", f.Assumption)
	}
	return s.String()
}
