package experiments

import (
	"fmt"
	"slices"
	"strings"

	"hidp/internal/strict"
	"hidp/internal/units"
	"hidp/strategies"
	"hidp/strategies/catalog"
)

// Experiment is a figure or table as its file describes it: a base scenario, what is varied, and the published result that it is
// compared with.
type Experiment struct {
	Name        string
	Title       string
	Assumptions []string

	kind       string
	base       *Scenario
	seeds      [2]int // repetitions: all, quick
	subject    string // the strategy under study
	rivals     []string
	methods    []method
	published  []published
	readings   []reading
	open       []openQuestion
	throughput saturation
}

// method is a strategy with the options and the name that it has in an experiment.
type method struct {
	Label    string            `toml:"label,required"`
	Strategy string            `toml:"strategy,required"`
	Options  map[string]string `toml:"options"`
}

// published is a result of the paper: the relative change of a metric against other methods.
type published struct {
	Metric string  `toml:"metric,required"` // latency, energy, throughput
	Change float64 `toml:"change,required"`
	Source string  `toml:"source,required"`
}

// reading is one way to understand what a method's data partition splits.
type reading struct {
	Name    string                       `toml:"name,required"`
	Batch   int                          `toml:"batch,required"`
	Options map[string]map[string]string `toml:"options"` // by strategy
}

// openQuestion is an assumption that could be another one: a field of all points, or of those of one strategy. The first value is
// the base.
type openQuestion struct {
	Name     string   `toml:"name,required"`
	Field    string   `toml:"field,required"`
	Strategy string   `toml:"strategy"`
	Values   []string `toml:"values,required"`
	Quick    []string `toml:"quick"` // the values of a quick run; all if missing
}

// saturation is a closed loop that measures throughput.
type saturation struct {
	Clients      int            `toml:"clients"`
	Horizon      units.Duration `toml:"horizon"`
	QuickHorizon units.Duration `toml:"quick_horizon"`
}

// experimentFile is the TOML of an experiment.
type experimentFile struct {
	Name        string         `toml:"name,required"`
	Title       string         `toml:"title,required"`
	Kind        string         `toml:"kind,required"`
	Seeds       int            `toml:"seeds,required"`
	QuickSeeds  int            `toml:"quick_seeds,required"`
	Subject     string         `toml:"subject,required"`
	Rivals      []string       `toml:"rivals,required"`
	Assumptions []string       `toml:"assumptions"`
	Base        scenarioFile   `toml:"base,required"`
	Method      []method       `toml:"method,required"`
	Published   []published    `toml:"published"`
	Reading     []reading      `toml:"reading"`
	Open        []openQuestion `toml:"open"`
	Throughput  saturation     `toml:"throughput"`
}

// parseExperiment reads an experiment file. All faults are reported at once, with their lines.
func parseExperiment(file string, data []byte) (*Experiment, error) {
	f := experimentFile{Base: defaultScenario()}
	p, _ := strict.Parse(file, data, &f)
	e := &Experiment{Name: f.Name, Title: f.Title, Assumptions: f.Assumptions, kind: f.Kind, seeds: [2]int{f.Seeds, f.QuickSeeds},
		subject: f.Subject, rivals: f.Rivals, methods: f.Method, published: f.Published, readings: f.Reading, open: f.Open, throughput: f.Throughput}
	e.base = f.Base.resolve(p.Under("base"), lookup{folder: folderOf(file)})
	e.base.Name = f.Name
	word(p, "kind", f.Kind, "bars", "claims")
	if f.Seeds < 1 || f.QuickSeeds < 1 || f.QuickSeeds > f.Seeds {
		p.Faultf("seeds", "and quick_seeds are %d and %d; write 1 ≤ quick_seeds ≤ seeds", f.Seeds, f.QuickSeeds)
	}
	f.check(p)
	return e, p.Err()
}

// check adds to p what does not fit together.
func (f *experimentFile) check(p *strict.Problems) {
	var known []string
	for i, m := range f.Method {
		known = append(known, m.Strategy)
		if _, err := catalog.New(m.Strategy, m.Options); err != nil {
			p.Faultf(strict.Index("method", i), "%v", err)
		}
	}
	needs := func(key, name string) {
		if !slices.Contains(known, name) {
			p.Faultf(key, "%q is not the strategy of a [[method]]%s; they are %s", name, strict.Suggest(name, known), strings.Join(known, ", "))
		}
	}
	needs("subject", f.Subject)
	for i, name := range f.Rivals {
		needs(strict.Index("rivals", i), name)
	}
	for i, x := range f.Published {
		word(p.Under(strict.Index("published", i)), "metric", x.Metric, "latency", "energy", "throughput")
	}
	if f.Kind == "claims" {
		f.checkClaims(p, needs)
	}
}

func (f *experimentFile) checkClaims(p *strict.Problems, needs func(key, name string)) {
	if len(f.Reading) == 0 {
		p.Faultf("", "has no [[reading]]; claims need at least one")
	}
	if f.Throughput.Clients < 1 || f.Throughput.Horizon <= 0 || f.Throughput.QuickHorizon <= 0 {
		p.Faultf("throughput", `needs clients, horizon and quick_horizon, all positive`)
	}
	for i, q := range f.Open {
		at := strict.Index("open", i)
		if len(q.Values) == 0 {
			p.Faultf(at+".values", "is empty; the first value is the base")
		}
		if q.Strategy != "" {
			needs(at+".strategy", q.Strategy)
		}
		for _, v := range q.Quick {
			if !slices.Contains(q.Values, v) {
				p.Faultf(at+".quick", "%q is not among the values %s", v, strings.Join(q.Values, ", "))
			}
		}
	}
}

// repetitions returns the experiment's repetitions under a run's seed: what each sets in a scenario.
func (e *Experiment) repetitions(seed uint64, quick bool) []Values {
	n := e.seeds[0]
	if quick {
		n = e.seeds[1]
	}
	var all []Values
	for i := range n {
		all = append(all, Values{"seed": fmt.Sprint(seed), "replication": fmt.Sprint(i)})
	}
	return all
}

// values returns what a method sets in a scenario.
func (m *method) values() Values {
	v := Values{"strategy": m.Strategy}
	return v.with(optionValues(m.Options))
}

func optionValues(options strategies.Options) Values {
	v := Values{}
	for name, text := range options {
		v["option "+name] = text
	}
	return v
}

func (e *Experiment) method(strategy string) *method {
	for i := range e.methods {
		if e.methods[i].Strategy == strategy {
			return &e.methods[i]
		}
	}
	panic("experiments: no method for strategy " + strategy)
}

func (e *Experiment) publishedChange(metric string) (published, bool) {
	for _, p := range e.published {
		if p.Metric == metric {
			return p, true
		}
	}
	return published{}, false
}
