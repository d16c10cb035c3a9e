package experiments

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"hidp/results"
	"hidp/sim"
)

// Comparison says how strategies do on networks and platforms, each against the first one, in runs that are paired by replication:
// the same arrivals, the same jitter, the same errors of belief.
type Comparison struct {
	Base         string          `json:"base"` // the strategy that the others are compared with
	Replications int             `json:"replications"`
	Confidence   float64         `json:"confidence"` // of every interval
	Rows         []ComparisonRow `json:"rows"`
	Mean         []MeanRow       `json:"mean"` // over models, platforms and leaders, if there are several
	Conditions   []string        `json:"conditions"`
}

// ComparisonRow is one strategy in one cell. Numbers are means over the replications; null if a run completed nothing.
type ComparisonRow struct {
	Platform   string               `json:"platform"`
	Leader     string               `json:"leader"`
	Model      string               `json:"model"`
	Strategy   string               `json:"strategy"`
	Latency    LatencyEstimate      `json:"latency"`    // s
	Energy     sim.Quantity         `json:"energy"`     // serving, J per request
	Throughput sim.Quantity         `json:"throughput"` // requests/s
	Planning   sim.Quantity         `json:"planning"`   // s per request, as the scenario charges it
	Change     map[string]*Relative `json:"change"`     // by metric: against the base; none for the base itself
	Failure    string               `json:"failure"`    // why it cannot run; empty if it can

	records []Record
}

// LatencyEstimate is the mean latency with its interval over replications, and the mean of the 95th percentiles.
type LatencyEstimate struct {
	Mean sim.Quantity `json:"mean"`
	Low  sim.Quantity `json:"low"`
	High sim.Quantity `json:"high"`
	P95  sim.Quantity `json:"p95"`
}

// Relative is a relative change: −0.2 for 20 % less than the base. Low and High are the interval over paired replications; P is the
// probability of a mean change so far from zero if there were none. Null with one replication.
type Relative struct {
	Mean sim.Quantity `json:"mean"`
	Low  sim.Quantity `json:"low"`
	High sim.Quantity `json:"high"`
	P    sim.Quantity `json:"p"`
}

// MeanRow is the arithmetic mean of a strategy's changes over all cells in which both run, by replication first.
type MeanRow struct {
	Strategy string               `json:"strategy"`
	Cells    int                  `json:"cells"`
	Change   map[string]*Relative `json:"change"`
}

// CompareOptions say what is compared.
type CompareOptions struct {
	Scenario     string       // a file; empty: one request under Lonely
	Sets         []Assignment // fields of it set anew
	Platforms    []string     // empty: the scenario's
	Leaders      []string     // empty: the platform's; "all": each node in turn
	Models       []string     // each alone; empty: the scenario's mix
	Strategies   []string     // NAME or NAME:OPTION=VALUE,…; the first is the base
	Replications int
	Jobs         int
	Progress     Progress
}

// lonely is the scenario of a comparison that names none: one request, and planners that believe in rates that are off by 10 %, as
// in fig5.
func lonely() map[string]any {
	return map[string]any{"platform": "paper-wlan", "belief_error": "10 %", "strategy": map[string]any{"name": "hidp"},
		"workload": map[string]any{"models": []any{"vgg19"}, "requests": int64(1), "arrivals": map[string]any{"kind": "closed", "clients": int64(1)}}}
}

// Compare runs every strategy in every cell and replication.
func Compare(ctx context.Context, o CompareOptions) (*Comparison, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	base, err := o.tree()
	if err != nil {
		return nil, err
	}
	out := &Comparison{Base: o.Strategies[0], Replications: o.Replications, Confidence: results.Confidence, Mean: []MeanRow{}}
	var scenarios []*Scenario
	for _, cell := range o.cells() {
		for _, strategy := range o.Strategies {
			s, err := o.scenario(base, cell, strategy)
			if err != nil {
				return nil, err
			}
			for _, leader := range leadersOf(cell.leader, s) {
				led := *s
				if led.Platform, err = s.Platform.WithLeader(leader); err != nil {
					return nil, err
				}
				out.Rows = append(out.Rows, ComparisonRow{Platform: led.Platform.Name, Leader: leader, Model: led.modelName(), Strategy: strategy})
				for r := range o.Replications {
					one := led
					one.Replication = s.Replication + r
					scenarios = append(scenarios, &one)
				}
			}
		}
	}
	records, err := simulate(ctx, scenarios, o.Jobs, o.Progress)
	if err != nil {
		return nil, err
	}
	out.Conditions = scenarios[0].conditions()
	for i := range out.Rows {
		out.Rows[i].take(records[i*o.Replications : (i+1)*o.Replications])
	}
	out.sort(o)
	out.compare()
	return out, nil
}

func (o *CompareOptions) check() error {
	var faults []error
	if len(o.Strategies) < 2 {
		faults = append(faults, errors.New("--strategies: name two or more; the others are compared with the first"))
	}
	for i, s := range o.Strategies {
		if slices.Contains(o.Strategies[:i], s) {
			faults = append(faults, fmt.Errorf("--strategies: %s stands twice", s))
		}
	}
	if o.Replications < 1 || o.Replications > mostReplications {
		faults = append(faults, fmt.Errorf("--replications %d: write a number from 1 to %d", o.Replications, mostReplications))
	}
	if o.Jobs < 1 {
		faults = append(faults, fmt.Errorf("--jobs %d: must be at least 1", o.Jobs))
	}
	return errors.Join(faults...)
}

const mostReplications = 10_000

// tree returns the base scenario with the fields that are set anew.
func (o *CompareOptions) tree() (map[string]any, error) {
	if o.Scenario != "" {
		return readTree(o.Scenario, o.Sets)
	}
	return setAll(lonely(), o.Sets)
}

// cell is what rows are compared within.
type cell struct{ platform, model, leader string }

// cells lists the combinations that are named, models last. Empty texts leave the scenario's own.
func (o *CompareOptions) cells() []cell {
	or := func(list []string) []string {
		if len(list) == 0 {
			return []string{""}
		}
		return list
	}
	var all []cell
	for _, p := range or(o.Platforms) {
		for _, l := range or(o.Leaders) {
			for _, m := range or(o.Models) {
				all = append(all, cell{p, m, l})
			}
		}
	}
	return all
}

// leadersOf returns the leader that a cell names, or all nodes.
func leadersOf(leader string, s *Scenario) []string {
	switch leader {
	case "":
		return []string{s.Platform.Nodes[s.Platform.Leader].Name}
	case "all":
		return s.Platform.NodeNames()
	}
	return []string{leader}
}

// scenario returns the scenario of a cell under a strategy. Faults name the flag.
func (o *CompareOptions) scenario(base map[string]any, c cell, strategy string) (*Scenario, error) {
	name, options, err := splitStrategy(strategy)
	if err != nil {
		return nil, fmt.Errorf("--strategies: %w", err)
	}
	tree := base
	for _, f := range []struct {
		field string
		value any
		set   bool
	}{{"platform", c.platform, c.platform != ""}, {"models", []any{c.model}, c.model != ""}, {"strategy", map[string]any{"name": name, "options": options}, true}} {
		if !f.set {
			continue
		}
		if tree, err = SetField(tree, f.field, f.value); err != nil {
			return nil, fmt.Errorf("%s: %w", f.field, err)
		}
	}
	return ParseTree(cmp.Or(o.Scenario, "compare"), tree)
}

// splitStrategy reads NAME or NAME:OPTION=VALUE,… A strategy that is a command (exec:…) has no options here.
func splitStrategy(text string) (name string, options map[string]any, err error) {
	if strings.HasPrefix(text, "exec:") {
		return text, map[string]any{}, nil
	}
	name, rest, _ := strings.Cut(text, ":")
	options = map[string]any{}
	for _, o := range strings.Split(rest, ",") {
		if o == "" {
			continue
		}
		key, value, ok := strings.Cut(o, "=")
		if !ok {
			return "", nil, fmt.Errorf("%s: option %q is not of the form OPTION=VALUE", text, o)
		}
		options[key] = valueOf(value)
	}
	return name, options, nil
}

// take fills the numbers of a row.
func (r *ComparisonRow) take(records []Record) {
	r.records = records
	for _, x := range records {
		if x.Failed != "" {
			none := sim.None()
			r.Failure, r.Latency = x.Failed, LatencyEstimate{none, none, none, none}
			r.Energy, r.Throughput, r.Planning = none, none, none
			return
		}
	}
	of := func(get func(Record) float64) results.Estimate {
		var sample []float64
		for _, x := range records {
			sample = append(sample, get(x))
		}
		return results.Mean(sample)
	}
	l := of(func(x Record) float64 { return x.Latency })
	r.Latency = LatencyEstimate{sim.Quantity(l.Mean), sim.Quantity(l.Low), sim.Quantity(l.High),
		sim.Quantity(of(func(x Record) float64 { return x.P95 }).Mean)}
	r.Energy = sim.Quantity(of(func(x Record) float64 { return x.Energy }).Mean)
	r.Throughput = sim.Quantity(of(func(x Record) float64 { return x.Throughput }).Mean)
	r.Planning = sim.Quantity(of(func(x Record) float64 { return x.Planning }).Mean)
}

// sort orders rows by cell, and strategies within a cell as they were named.
func (c *Comparison) sort(o CompareOptions) {
	first := map[[3]string]int{}
	for i, r := range c.Rows {
		if _, known := first[r.cell()]; !known {
			first[r.cell()] = i
		}
	}
	slices.SortStableFunc(c.Rows, func(a, b ComparisonRow) int {
		return cmp.Or(cmp.Compare(first[a.cell()], first[b.cell()]), cmp.Compare(slices.Index(o.Strategies, a.Strategy), slices.Index(o.Strategies, b.Strategy)))
	})
}

func (r *ComparisonRow) cell() [3]string { return [3]string{r.Platform, r.Leader, r.Model} }

// compare fills the changes against the base, by row and in the mean.
func (c *Comparison) compare() {
	base := map[[3]string]*ComparisonRow{}
	samples := map[string]map[string][][]float64{} // by strategy and metric: a sample of each cell
	var names []string
	for i := range c.Rows {
		r := &c.Rows[i]
		if r.Strategy == c.Base {
			base[r.cell()] = r
			continue
		}
		if samples[r.Strategy] == nil {
			samples[r.Strategy], names = map[string][][]float64{}, append(names, r.Strategy)
		}
		r.Change = map[string]*Relative{}
		for _, m := range metrics() {
			var sample []float64
			for k, x := range r.records {
				if change, ok := m.change(x, base[r.cell()].records[k]); ok {
					sample = append(sample, change)
				}
			}
			if len(sample) == len(r.records) {
				r.Change[m.name] = relative(sample)
				samples[r.Strategy][m.name] = append(samples[r.Strategy][m.name], sample)
			}
		}
	}
	if len(base) < 2 {
		return
	}
	for _, name := range names {
		row := MeanRow{Strategy: name, Change: map[string]*Relative{}}
		for _, m := range metrics() {
			cells := samples[name][m.name]
			if row.Cells = max(row.Cells, len(cells)); len(cells) > 0 {
				row.Change[m.name] = relative(meanOf(cells))
			}
		}
		c.Mean = append(c.Mean, row)
	}
}

// meanOf returns the mean over cells of every replication.
func meanOf(cells [][]float64) []float64 {
	out := make([]float64, len(cells[0]))
	for _, sample := range cells {
		for k, x := range sample {
			out[k] += x / float64(len(cells))
		}
	}
	return out
}

func relative(sample []float64) *Relative {
	p, err := results.Difference(sample, make([]float64, len(sample)))
	if err != nil {
		panic("experiments: " + err.Error())
	}
	return &Relative{sim.Quantity(p.Mean), sim.Quantity(p.Low), sim.Quantity(p.High), sim.Quantity(p.P)}
}
