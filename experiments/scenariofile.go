package experiments

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"hidp/devices"
	"hidp/internal/input"
	"hidp/internal/strict"
	"hidp/internal/units"
	"hidp/strategies"
	"hidp/strategies/catalog"
)

// scenarioFile is the TOML of a scenario.
type scenarioFile struct {
	Name        string          `toml:"name"`
	Seed        int64           `toml:"seed"`
	Platform    string          `toml:"platform,required"` // catalogue name, board:NAME|FILE[@RUNTIME/PRECISION], or FILE.toml
	Nodes       *int            `toml:"nodes"`             // how many of the platform's: its leader and the first others
	Leader      string          `toml:"leader"`            // the platform's if missing
	Runtime     string          `toml:"runtime"`           // of all nodes, instead of the platform's
	Rate        *units.Rate     `toml:"rate"`              // of the network, instead of the platform's
	Jitter      *units.Duration `toml:"jitter"`            // mean extra latency of a message, instead of the platform's
	BeliefError units.Fraction  `toml:"belief_error"`
	Planning    string          `toml:"planning"` // "zero", "measured" or a duration
	Strategy    strategyFile    `toml:"strategy,required"`
	Workload    workloadFile    `toml:"workload"`
	Options     strategyOptions `toml:"options"` // by strategy: they count where it is the scenario's
	Fault       []faultFile     `toml:"fault"`
}

type strategyFile struct {
	Name    string         `toml:"name,required"`
	Options map[string]any `toml:"options"`
}

// strategyOptions are options by strategy.
type strategyOptions map[string]map[string]any

type workloadFile struct {
	Models   []string        `toml:"models"`
	Weights  []float64       `toml:"weights"`
	Order    string          `toml:"order"` // "turns", "random", or "own": each client of a closed loop repeats one model
	Batch    int             `toml:"batch"`
	Input    string          `toml:"input"` // "float32" or "uint8"
	Requests int             `toml:"requests"`
	Horizon  *units.Duration `toml:"horizon"`
	Arrivals arrivalsFile    `toml:"arrivals"` // one client with one request at a time if missing
}

type arrivalsFile struct {
	Kind     string          `toml:"kind"` // what the other keys go with if missing
	Interval *units.Duration `toml:"interval"`
	Jitter   *units.Duration `toml:"jitter"`
	Rate     *frequency      `toml:"rate"`
	Clients  int             `toml:"clients"`
	Think    *units.Duration `toml:"think"`
	File     string          `toml:"file"`
}

// faultFile is a node lost for good, or a network resource with another rate for a while.
type faultFile struct {
	Node string          `toml:"node"`
	At   *units.Duration `toml:"at"`
	Link string          `toml:"link"`
	Rate *units.Rate     `toml:"rate"`
	From *units.Duration `toml:"from"`
	To   *units.Duration `toml:"to"`
}

func defaultScenario() scenarioFile {
	return scenarioFile{Seed: 1, Planning: "zero", Workload: workloadFile{Order: "turns", Batch: 1, Input: "float32"}}
}

func folderOf(path string) string { return filepath.Dir(path) }

// lookup finds the files that a scenario names.
type lookup struct {
	folder string // of relative paths
	find   func(path string) string
}

func (f lookup) path(name string) string {
	if !filepath.IsAbs(name) {
		name = filepath.Join(f.folder, name)
	}
	if f.find != nil {
		name = f.find(name)
	}
	return name
}

// reason strips the operation and path that a caller's message repeats.
func reason(err error) string { return input.Reason(err).Error() }

// resolve turns the file into a Scenario, adding every fault to p. What it returns counts only if there was none.
func (f *scenarioFile) resolve(p *strict.Problems, at lookup) *Scenario {
	s := &Scenario{Name: f.Name, BeliefError: f.BeliefError.Value(), Strategy: f.Strategy.Name, Batch: f.Workload.Batch}
	if s.Name == "" {
		s.Name = "scenario"
	}
	if f.Seed < 0 {
		p.Faultf("seed", "is %d; write a whole number from 0", f.Seed)
	}
	s.Seed = uint64(f.Seed)
	s.Platform = f.platform(p, at)
	s.Planning = f.planning(p)
	s.Options = f.Strategy.options(p.Under("strategy"))
	f.Options.choose(p.Under("options"), s)
	f.Workload.resolve(p.Under("workload"), at, s)
	if s.Platform != nil {
		f.faults(p, s)
	}
	return s
}

func (f *scenarioFile) platform(p *strict.Problems, at lookup) *devices.Platform {
	name := f.Platform
	if strings.HasSuffix(name, ".toml") {
		name = at.path(name)
	}
	platform, err := devices.Open(name)
	if err != nil {
		p.Faultf("platform", "%v", err)
		return nil
	}
	steps := []struct {
		key    string
		change func() (*devices.Platform, error)
	}{
		{"runtime", func() (*devices.Platform, error) { return platform.WithRuntime(f.Runtime) }},
		{"nodes", func() (*devices.Platform, error) { return firstNodes(platform, *f.Nodes, f.Leader) }},
		{"leader", func() (*devices.Platform, error) { return platform.WithLeader(f.Leader) }},
		{"rate", func() (*devices.Platform, error) { return platform.WithRate(f.Rate.BitsPerSecond()) }},
		{"jitter", func() (*devices.Platform, error) { return withJitter(platform, f.Jitter.Std()) }},
	}
	for _, s := range steps {
		if !p.Has(s.key) || s.key == "rate" && f.Rate == nil || s.key == "jitter" && f.Jitter == nil || s.key == "nodes" && f.Nodes == nil {
			continue
		}
		if next, err := s.change(); err != nil {
			p.Faultf(s.key, "%v", err)
		} else {
			platform = next
		}
	}
	return platform
}

// firstNodes returns the platform with its leader, or the one given, and the first of its other nodes, n in all.
func firstNodes(p *devices.Platform, n int, leader string) (*devices.Platform, error) {
	if n < 1 || n > len(p.Nodes) {
		return nil, fmt.Errorf("is %d; %s has %d, so write a number from 1 to %d", n, p.Name, len(p.Nodes), len(p.Nodes))
	}
	first := p.Leader
	if i, ok := p.Node(leader); ok {
		first = i
	}
	names := []string{p.Nodes[first].Name}
	for i := range p.Nodes {
		if i != first && len(names) < n {
			names = append(names, p.Nodes[i].Name)
		}
	}
	return p.Subset(names...)
}

func (f *scenarioFile) planning(p *strict.Problems) Planning {
	switch f.Planning {
	case "zero":
		return Planning{}
	case "measured":
		return Planning{Measured: true}
	}
	var d units.Duration
	if err := d.UnmarshalText([]byte(f.Planning)); err != nil {
		p.Faultf("planning", `%q is none of "zero", "measured" and a duration such as "15 ms"`, f.Planning)
	} else if err := CheckDelay(d.Std()); err != nil {
		p.Faultf("planning", "%v", err)
	}
	return Planning{Fixed: d.Std()}
}

// options turns the file's values into the texts that strategies read and lets the strategy judge them.
func (f *strategyFile) options(p *strict.Problems) strategies.Options {
	opts := optionTexts(p.Under("options"), f.Options)
	judge(p, f.Name, opts)
	return opts
}

func optionTexts(p *strict.Problems, values map[string]any) strategies.Options {
	opts := strategies.Options{}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		switch v := values[name].(type) {
		case string:
			opts[name] = v
		case bool:
			opts[name] = strconv.FormatBool(v)
		case int64:
			opts[name] = strconv.FormatInt(v, 10)
		case float64:
			opts[name] = strconv.FormatFloat(v, 'g', -1, 64)
		default:
			p.Faultf(strict.Key("", name), "must be a text, a number, true or false")
		}
	}
	return opts
}

// judge adds what the strategy finds wrong with its options; p is where the keys name and options are.
func judge(p *strict.Problems, name string, opts strategies.Options) {
	_, err := catalog.New(name, opts)
	var bad *strategies.OptionError
	switch {
	case errors.As(err, &bad):
		for _, fault := range bad.Faults {
			p.Faultf("options", "%s", fault)
		}
	case err != nil:
		p.Faultf("name", "%v", err)
	}
}

// choose adds the options of the scenario's strategy to those that it has. Those of other strategies are judged too: they wait for
// an axis or a flag that chooses another one.
func (f strategyOptions) choose(p *strict.Problems, s *Scenario) {
	for _, name := range slices.Sorted(maps.Keys(f)) {
		at := p.Under(strict.Key("", name))
		opts := optionTexts(at, f[name])
		_, err := catalog.New(name, opts)
		var bad *strategies.OptionError
		switch {
		case errors.As(err, &bad):
			for _, fault := range bad.Faults {
				at.Faultf("", "%s", fault)
			}
		case err != nil:
			at.Faultf("", "%v", err)
		case name == s.Strategy:
			maps.Copy(s.Options, opts)
		}
	}
}

func orZero[T any](v *T) T {
	if v == nil {
		var zero T
		return zero
	}
	return *v
}

func word(p *strict.Problems, key, given string, allowed ...string) {
	if !slices.Contains(allowed, given) {
		p.Faultf(key, "is %q%s; write one of %s", given, strict.Suggest(given, allowed), strings.Join(allowed, ", "))
	}
}
