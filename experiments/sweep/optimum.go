package sweep

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"

	"hidp/results"
)

// Table returns the candidates with their values, the objective, what is limited and what was measured most often asked for. An objective
// that is one of the metrics has one column.
func (o *Optimum) Table() *results.Table {
	t := &results.Table{Title: o.Problem.Name}
	best := &o.Candidates[0]
	for _, v := range best.Settings {
		t.Columns = append(t.Columns, v.Name)
	}
	objective := o.Problem.objective.text
	single := slices.ContainsFunc(best.Metrics, func(m NamedValue) bool { return m.Name == objective })
	columns := []string{objective}
	for _, name := range []string{"latency_mean", "latency_p99", "throughput_per_s", "energy_serving", "nodes", priceName} {
		if name != objective && slices.ContainsFunc(best.Metrics, func(m NamedValue) bool { return m.Name == name }) {
			columns = append(columns, name)
		}
	}
	t.Columns = append(t.Columns, columns...)
	if !single {
		t.Columns[len(best.Settings)] = "objective"
	}
	t.Right = slices.Clone(t.Columns[len(best.Settings):])
	t.Columns = append(t.Columns, "limits")
	for i := range o.Candidates {
		t.Add(o.row(&o.Candidates[i], columns)...)
	}
	t.Notes = append(t.Notes, fmt.Sprintf("%s of %s by %s; %d candidates, %d runs, seed %d.",
		map[float64]string{1: "Minimum", -1: "Maximum"}[o.Problem.sign], objective, o.Problem.Method, o.Tried, o.Runs, o.Problem.sweep.Seed))
	if !o.Feasible {
		t.Notes = append(t.Notes, "No candidate keeps all limits; these are the nearest.")
	}
	return t
}

// row is a candidate's row: its values, its objective, the metrics in the columns behind that, and what became of its limits.
func (o *Optimum) row(c *Candidate, columns []string) []string {
	var row []string
	for _, v := range c.Settings {
		row = append(row, v.Text)
	}
	if c.Failure == "" {
		row = append(row, withUnit(c.Objective, o.Problem.objective.root.unit))
	} else {
		row = append(row, "–")
	}
	for _, name := range columns[1:] {
		row = append(row, o.metric(c, name))
	}
	return append(row, c.verdict())
}

func (c *Candidate) verdict() string {
	switch {
	case c.Failure != "":
		return "failed: " + c.Failure
	case c.Gap > 0:
		return fmt.Sprintf("broken by %.2g %%", 100*c.Gap)
	}
	return "kept"
}

// metric writes one of a candidate's metrics with its unit.
func (o *Optimum) metric(c *Candidate, name string) string {
	for _, m := range c.Metrics {
		if x, err := strconv.ParseFloat(m.Text, 64); m.Name == name && err == nil {
			return withUnit(x, o.Problem.unit(name))
		}
	}
	return "–"
}

// unit returns the unit of a metric, or of the price.
func (p *Problem) unit(name string) string {
	for _, k := range p.names() {
		if k.name == name {
			return k.unit
		}
	}
	return ""
}

// optimumJSON is what MarshalJSON writes. Durations are in seconds, energies in joules, rates in bit/s, as in a sweep's columns.
type optimumJSON struct {
	Problem    string          `json:"problem"`
	Objective  string          `json:"objective"`
	Goal       string          `json:"goal"`
	Method     string          `json:"method"`
	Seed       uint64          `json:"seed"`
	Tried      int             `json:"tried"`
	Runs       int             `json:"runs"`
	Feasible   bool            `json:"feasible"`
	Currency   string          `json:"currency,omitempty"`
	Candidates []candidateJSON `json:"candidates"`
}

type candidateJSON struct {
	Settings  map[string]string   `json:"settings"`
	Objective *float64            `json:"objective"` // null: it could not run
	Metrics   map[string]*float64 `json:"metrics"`   // null: not a number, such as the latency where no request was served
	Gap       float64             `json:"gap"`       // how far limits are broken, relative and summed
	Failure   string              `json:"failure,omitempty"`
}

// MarshalJSON implements json.Marshaler.
func (o *Optimum) MarshalJSON() ([]byte, error) {
	p := o.Problem
	out := optimumJSON{Problem: p.Name, Objective: p.objective.text, Goal: map[float64]string{1: "minimize", -1: "maximize"}[p.sign], Method: p.Method,
		Seed: p.sweep.Seed, Tried: o.Tried, Runs: o.Runs, Feasible: o.Feasible, Currency: p.Currency}
	for i := range o.Candidates {
		c := &o.Candidates[i]
		x := candidateJSON{Settings: map[string]string{}, Metrics: map[string]*float64{}, Gap: c.Gap, Failure: c.Failure}
		for _, v := range c.Settings {
			x.Settings[v.Name] = v.Text
		}
		for _, m := range c.Metrics {
			x.Metrics[m.Name] = nil
			if value, err := strconv.ParseFloat(m.Text, 64); err == nil && !math.IsInf(value, 0) {
				x.Metrics[m.Name] = &value
			}
		}
		if c.Failure == "" {
			x.Objective = &c.Objective
		}
		out.Candidates = append(out.Candidates, x)
	}
	return json.Marshal(out)
}
