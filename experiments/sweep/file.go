package sweep

import (
	"fmt"
	"path/filepath"
	"slices"

	"hidp/experiments"
	"hidp/internal/input"
	"hidp/internal/strict"
	"hidp/internal/units"
)

// sweepFile is the TOML of a sweep.
type sweepFile struct {
	Name         string            `toml:"name"`
	Scenario     any               `toml:"scenario,required"` // a path relative to the file, or a table
	Seed         *int64            `toml:"seed"`              // of the first replication and of samples; the scenario's if missing
	Constraints  []string          `toml:"constraints"`
	Axis         []axisFile        `toml:"axis"`
	Sample       *sampleFile       `toml:"sample"`
	Replications *replicationsFile `toml:"replications"`
}

// axisFile is one field of the scenario and its values: a list, steps from one value to another, or a range that is sampled.
type axisFile struct {
	Field  string   `toml:"field,required"`
	Name   string   `toml:"name"` // of the column and in constraints; the field if missing
	Values []any    `toml:"values"`
	Labels []string `toml:"labels"` // texts for values, in results
	Sample bool     `toml:"sample"` // draw from values instead of trying each
	From   any      `toml:"from"`
	To     any      `toml:"to"`
	Steps  int      `toml:"steps"` // 0: the range is sampled
	Scale  string   `toml:"scale"` // "linear" or "log"
}

type sampleFile struct {
	Method string `toml:"method,required"`
	Points int64  `toml:"points,required"`
}

type replicationsFile struct {
	Count  int             `toml:"count"`
	Min    int             `toml:"min"`
	Max    int             `toml:"max"`
	Metric string          `toml:"metric"`
	Width  *units.Fraction `toml:"width"`
}

// Sweep is a sweep file, checked and ready to run. It is immutable.
type Sweep struct {
	Name string
	Seed uint64

	source      source
	base        *base
	axes        []axis
	constraints []*expression
	sampling    sampling
	repeat      replications
	copies      map[string]string                // by path of a file: its copy, which is read instead
	tried       map[string]*experiments.Scenario // scenarios that trying the values has read, as evaluator.scenarios
}

// source is what a sweep was read from.
type source struct {
	path         string // the sweep file
	data         []byte
	scenarioPath string // empty: inline
	scenario     []byte
	folder       string // of the scenario's relative paths
}

// replications says how often a point is run: max times, or fewer once the confidence interval of metric is narrow enough.
type replications struct {
	min, max int
	metric   int     // index in metrics; -1: always max times
	width    float64 // half the interval, relative to the mean
}

// sampling says how the values of sampled axes are drawn.
type sampling struct {
	method string // "random", "latin-hypercube" or "" where nothing is sampled
	points int64  // 1 where nothing is sampled
}

// mostReplications bounds the runs of one point, which are kept together.
const mostReplications = 100_000

// mostAxes bounds the columns.
const mostAxes = 64

// Load reads a sweep file and the scenario it builds on. All faults are reported at once with file and line: unknown fields,
// values that their field does not take, empty and impossible ranges, constraints that make no sense.
func Load(path string) (*Sweep, error) {
	data, err := input.Read(path, input.Config)
	if err != nil {
		return nil, unreadable(path, err)
	}
	return Parse(path, data)
}

// Parse reads a sweep from the content of the file at path; the file itself is not opened, but the scenario that it names is.
func Parse(path string, data []byte) (*Sweep, error) {
	s, err := parse(sourceOf(path, data), true)
	if err != nil {
		return nil, err
	}
	return s, nil
}

func sourceOf(path string, data []byte) source {
	return source{path: path, data: data, folder: folderOf(path)}
}

// folderOf returns the folder of a file, absolute: messages about files in it are the same wherever the program is started.
func folderOf(path string) string {
	folder := filepath.Dir(path)
	if absolute, err := filepath.Abs(folder); err == nil {
		return absolute
	}
	return folder
}

func unreadable(path string, err error) error {
	return &strict.Error{Faults: []strict.Fault{{File: path, Message: "cannot be read: " + cause(err)}}}
}

// parse reads a sweep; src.scenario is read from its file if it is nil and the sweep names one. With try, values are tried on the
// scenario, which takes a while.
func parse(src source, try bool) (*Sweep, error) {
	var f sweepFile
	problems, _ := strict.Parse(src.path, src.data, &f)
	s := &Sweep{source: src}
	baseErr := s.read(problems, &f)
	s.sampling = f.readSampling(problems, s.axes)
	if _, ok := s.points(); !ok {
		problems.Faultf("axis", "have more than 10^18 combinations; write fewer values, or [sample] with a number of points")
	}
	return s, s.finish(problems, baseErr, try)
}

// read reads all but the sampling. The error is of the scenario's own file.
func (s *Sweep) read(problems *strict.Problems, f *sweepFile) error {
	if s.Name = f.Name; s.Name == "" {
		s.Name = "sweep"
	}
	baseErr := s.readBase(problems, f.Scenario)
	s.axes = f.readAxes(problems)
	s.repeat = f.readReplications(problems)
	s.readSeed(problems, f)
	s.readConstraints(problems, f.Constraints)
	return baseErr
}

// finish returns all faults, and tries the axes' values if there are none so far.
func (s *Sweep) finish(problems *strict.Problems, baseErr error, try bool) error {
	if err := joinFaults(problems.Err(), baseErr); err != nil || !try {
		return err
	}
	return s.try(problems)
}

func (s *Sweep) readSeed(p *strict.Problems, f *sweepFile) {
	s.Seed = s.base.seed()
	if f.Seed != nil {
		s.Seed = uint64(*f.Seed)
		if *f.Seed < 0 {
			p.Faultf("seed", "is %d; write a whole number from 0", *f.Seed)
		}
	}
	if s.ownSeeds() && f.Replications != nil {
		p.Faultf("replications", "have seeds of their own; remove the axis over seed or the replications")
	}
}

func (f *sweepFile) readSampling(p *strict.Problems, axes []axis) sampling {
	sampled := slices.ContainsFunc(axes, func(a axis) bool { return a.sampled })
	if f.Sample == nil {
		if sampled {
			p.Faultf("", `some axes are sampled; write steps for them, or [sample] with method = "latin-hypercube" and points = 1000`)
		}
		return sampling{points: 1}
	}
	m := sampling{f.Sample.Method, f.Sample.Points}
	at := p.Under("sample")
	if methods := []string{"latin-hypercube", "random"}; !slices.Contains(methods, m.method) {
		at.Faultf("method", "is %q%s; write one of latin-hypercube, random", m.method, strict.Suggest(m.method, methods))
	}
	switch count := int64(len(axes)); {
	case m.points < 1:
		at.Faultf("points", "is %d; write a number from 1", m.points)
	case m.method == "latin-hypercube" && m.points > mostCells/max(1, count):
		at.Faultf("points", "is %d, too many for a Latin hypercube of %d axes, which is made in one piece; write at most %d, or method = \"random\"",
			m.points, count, mostCells/max(1, count))
	}
	if !sampled && p.Has("axis") {
		at.Faultf("", "has no axis to sample; leave out steps, or write sample = true, at the axes that are to be drawn")
	}
	m.points = max(1, m.points)
	return m
}

func (f *sweepFile) readReplications(p *strict.Problems) replications {
	r := f.Replications
	if r == nil {
		return replications{1, 1, -1, 0}
	}
	at := p.Under("replications")
	adaptive := at.Has("metric") || at.Has("width") || at.Has("min") || at.Has("max")
	switch {
	case adaptive && at.Has("count"):
		at.Faultf("count", "does not go with min, max, metric and width; write either")
	case !adaptive && (r.Count < 1 || r.Count > mostReplications):
		at.Faultf("count", "is %d; write a number from 1 to %d", r.Count, mostReplications)
	case !adaptive:
		return replications{r.Count, r.Count, -1, 0}
	}
	out := replications{r.Min, r.Max, metricIndex(r.Metric), 0}
	if r.Min < 2 {
		at.Faultf("min", "is %d; an interval needs at least 2 runs", r.Min)
	}
	if r.Max < r.Min || r.Max > mostReplications {
		at.Faultf("max", "is %d; write a number from min = %d to %d", r.Max, r.Min, mostReplications)
	}
	if out.metric < 0 {
		names := MetricNames()
		at.Faultf("metric", "is %q%s; write one of %s%s", r.Metric, strict.Suggest(r.Metric, names), joined(names), renamed(r.Metric))
	}
	if r.Width == nil || !(*r.Width > 0) {
		at.Faultf("width", `must be positive: half of the 95 %% confidence interval relative to the mean, e.g. "5 %%"`)
	} else {
		out.width = r.Width.Value()
	}
	return out
}

func (s *Sweep) readConstraints(p *strict.Problems, texts []string) {
	known := s.axisNames()
	for i, text := range texts {
		key := strict.Index("constraints", i)
		e, err := compile(text, known)
		switch {
		case err != nil:
			p.Faultf(key, "%v", err)
		case e.root.kind != aTruth:
			p.Faultf(key, "is %s; write a comparison such as %q", e.root.kind, `rate >= "50 Mbit/s"`)
		default:
			s.constraints = append(s.constraints, e)
		}
	}
}

// axisNames lists what constraints may speak of.
func (s *Sweep) axisNames() (known []variable) {
	for i := range s.axes {
		a := &s.axes[i]
		known = append(known, variable{a.name, a.valueKind(), unitOf(a.column.Unit)})
	}
	return known
}

// joinFaults puts the faults of two files into one error.
func joinFaults(a, b error) error {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return fmt.Errorf("%w\n%w", a, b)
}
