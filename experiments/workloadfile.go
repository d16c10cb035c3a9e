package experiments

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"hidp/internal/input"
	"hidp/internal/strict"
	"hidp/workloads"
	"hidp/workloads/models"
)

func (f *workloadFile) resolve(p *strict.Problems, at lookup, s *Scenario) {
	word(p, "order", f.Order, "turns", "random", "own")
	word(p, "input", f.Input, "float32", "uint8")
	if f.Batch < 1 || f.Batch > 1<<16 {
		p.Faultf("batch", "is %d; write a number from 1 to 65536", f.Batch)
	}
	if f.Requests < 0 || f.Requests > workloads.MostRequests || p.Has("requests") && f.Requests == 0 {
		p.Faultf("requests", "is %d; write a number from 1 to %d", f.Requests, workloads.MostRequests)
	}
	s.Limit = workloads.Limit{Requests: f.Requests}
	if f.Horizon != nil {
		s.Limit.Horizon = f.Horizon.Std()
		if *f.Horizon == 0 {
			p.Faultf("horizon", `is 0; write a duration such as "100 s"`)
		} else if err := s.Limit.Validate(); err != nil {
			p.Faultf("horizon", "%v", err)
		}
	}
	if f.Requests == 0 && f.Horizon == nil && !p.Has("arrivals") && !p.Has("requests") {
		s.Limit.Requests = 1 // of the one client that there is then
	} else if f.Requests == 0 && f.Horizon == nil && f.Arrivals.kind(p.Under("arrivals")) != Trace {
		p.Faultf("", `never ends; write requests = 100 or horizon = "100 s"`)
	}
	f.models(p, at, s)
	f.mix(p, s)
	s.Arrivals = f.Arrivals.resolve(p.Under("arrivals"), at, f.Models, s.Limit)
	if s.Arrivals.Own = f.Order == "own"; s.Arrivals.Own && (s.Arrivals.Kind != Closed || p.Has("weights")) {
		p.Faultf("order", `"own" goes with arrivals of kind "closed" and without weights`)
	}
	if n := s.Arrivals.expected(s.Limit.Horizon); f.Requests == 0 && n > workloads.MostRequests {
		p.Faultf("horizon", "is %v, in which %.3g requests come; a workload has at most %d, so choose a shorter horizon or requests = %d",
			s.Limit.Horizon, n, workloads.MostRequests, workloads.MostRequests)
	}
}

// expected returns how many requests come until the horizon on average, 0 where that depends on what becomes of them or on a file.
func (a *Arrivals) expected(horizon time.Duration) float64 {
	switch {
	case a.Kind == Periodic && a.Interval > 0:
		return float64(horizon) / float64(a.Interval)
	case a.Kind == Poisson:
		return a.Rate * horizon.Seconds()
	}
	return 0
}

func (f *workloadFile) models(p *strict.Problems, at lookup, s *Scenario) {
	if len(f.Models) == 0 && !p.Has("models") {
		p.Faultf("models", `is missing; name at least one, e.g. models = ["resnet50"]`)
	} else if len(f.Models) == 0 {
		p.Faultf("models", `is empty; name at least one, e.g. ["resnet50"]`)
	}
	for i, name := range f.Models {
		key := strict.Index("models", i)
		if slices.Contains(f.Models[:i], name) {
			p.Faultf(key, "%s is listed already; write its share into weights", name)
			continue
		}
		path := name
		if strings.HasSuffix(strings.ToLower(name), ".onnx") || strings.HasSuffix(strings.ToLower(name), ".toml") {
			path = at.path(name)
		}
		g, err := models.Open(path, models.Options{})
		if err != nil {
			p.Faultf(key, "%v", err)
			continue
		}
		named := *g
		named.Name = name
		g = &named
		if f.Input == "uint8" {
			g = g.WithInputBytes(1)
		}
		s.Models = append(s.Models, g)
	}
}

func (f *workloadFile) mix(p *strict.Problems, s *Scenario) {
	s.Mix = workloads.Equal(len(f.Models))
	s.Mix.RoundRobin = f.Order == "turns"
	if !p.Has("weights") {
		return
	}
	s.Mix.Weights = f.Weights
	if len(f.Weights) != len(f.Models) {
		p.Faultf("weights", "has %d numbers for %d models; write one for each", len(f.Weights), len(f.Models))
	} else if err := s.Mix.Validate(); err != nil {
		p.Faultf("weights", "%v", err)
	}
}

// keys returns the keys that arrivals of the kind need and those that they may have; false if there is no such kind.
func (k Kind) keys() (needs string, may string, known bool) {
	switch k {
	case Periodic:
		return "interval", "jitter", true
	case Poisson:
		return "rate", "", true
	case Closed:
		return "clients", "think", true
	case Trace:
		return "file", "", true
	}
	return "", "", false
}

// kind returns the kind of the arrivals: the one written, else the one that a key goes with, else a closed loop.
func (f *arrivalsFile) kind(p *strict.Problems) Kind {
	if f.Kind != "" || p.Has("kind") {
		return Kind(f.Kind)
	}
	for _, k := range []Kind{Closed, Periodic, Poisson, Trace} {
		if needs, _, _ := k.keys(); p.Has(needs) {
			return k
		}
	}
	return Closed
}

func (f *arrivalsFile) resolve(p *strict.Problems, at lookup, names []string, limit workloads.Limit) Arrivals {
	a := Arrivals{Kind: f.kind(p), Clients: f.Clients, Interval: orZero(f.Interval).Std(), Jitter: orZero(f.Jitter).Std(),
		Think: orZero(f.Think).Std(), Rate: float64(orZero(f.Rate))}
	word(p, "kind", string(a.Kind), string(Closed), string(Periodic), string(Poisson), string(Trace))
	needs, may, known := a.Kind.keys()
	if !known {
		return a
	}
	if a.Kind == Closed && !p.Has("kind") && !p.Has("clients") {
		a.Clients, needs = 1, ""
	}
	for _, key := range []string{"interval", "jitter", "rate", "clients", "think", "file"} {
		switch {
		case key == needs && !p.Has(key):
			p.Faultf(key, "is missing; arrivals of kind %q need it", a.Kind)
			return a
		case p.Has(key) && key != needs && key != may:
			p.Faultf(key, "does not go with arrivals of kind %q", a.Kind)
		}
	}
	if a.Kind == Trace {
		a.Trace = f.trace(p, at, names)
	} else if err := a.check(limit); err != nil {
		p.Faultf(needs, "%v", err)
	}
	return a
}

func (f *arrivalsFile) trace(p *strict.Problems, at lookup, names []string) *workloads.Trace {
	path := at.path(f.File)
	data, err := input.Read(path, input.Trace)
	if err != nil {
		p.Faultf("file", "%s cannot be read: %s", path, reason(err))
		return nil
	}
	t, err := workloads.ReadTrace(path, data, names)
	if err != nil {
		p.Faultf("file", "%v", err)
	}
	return t
}

// frequency is how often requests come, per second: "2 /s", "120 /min".
type frequency float64

// UnmarshalText implements encoding.TextUnmarshaler.
func (f *frequency) UnmarshalText(text []byte) error {
	number, unit, ok := strings.Cut(string(text), "/")
	per, known := map[string]float64{"s": 1, "min": 60, "h": 3600}[strings.TrimSpace(unit)]
	n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if !ok || !known || err != nil || !(n >= 0) || n > 1e12 {
		return fmt.Errorf("%q is not a rate of requests; write %s", text, f.Example())
	}
	*f = frequency(n / per)
	return nil
}

// Example is a valid text, for messages about missing values.
func (frequency) Example() string { return `"2 /s"` }
