package sweep

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"hidp/devices"
	"hidp/experiments"
	"hidp/internal/units"
	"hidp/strategies"
	"hidp/workloads"
)

// A substitution sets one field of a scenario that was read already, with the same outcome as reading the file anew: platforms and
// networks need not be opened again for every point. It returns false where it cannot vouch for that; the file is read then, and
// any fault is the reader's to tell. The test TestSubstitutionIsReading compares both ways.
type substitution func(s *experiments.Scenario, v *setting) bool

// substitutionOf returns the substitution for a field, nil if there is none.
func substitutionOf(field string) substitution {
	if option, ok := strings.CutPrefix(field, "strategy.options."); ok && !strings.ContainsAny(option, ".[") {
		return func(s *experiments.Scenario, v *setting) bool { return setOption(s, option, v.entry()) }
	}
	return map[string]substitution{
		"seed":                       setSeed,
		"rate":                       setRate,
		"jitter":                     setJitter,
		"leader":                     setLeader,
		"strategy.name":              setStrategy,
		"belief_error":               setBeliefError,
		"planning":                   setPlanning,
		"workload.batch":             setBatch,
		"workload.requests":          setRequests,
		"workload.horizon":           setHorizon,
		"workload.arrivals.rate":     setArrivalRate,
		"workload.arrivals.interval": setInterval,
		"workload.arrivals.jitter":   setArrivalJitter,
		"workload.arrivals.clients":  setClients,
		"workload.arrivals.think":    setThink,
	}[field]
}

// changesPlatform reports whether a field that has a substitution changes the platform, and nothing else.
func changesPlatform(field string) bool {
	return field == "rate" || field == "jitter" || field == "leader"
}

// arrives reports whether the numbers of arrivals are possible.
func arrives(a *experiments.Arrivals) bool {
	switch a.Kind {
	case experiments.Periodic:
		return workloads.Periodic{Interval: a.Interval, Jitter: a.Jitter}.Validate() == nil
	case experiments.Poisson:
		return workloads.Poisson{Rate: a.Rate}.Validate() == nil
	case experiments.Closed:
		return workloads.Closed{Clients: a.Clients, Think: a.Think}.Validate() == nil
	}
	return true
}

// duration reads the text of a setting.
func duration(v *setting) (time.Duration, bool) {
	text, ok := v.words()
	if !ok {
		return 0, false
	}
	d, err := read[units.Duration](text)
	return d.Std(), err == nil
}

func setSeed(s *experiments.Scenario, v *setting) bool {
	n, ok := v.entry().(int64)
	s.Seed = uint64(n)
	return ok && n >= 0
}

func setRate(s *experiments.Scenario, v *setting) bool {
	text, ok := v.words()
	if !ok {
		return false
	}
	r, err := read[units.Rate](text)
	if err != nil {
		return false
	}
	p, err := s.Platform.WithRate(r.BitsPerSecond())
	if err == nil {
		s.Platform = p
	}
	return err == nil
}

// setJitter gives all connections another mean extra latency.
func setJitter(s *experiments.Scenario, v *setting) bool {
	mean, ok := duration(v)
	if !ok || experiments.CheckDelay(mean) != nil {
		return false
	}
	p := *s.Platform
	p.Network.Paths = make([][]devices.Path, len(s.Platform.Network.Paths))
	for u, row := range s.Platform.Network.Paths {
		p.Network.Paths[u] = slices.Clone(row)
		for w := range row {
			if len(row[w].Hops) > 0 {
				p.Network.Paths[u][w].Jitter = mean
			}
		}
	}
	s.Platform = &p
	return true
}

func setLeader(s *experiments.Scenario, v *setting) bool {
	name, ok := v.words()
	if !ok {
		return false
	}
	p, err := s.Platform.WithLeader(name)
	if err == nil {
		s.Platform = p
	}
	return err == nil
}

func setStrategy(s *experiments.Scenario, v *setting) (ok bool) {
	s.Strategy, ok = v.words()
	return ok
}

// setOption writes an option as the scenario reader does.
func setOption(s *experiments.Scenario, name string, v any) bool {
	var text string
	switch x := v.(type) {
	case string:
		text = x
	case bool:
		text = strconv.FormatBool(x)
	case int64:
		text = strconv.FormatInt(x, 10)
	case float64:
		text = strconv.FormatFloat(x, 'g', -1, 64)
	default:
		return false
	}
	options := strategies.Options{}
	for k, o := range s.Options {
		options[k] = o
	}
	options[name] = text
	s.Options = options
	return true
}

func setBeliefError(s *experiments.Scenario, v *setting) bool {
	text, ok := v.words()
	if x, isNumber := v.entry().(float64); isNumber {
		text, ok = strconv.FormatFloat(x, 'g', -1, 64), true
	}
	f, err := read[units.Fraction](text)
	s.BeliefError = f.Value()
	return ok && err == nil
}

func setPlanning(s *experiments.Scenario, v *setting) bool {
	d, ok := duration(v)
	s.Planning = experiments.Planning{Fixed: d}
	return ok && experiments.CheckDelay(d) == nil
}

func setBatch(s *experiments.Scenario, v *setting) bool {
	n, ok := v.entry().(int64)
	s.Batch = int(n)
	return ok && n >= 1 && n <= 1<<16
}

func setRequests(s *experiments.Scenario, v *setting) bool {
	n, ok := v.entry().(int64)
	s.Limit.Requests = int(n)
	return ok && n >= 1
}

func setHorizon(s *experiments.Scenario, v *setting) bool {
	d, ok := duration(v)
	s.Limit.Horizon = d
	return ok && d > 0
}

func setArrivalRate(s *experiments.Scenario, v *setting) bool {
	text, ok := v.words()
	if !ok || s.Arrivals.Kind != experiments.Poisson {
		return false
	}
	rate, err := readFrequency(text)
	s.Arrivals.Rate = rate
	return err == nil
}

func setInterval(s *experiments.Scenario, v *setting) bool {
	d, ok := duration(v)
	s.Arrivals.Interval = d
	return ok && s.Arrivals.Kind == experiments.Periodic
}

func setArrivalJitter(s *experiments.Scenario, v *setting) bool {
	d, ok := duration(v)
	s.Arrivals.Jitter = d
	return ok && s.Arrivals.Kind == experiments.Periodic
}

func setClients(s *experiments.Scenario, v *setting) bool {
	n, ok := v.entry().(int64)
	s.Arrivals.Clients = int(n)
	return ok && s.Arrivals.Kind == experiments.Closed
}

func setThink(s *experiments.Scenario, v *setting) bool {
	d, ok := duration(v)
	s.Arrivals.Think = d
	return ok && s.Arrivals.Kind == experiments.Closed
}
