package validation

import (
	"fmt"
	"math"
	"slices"

	"hidp/results"
	"hidp/results/plot"
)

// Errors that figures show as lines, and from which on points have names.
const (
	typicalError = 0.05
	largestError = 0.12
	rateError    = 0.10
)

// figure is a figure with the name of its files.
type figure struct {
	stem string
	plot.Figure
}

// figures draws the report: all cells against the diagonal, their errors as bars, and one plan of every model op by op.
func (r *Report) figures() ([]figure, error) {
	if r.Compared == 0 {
		return nil, nil
	}
	lines, err := r.timelines()
	return append([]figure{{"scatter", r.scatter()}, {"errors", r.errorBars()}}, lines...), err
}

// scatter shows latencies and rates, simulated against measured.
func (r *Report) scatter() plot.Figure {
	bands := []float64{typicalError, largestError}
	latency := plot.Scatter{Title: "Latency of one request", XLabel: "measured (ms)", YLabel: "simulated (ms)", Identity: true, Log: true, Bands: bands}
	rates := plot.Scatter{Title: "Throughput", XLabel: "measured (requests/s)", YLabel: "simulated (requests/s)", Identity: true, Log: true, Bands: bands}
	for i := range r.Rows {
		x := &r.Rows[i]
		if !x.distinct() {
			continue
		}
		cloud := func(measured, simulated, off Number, scale, limit float64) plot.Cloud {
			label := ""
			if math.Abs(float64(off)) > limit {
				label = fmt.Sprintf("%s, %s %s", x.Model, x.Strategy, results.Percent(float64(off)))
			}
			return plot.Cloud{Name: x.Strategy, Marker: x.Model, Labels: []string{label},
				X: []float64{scale * float64(measured)}, Y: []float64{scale * float64(simulated)}}
		}
		latency.Clouds = append(latency.Clouds, cloud(x.Latency.Measured, x.Latency.Simulated, x.Latency.Error, 1e3, typicalError))
		rates.Clouds = append(rates.Clouds, cloud(x.Throughput.Measured, x.Throughput.Simulated, x.Throughput.Error, 1, rateError))
	}
	return plot.Figure{Panels: []plot.Panel{latency, rates}, Height: 2.9, Note: r.note(fmt.Sprintf("Named: latencies that are off by more than %.0f %%, rates by more than %.0f %%. "+
		"Plans that several strategies made are shown once.", 100*typicalError, 100*rateError))}
}

// errorBars shows the signed errors of every cell.
func (r *Report) errorBars() plot.Figure {
	limits := func(limit float64) []plot.Reference {
		name := fmt.Sprintf("±%.0f %%", 100*limit)
		return []plot.Reference{{Name: name, Value: 100 * limit}, {Name: name, Value: -100 * limit}}
	}
	latency := r.bars("Latency", limits(largestError), func(x *Row) (e, low, high Number) {
		l := x.Latency
		return l.Error, relative(float64(l.Simulated), float64(l.High)), relative(float64(l.Simulated), float64(l.Low))
	})
	rates := r.bars("Throughput", limits(rateError), func(x *Row) (e, low, high Number) { return x.Throughput.Error, unknown, unknown })
	panels := []plot.Panel{latency, rates}
	if r.ProtocolMAPE.Known() {
		panels = append(panels, r.bars("Protocol alone: simulated against agents that only wait", limits(typicalError), func(x *Row) (e, low, high Number) {
			return x.Protocol.Error, unknown, unknown
		}))
	}
	return plot.Figure{Panels: panels, Columns: 1, Height: 1.3, Note: r.note("Error: simulated/measured − 1. Whiskers: what follows from the 95 % interval of the measured median. " +
		"Equal bars of a model: strategies that made the same plan, measured once. Missing: no plan, or no valid run.")}
}

// bars is a panel of percentages by model and method.
func (r *Report) bars(title string, limits []plot.Reference, of func(*Row) (e, low, high Number)) plot.GroupedBars {
	b := plot.GroupedBars{Title: title, YLabel: "error (%)", References: limits}
	for i := range r.Rows {
		if !slices.Contains(b.Groups, r.Rows[i].Model) {
			b.Groups = append(b.Groups, r.Rows[i].Model)
		}
	}
	for _, label := range r.labels {
		n := len(b.Groups)
		s := plot.Series{Name: label, Values: missing(n), Low: missing(n), High: missing(n)}
		known := false
		for i := range r.Rows {
			x := &r.Rows[i]
			if x.Strategy != label || x.Status != statusOK {
				continue
			}
			g := slices.Index(b.Groups, x.Model)
			e, low, high := of(x)
			s.Values[g], s.Low[g], s.High[g] = float64(100*e), float64(100*low), float64(100*high)
			known = true
		}
		if known {
			b.Series = append(b.Series, s)
		}
	}
	return b
}

// missing returns n values that are not there.
func missing(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = math.NaN()
	}
	return out
}

// note is what stands below every figure.
func (r *Report) note(text string) string {
	return fmt.Sprintf("%s Medians of %d requests; %s; op times profiled before the runs that they are compared with.", text, r.settings.Requests, r.Platform)
}
