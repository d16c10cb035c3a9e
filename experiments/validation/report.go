package validation

import (
	"encoding/json"
	"fmt"

	"hidp/results"
)

// Report is what a validation found.
type Report struct {
	Summary
	Rows []Row `json:"rows"`

	Matrix     string   `json:"matrix"`
	Platform   string   `json:"platform"`
	Version    string   `json:"version"`
	Command    string   `json:"command"`
	Conditions []string `json:"conditions"`

	// Ops are the ops of every plan that was compared.
	Ops []OpRow `json:"-"`

	settings    Settings
	labels      []string // of the methods, in the order of the matrix
	comparisons []*comparison
}

// report puts together what was found so far.
func (v *validator) report() *Report {
	r := &Report{Summary: summarize(v.rows, v.invalid), Rows: v.rows, Matrix: v.Matrix.Name, Platform: v.Platform.Name, Version: v.Version,
		Command: v.Command, Conditions: v.Conditions, settings: v.Matrix.Settings}
	for _, m := range v.Matrix.Methods {
		r.labels = append(r.labels, m.Label)
	}
	for _, c := range v.compared {
		if c != nil {
			r.comparisons = append(r.comparisons, c)
			r.Ops = append(r.Ops, c.ops...)
		}
	}
	return r
}

// JSON returns the report as one object.
func (r *Report) JSON() []byte {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		panic("validation: " + err.Error())
	}
	return append(text, '\n')
}

// bounds are what a validation is held to, in the order of the report.
var bounds = []struct {
	name  string
	limit float64
	least bool // the value must reach the limit, not stay below it
	value func(*Summary) Number
}{
	{"mean error of latency", 0.05, false, func(s *Summary) Number { return s.LatencyMAPE }},
	{"largest error of latency", 0.12, false, func(s *Summary) Number { return s.LatencyWorst }},
	{"mean error of throughput, pipelined plans", 0.10, false, func(s *Summary) Number { return s.ThroughputMAPE }},
	{"strategies in the same order, where they differ by more than 5 %", 1, true, func(s *Summary) Number { return s.OrderAgreement }},
}

// Verdict is a bound and what was found.
type Verdict struct {
	Name  string
	Value Number // a fraction
	Limit float64
	Least bool // Value must be at least Limit, else at most
}

// Met reports whether the value keeps the bound. One that is not known does not.
func (v Verdict) Met() bool {
	if !v.Value.Known() {
		return false
	}
	if v.Least {
		return float64(v.Value) >= v.Limit
	}
	return float64(v.Value) <= v.Limit
}

// Verdicts holds the summary against the bounds that the project sets itself: latency within 5 % on average and 12 % at worst,
// throughput of pipelined plans within 10 %, the same order of strategies.
func (s *Summary) Verdicts() []Verdict {
	var out []Verdict
	for _, b := range bounds {
		out = append(out, Verdict{Name: b.name, Value: b.value(s), Limit: b.limit, Least: b.least})
	}
	return out
}

// share writes a fraction as a percentage without a sign.
func share(n Number) string {
	if !n.Known() {
		return "–"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(n))
}

// signed writes a fraction as a percentage with its sign.
func signed(n Number) string { return results.Percent(float64(n)) }

// inMilliseconds writes seconds.
func inMilliseconds(n Number) string { return results.Number(1e3 * float64(n)) }

// plain writes a number.
func plain(n Number) string { return results.Number(float64(n)) }
