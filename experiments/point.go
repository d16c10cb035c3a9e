package experiments

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"hidp/devices"
	"hidp/internal/units"
	"hidp/strategies"
	"hidp/strategies/catalog"
	"hidp/workloads"
	"hidp/workloads/models"
)

// Values are the fields of a scenario that a point of an experiment sets anew, by name, as texts in the units of scenario files:
//
//	leader, runtime, rate, jitter, belief_error   the platform and what is believed of it
//	model, batch, input                           what is asked for
//	strategy, option NAME                         who plans, and its knobs
//	seed, replication                             what chance is drawn from
type Values map[string]string

// with returns v with more fields set.
func (v Values) with(more Values) Values {
	c := maps.Clone(v)
	maps.Copy(c, more)
	return c
}

// key identifies the simulation that the values describe.
func (v Values) key() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(v)) {
		fmt.Fprintf(&b, "%s=%s\n", name, v[name])
	}
	return b.String()
}

// Axis is a field and the values that it takes in turn.
type Axis struct {
	Field  string
	Values []string
}

// product returns every combination of the axes' values, the last axis fastest.
func product(axes ...Axis) []Values {
	all := []Values{{}}
	for _, a := range axes {
		var next []Values
		for _, v := range all {
			for _, x := range a.Values {
				next = append(next, v.with(Values{a.Field: x}))
			}
		}
		all = next
	}
	return all
}

// bench makes scenarios of one base. Platforms and graphs are made once and shared.
type bench struct {
	base      *Scenario
	platforms map[string]*devices.Platform
	graphs    map[string]*workloads.Graph
}

func newBench(base *Scenario) *bench {
	return &bench{base: base, platforms: map[string]*devices.Platform{}, graphs: map[string]*workloads.Graph{}}
}

// scenario returns the base with v set. The error says what is wrong with a value.
func (b *bench) scenario(v Values) (*Scenario, error) {
	s := *b.base
	s.Options = maps.Clone(s.Options)
	if v["strategy"] != "" && v["strategy"] != s.Strategy {
		s.Strategy, s.Options = v["strategy"], nil
	}
	if s.Options == nil {
		s.Options = strategies.Options{}
	}
	var err error
	for _, name := range slices.Sorted(maps.Keys(v)) {
		if err = setField(&s, name, v[name]); err != nil {
			return nil, err
		}
	}
	if s.Platform, err = b.platform(v); err != nil {
		return nil, err
	}
	if err = b.setModels(&s, v); err != nil {
		return nil, err
	}
	_, err = catalog.New(s.Strategy, s.Options)
	return &s, err
}

// setField sets a field that stands for itself.
func setField(s *Scenario, name, text string) error {
	if option, ok := strings.CutPrefix(name, "option "); ok {
		s.Options[option] = text
		return nil
	}
	var err error
	switch name {
	case "seed":
		s.Seed, err = strconv.ParseUint(text, 10, 64)
	case "replication":
		s.Replication, err = strconv.Atoi(text)
	case "batch":
		if s.Batch, err = strconv.Atoi(text); err == nil && s.Batch < 1 {
			err = fmt.Errorf("must be at least 1")
		}
	case "belief_error":
		var f units.Fraction
		err = f.UnmarshalText([]byte(text))
		s.BeliefError = f.Value()
	case "strategy", "leader", "runtime", "rate", "jitter", "model", "input":
	default:
		err = fmt.Errorf("is no field of a scenario that can be varied")
	}
	if err != nil {
		return fmt.Errorf("%s = %q: %w", name, text, err)
	}
	return nil
}

// platform returns the base's platform with the given leader, runtime, rate and jitter.
func (b *bench) platform(v Values) (*devices.Platform, error) {
	key := strings.Join([]string{v["runtime"], v["leader"], v["rate"], v["jitter"]}, "\n")
	if p, ok := b.platforms[key]; ok {
		return p, nil
	}
	p := b.base.Platform
	var err error
	if v["runtime"] != "" {
		if p, err = p.WithRuntime(v["runtime"]); err != nil {
			return nil, err
		}
	}
	if v["leader"] != "" {
		if p, err = p.WithLeader(v["leader"]); err != nil {
			return nil, err
		}
	}
	if v["rate"] != "" {
		var r units.Rate
		if err = r.UnmarshalText([]byte(v["rate"])); err == nil {
			p, err = p.WithRate(r.BitsPerSecond())
		}
		if err != nil {
			return nil, fmt.Errorf("rate: %w", err)
		}
	}
	if v["jitter"] != "" {
		var d units.Duration
		if err = d.UnmarshalText([]byte(v["jitter"])); err != nil {
			return nil, fmt.Errorf("jitter: %w", err)
		}
		if p, err = withJitter(p, d.Std()); err != nil {
			return nil, fmt.Errorf("jitter: %w", err)
		}
	}
	b.platforms[key] = p
	return p, nil
}

// setModels replaces the scenario's models by the one of v, and their input's type.
func (b *bench) setModels(s *Scenario, v Values) error {
	names := s.ModelNames()
	if v["model"] != "" {
		names = []string{v["model"]}
		s.Mix = workloads.Equal(1)
	}
	given := s.Models
	s.Models = nil
	for _, name := range names {
		key := name + "\n" + v["input"]
		g, ok := b.graphs[key]
		if !ok {
			var err error
			if g, err = openGraph(name, given, v["input"]); err != nil {
				return err
			}
			b.graphs[key] = g
		}
		s.Models = append(s.Models, g)
	}
	return nil
}

// openGraph returns one of the given models or, by its name, another, with the given type of input.
func openGraph(name string, given []*workloads.Graph, input string) (*workloads.Graph, error) {
	var g *workloads.Graph
	if k := slices.IndexFunc(given, func(g *workloads.Graph) bool { return g.Name == name }); k >= 0 {
		g = given[k]
	} else {
		var err error
		if g, err = models.Open(name, models.Options{}); err != nil {
			return nil, err
		}
	}
	switch input {
	case "":
		return g, nil
	case "uint8":
		return g.WithInputBytes(1), nil
	case "float32":
		return g.WithInputBytes(4), nil
	}
	return nil, fmt.Errorf("input = %q: must be float32 or uint8", input)
}
