package validation

import (
	"embed"
	"fmt"
	"strings"
	"time"

	"hidp/internal/strict"
	"hidp/internal/units"
	"hidp/strategies"
	"hidp/strategies/catalog"
)

// Matrix is what is compared: every model under every method.
type Matrix struct {
	Name    string
	Models  []string
	Methods []Method
	Settings
}

// Method is a strategy with its options, and the name that it has in tables.
type Method struct {
	Label    string
	Strategy string
	Options  strategies.Options
}

// Settings say how much is measured and how.
type Settings struct {
	Requests int // of the latency and of the throughput phase each, that count
	Warmup   int // further ones, before those of the latency phase
	Crowds   int // of the throughput phase, each of Steady and Requests, with a profile of its own before it
	Blocks   int // of the latency phase, each with a profile of its own before it
	Modelled int // requests of agents that only wait; 0: the protocol's error is not measured
	Steady   int // of the throughput phase, the first requests to finish, which do not count: the pipeline fills

	CrowdTime time.Duration // what all crowds of a plan may take, as the simulator expects; one there is always. 0: no limit

	Gap      time.Duration // between a request's end and the next, in the latency phase
	Overload float64       // requests offered in the throughput phase, in parts of what the simulator says can be served
	Profile  Profiling
	Seed     uint64 // of the network's jitter, in the simulation
}

//go:embed quick.toml full.toml
var matrices embed.FS

// Quick returns the matrix that takes a few minutes.
func Quick() *Matrix { return embedded("quick.toml") }

// Full returns the matrix that results are published from.
func Full() *Matrix { return embedded("full.toml") }

func embedded(name string) *Matrix {
	data, err := matrices.ReadFile(name)
	if err != nil {
		panic("validation: " + err.Error())
	}
	m, err := ParseMatrix(name, data)
	if err != nil {
		panic("validation: " + err.Error())
	}
	return m
}

// matrixFile is the TOML of a matrix.
type matrixFile struct {
	Name      string         `toml:"name,required"`
	Models    []string       `toml:"models,required"`
	Method    []methodFile   `toml:"method,required"`
	Requests  int            `toml:"requests"`
	Warmup    int            `toml:"warmup"`
	Blocks    int            `toml:"blocks"`
	Crowds    int            `toml:"crowds"`
	CrowdTime units.Duration `toml:"crowd_time"`
	Modelled  int            `toml:"modelled"`
	Steady    int            `toml:"steady"`
	Gap       units.Duration `toml:"gap"`
	Overload  float64        `toml:"overload"`
	Seed      uint64         `toml:"seed"`
	Profile   profileFile    `toml:"profile"`
}

type methodFile struct {
	Label    string            `toml:"label"`
	Strategy string            `toml:"strategy,required"`
	Options  map[string]string `toml:"options"`
}

type profileFile struct {
	Passes int            `toml:"passes"`
	Crowd  int            `toml:"crowd"`
	Apart  units.Duration `toml:"apart"`
}

// Least and most of what a matrix may ask for.
const (
	leastRequests = 3
	mostRequests  = 10000
)

// ParseMatrix reads a matrix file, strictly. The error is a *strict.Error with all faults.
func ParseMatrix(file string, data []byte) (*Matrix, error) {
	f := matrixFile{Requests: 15, Warmup: 1, Crowds: 1, Steady: 5, Gap: units.Milliseconds(40), Overload: 1.2,
		Profile: profileFile{Passes: 1, Crowd: 3, Apart: units.Milliseconds(3000)}}
	p, _ := strict.Parse(file, data, &f)
	if !p.Has("blocks") {
		f.Blocks = f.Requests // a pass before every request
	}
	m := &Matrix{Name: f.Name, Models: f.Models, Settings: Settings{Requests: f.Requests, Warmup: f.Warmup, Blocks: f.Blocks, Crowds: f.Crowds, CrowdTime: f.CrowdTime.Std(), Modelled: f.Modelled, Steady: f.Steady,
		Gap: f.Gap.Std(), Overload: f.Overload, Seed: f.Seed, Profile: Profiling{Passes: f.Profile.Passes, Crowd: f.Profile.Crowd, Apart: f.Profile.Apart.Std()}}}
	for _, x := range f.Method {
		if x.Label == "" {
			x.Label = x.Strategy
		}
		m.Methods = append(m.Methods, Method{Label: x.Label, Strategy: x.Strategy, Options: x.Options})
	}
	m.check(p)
	return m, p.Err()
}

// check adds to p what is wrong with the matrix.
func (m *Matrix) check(p *strict.Problems) {
	between := func(key string, x, lo, hi int) {
		if x < lo || x > hi {
			p.Faultf(key, "is %d; write %d to %d", x, lo, hi)
		}
	}
	between("requests", m.Requests, leastRequests, mostRequests)
	between("warmup", m.Warmup, 0, mostRequests)
	between("blocks", m.Blocks, 1, max(1, m.Requests))
	between("crowds", m.Crowds, 1, mostRequests)
	between("modelled", m.Modelled, 0, mostRequests)
	between("steady", m.Steady, 1, mostRequests)
	between("profile.passes", m.Profile.Passes, 1, mostRequests)
	between("profile.crowd", m.Profile.Crowd, 1, mostRequests)
	if !(m.Overload > 1 && m.Overload <= 100) {
		p.Faultf("overload", "is %v; write more than 1, else the rate of arrivals is measured and not that of the nodes", m.Overload)
	}
	if len(m.Models) == 0 {
		p.Faultf("models", "is empty; name at least one network")
	}
	if len(m.Methods) == 0 {
		p.Faultf("method", "is empty; write a [[method]] with at least a strategy")
	}
	seen := map[string]bool{}
	for i, name := range m.Models {
		if seen[name] {
			p.Faultf(strict.Index("models", i), "%q is listed twice", name)
		}
		seen[name] = true
	}
	labels := map[string]bool{}
	for i, x := range m.Methods {
		at := strict.Index("method", i)
		if _, err := catalog.New(x.Strategy, x.Options); err != nil {
			p.Faultf(at, "%v", err)
		}
		if labels[x.Label] {
			p.Faultf(at, "another method is called %q; give this one a label", x.Label)
		}
		labels[x.Label] = true
	}
}

// With returns the matrix with the models and methods of the given names only; empty lists mean all. The error names what is unknown.
func (m *Matrix) With(models, methods []string) (*Matrix, error) {
	out := *m
	if len(models) > 0 {
		out.Models = models
	}
	if len(methods) == 0 {
		return &out, nil
	}
	var known []string
	byLabel := map[string]Method{}
	for _, x := range m.Methods {
		known = append(known, x.Label)
		byLabel[x.Label] = x
	}
	out.Methods = nil
	for _, name := range methods {
		x, ok := byLabel[name]
		if !ok {
			return nil, fmt.Errorf("matrix %s has no method %q%s; it has %s", m.Name, name, strict.Suggest(name, known), strings.Join(known, ", "))
		}
		out.Methods = append(out.Methods, x)
	}
	return &out, nil
}
