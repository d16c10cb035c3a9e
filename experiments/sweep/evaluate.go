package sweep

import (
	"context"
	"fmt"
	"math"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"hidp/devices"
	"hidp/experiments"
	"hidp/results"
	"hidp/sim"
	"hidp/strategies/catalog"
)

// row is one run.
type row struct {
	point       int64
	replication int
	seed        uint64
	settings    []setting
	values      []float64 // one per metric; nil if the run failed
	failure     string
}

// evaluator runs points. It keeps the scenarios it has read, which are only read from then on, for all workers. Safe for
// concurrent use.
type evaluator struct {
	sweep   *Sweep
	space   *space
	metrics []metric
	layout  *layout                   // of shards
	cheap   []substitution            // by axis; nil: a new value needs a new reading
	cache   atomic.Pointer[sim.Cache] // plans and prices on the platforms below

	lock      sync.Mutex
	scenarios map[string]*experiments.Scenario // by the values of the other axes
	platforms map[string]*devices.Platform     // by these and the values of axes that change the platform
	checked   map[string]bool                  // StrategyKeys of strategies whose options are right
}

// mostScenarios bounds what is kept; when it is full it starts anew. A scenario with the paper's platform and a large network is
// about half a megabyte.
const mostScenarios = 256

func newEvaluator(s *Sweep) *evaluator {
	e := &evaluator{sweep: s, space: newSpace(s), metrics: metrics(), layout: newLayout(s.columns()), scenarios: map[string]*experiments.Scenario{},
		platforms: map[string]*devices.Platform{}, checked: map[string]bool{}}
	e.cache.Store(&sim.Cache{})
	for i := range s.axes {
		e.cheap = append(e.cheap, substitutionOf(s.axes[i].field))
	}
	return e
}

// scenario returns the scenario of a point, which may be shared.
func (e *evaluator) scenario(settings []setting) (*experiments.Scenario, error) {
	var key strings.Builder
	for i := range settings {
		if e.cheap[i] == nil {
			key.WriteString(settings[i].text)
			key.WriteByte(0)
		}
	}
	e.lock.Lock()
	known := e.scenarios[key.String()]
	e.lock.Unlock()
	if known != nil {
		if s, ok := e.substitute(known, key.String(), settings); ok {
			return s, nil
		}
	}
	s, err := e.sweep.scenario(settings)
	if err != nil || known != nil {
		return s, err
	}
	e.lock.Lock()
	if len(e.scenarios) >= mostScenarios {
		clear(e.scenarios)
		e.forgetPlatforms()
	}
	e.scenarios[key.String()] = s
	e.lock.Unlock()
	if shared, ok := e.substitute(s, key.String(), settings); ok {
		return shared, nil // of this point's platform there is one object from now on
	}
	return s, nil
}

// substitute sets the fields that may be set in a scenario as it is. Points with the same platform get the same object, which is what
// the cache goes by.
func (e *evaluator) substitute(known *experiments.Scenario, key string, settings []setting) (*experiments.Scenario, bool) {
	s := *known
	for i := range settings {
		if e.cheap[i] == nil {
			continue
		}
		if changesPlatform(e.sweep.axes[i].field) {
			key += settings[i].text + "\x00"
		} else if !e.cheap[i](&s, &settings[i]) {
			return nil, false
		}
	}
	platform, ok := e.platform(&s, key, settings)
	if !ok {
		return nil, false
	}
	s.Platform = platform
	return &s, e.sound(&s)
}

// mostPlatforms bounds what is kept. A platform with another rate is a kilobyte, but its plans and prices, which the cache keeps, may
// be a hundred.
const mostPlatforms = 1024

// forgetPlatforms starts anew, the cache of plans included, which would keep the platforms alive. The caller holds the lock.
func (e *evaluator) forgetPlatforms() {
	clear(e.platforms)
	e.cache.Store(&sim.Cache{})
}

// platform returns the platform of a point; s is the scenario in all else.
func (e *evaluator) platform(s *experiments.Scenario, key string, settings []setting) (*devices.Platform, bool) {
	e.lock.Lock()
	defer e.lock.Unlock()
	if p := e.platforms[key]; p != nil {
		return p, true
	}
	c := *s
	for i := range settings {
		if e.cheap[i] != nil && changesPlatform(e.sweep.axes[i].field) && !e.cheap[i](&c, &settings[i]) {
			return nil, false
		}
	}
	if len(e.platforms) >= mostPlatforms {
		e.forgetPlatforms()
	}
	e.platforms[key] = c.Platform
	return c.Platform, true
}

// sound reports whether the scenario holds together after substitutions, as far as reading it would check.
func (e *evaluator) sound(s *experiments.Scenario) bool {
	key := s.StrategyKey()
	e.lock.Lock()
	checked := e.checked[key]
	e.lock.Unlock()
	if !checked {
		if _, err := catalog.New(s.Strategy, s.Options); err != nil {
			return false
		}
		e.lock.Lock()
		if len(e.checked) >= mostPlatforms {
			clear(e.checked)
		}
		e.checked[key] = true
		e.lock.Unlock()
	}
	return arrives(&s.Arrivals)
}

// worker runs points one after the other.
type worker struct {
	*evaluator
	shared   experiments.Shared
	settings []setting
	values   []value
	rows     []row
	stop     func() bool // leaves out the rest of a point's replications; nil: never
}

func (e *evaluator) worker() *worker {
	n := len(e.sweep.axes)
	return &worker{evaluator: e, settings: make([]setting, n), values: make([]value, n)}
}

// point runs a point as often as the sweep says and returns its rows, which hold until the next call; none if a constraint leaves
// the point out. Failures of the modelled world and of the point's values are rows; the only error is the context's.
func (w *worker) point(ctx context.Context, point int64) ([]row, error) {
	w.rows = w.rows[:0]
	w.space.settings(point, w.settings)
	if !w.sweep.allowed(w.settings, w.values) {
		return nil, nil
	}
	s, err := w.scenario(w.settings)
	if err != nil {
		w.rows = append(w.rows, row{point: point, seed: w.sweep.Seed, settings: w.settings, failure: oneLine(err)})
		return w.rows, ctx.Err()
	}
	r := &w.sweep.repeat
	var tally results.Estimate
	var sample []float64
	for n := 0; n < r.max; n++ {
		run := w.run(ctx, s, n)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		run.point = point
		w.rows = append(w.rows, run)
		if w.stop != nil && w.stop() {
			break
		}
		if r.metric < 0 {
			continue
		}
		if run.values == nil { // more seeds do not make the metric of a failing point known
			break
		}
		if sample = append(sample, run.values[r.metric]); len(sample) >= r.min {
			if tally = results.Mean(sample); narrow(tally, r.width) {
				break
			}
		}
	}
	return w.rows, nil
}

// narrow reports whether the interval is at most width, relative to the mean, to each side.
func narrow(e results.Estimate, width float64) bool {
	return (e.High-e.Low)/2 <= float64(width*math.Abs(e.Mean))
}

// run makes the n-th replication of a scenario: the n-th seed from the sweep's on, whatever the values of the axes, so that all
// points meet the same chance.
func (w *worker) run(ctx context.Context, s *experiments.Scenario, n int) (r row) {
	seed := w.sweep.Seed + uint64(n)
	if w.sweep.ownSeeds() {
		seed = s.Seed
	}
	r = row{replication: n, seed: seed, settings: w.settings}
	defer func() {
		if p := recover(); p != nil { // our bug in one point must not cost the other million
			r.values, r.failure = nil, fmt.Sprintf("internal error: %v at %s", p, firstFrame(debug.Stack()))
		}
	}()
	out, err := s.Run(ctx, experiments.Overrides{Seed: &seed, Shared: &w.shared, Cache: w.cache.Load()})
	if err != nil {
		r.failure = oneLine(err)
		return r
	}
	r.values = make([]float64, len(w.metrics))
	for i := range w.metrics {
		r.values[i] = w.metrics[i].of(out)
	}
	return r
}

// ownSeeds reports whether an axis sets the seed.
func (s *Sweep) ownSeeds() bool {
	return slices.ContainsFunc(s.axes, func(a axis) bool { return a.seeds() })
}

// oneLine is the text of an error for a cell of a table.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// firstFrame names the function that panicked.
func firstFrame(stack []byte) string {
	lines := strings.Split(string(stack), "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, "panic(") && i+2 < len(lines) {
			name, _, _ := strings.Cut(lines[i+2], "(0x")
			return name
		}
	}
	return "an unknown place"
}
