package sweep

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"hidp/devices"
	"hidp/experiments"
	"hidp/internal/lines"
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
}

// mostScenarios bounds what is kept; when it is full it starts anew. A scenario with the paper's platform and a large network is
// about half a megabyte.
const mostScenarios = 256

func newEvaluator(s *Sweep) *evaluator {
	e := &evaluator{sweep: s, space: newSpace(s), metrics: metrics(), layout: newLayout(s.columns()), scenarios: map[string]*experiments.Scenario{},
		platforms: map[string]*devices.Platform{}}
	maps.Copy(e.scenarios, s.tried)
	e.cache.Store(&sim.Cache{})
	for i := range s.axes {
		e.cheap = append(e.cheap, substitutionOf(s.axes[i].field))
	}
	return e
}

// in returns an evaluator of the same sweep as it goes on in a folder. What was read holds there, too, unless it came from files, which may
// have changed before they were copied.
func (e *evaluator) in(s *Sweep) *evaluator {
	if s.tried == nil {
		return newEvaluator(s)
	}
	e.sweep, e.space.sweep = s, s
	return e
}

// mostPlatforms bounds what is kept. A platform with another rate is a kilobyte, but its plans and prices, which the cache keeps, may
// be a hundred.
const mostPlatforms = 1024

// forgetPlatforms starts anew, the cache of plans included, which would keep the platforms alive. The caller holds the lock.
func (e *evaluator) forgetPlatforms() {
	clear(e.platforms)
	e.cache.Store(&sim.Cache{})
}

// knownScenario returns a scenario that was read before, or nil.
func (e *evaluator) knownScenario(key []byte) *experiments.Scenario {
	e.lock.Lock()
	defer e.lock.Unlock()
	return e.scenarios[string(key)]
}

// keepScenario keeps what was read for others.
func (e *evaluator) keepScenario(key []byte, s *experiments.Scenario) {
	e.lock.Lock()
	defer e.lock.Unlock()
	if len(e.scenarios) >= mostScenarios {
		clear(e.scenarios)
		e.forgetPlatforms()
	}
	e.scenarios[string(key)] = s
}

// platform returns the platform of a point; s is the scenario in all else.
func (e *evaluator) platform(s *experiments.Scenario, key []byte, settings []setting) (*devices.Platform, bool) {
	e.lock.Lock()
	defer e.lock.Unlock()
	if p := e.platforms[string(key)]; p != nil {
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
	e.platforms[string(key)] = c.Platform
	return c.Platform, true
}

// memo is what a worker has looked up since the evaluator started anew, so that workers do not wait for each other at every point.
type memo struct {
	cache     *sim.Cache // the evaluator's, of that time
	local     *sim.Cache // behind which it is
	scenarios map[string]*experiments.Scenario
	platforms map[string]*devices.Platform
	checked   map[string]bool // StrategyKeys of strategies whose options are right
}

// refresh forgets what was looked up if the evaluator has forgotten it.
func (m *memo) refresh(cache *sim.Cache) {
	if m.cache != cache || len(m.checked) >= mostPlatforms {
		*m = memo{cache, cache.Local(), map[string]*experiments.Scenario{}, map[string]*devices.Platform{}, map[string]bool{}}
	}
}

// scenario returns the scenario of a point, which may be shared.
func (w *worker) scenario(settings []setting) (*experiments.Scenario, error) {
	w.memo.refresh(w.cache.Load())
	w.key = w.key[:0]
	for i := range settings {
		if w.cheap[i] == nil {
			w.key = append(append(w.key, settings[i].text...), 0)
		}
	}
	known := w.memo.scenarios[string(w.key)]
	if known == nil {
		if known = w.knownScenario(w.key); known != nil {
			w.memo.scenarios[string(w.key)] = known
		}
	}
	if known != nil {
		if s, ok := w.substitute(known, settings); ok {
			return s, nil
		}
	}
	s, err := w.sweep.scenario(settings)
	if err != nil || known != nil {
		return s, err
	}
	w.keepScenario(w.key, s)
	if shared, ok := w.substitute(s, settings); ok {
		return shared, nil // of this point's platform there is one object from now on
	}
	return s, nil
}

// substitute sets the fields that may be set in a scenario as it is; w.key tells the others. Points with the same platform get the same
// object, which is what the cache goes by. The scenario holds until the next one.
func (w *worker) substitute(known *experiments.Scenario, settings []setting) (*experiments.Scenario, bool) {
	w.varied = *known
	s := &w.varied
	for i := range settings {
		if w.cheap[i] == nil {
			continue
		}
		if changesPlatform(w.sweep.axes[i].field) {
			w.key = append(append(w.key, settings[i].text...), 0)
		} else if !w.cheap[i](s, &settings[i]) {
			return nil, false
		}
	}
	p := w.memo.platforms[string(w.key)]
	if p == nil {
		var ok bool
		if p, ok = w.platform(s, w.key, settings); !ok {
			return nil, false
		}
		w.memo.platforms[string(w.key)] = p
	}
	s.Platform = p
	return s, w.sound(s)
}

// sound reports whether the scenario holds together after substitutions, as far as reading it would check.
func (w *worker) sound(s *experiments.Scenario) bool {
	key := s.StrategyKey()
	if !w.memo.checked[key] {
		if _, err := catalog.New(s.Strategy, s.Options); err != nil {
			return false
		}
		w.memo.checked[key] = true
	}
	return arrives(&s.Arrivals)
}

// worker runs points one after the other.
type worker struct {
	*evaluator
	shared   experiments.Shared
	memo     memo
	key      []byte               // scratch
	varied   experiments.Scenario // scratch, see substitute
	seed     uint64               // of the run under way
	settings []setting
	values   []value
	room     textRoom // of settings
	rows     []row
	numbers  []float64    // of rows
	made     bytes.Buffer // the shard under way
	stop     func() bool  // leaves out the rest of a point's replications; nil: never
}

func (e *evaluator) worker() *worker {
	n := len(e.sweep.axes)
	w := lines.New[worker]()
	w.evaluator, w.settings, w.values = e, lines.Resized(w.settings, n), lines.Resized(w.values, n)
	w.key = lines.Resized(w.key, 1)
	w.shared.Lend()
	return w
}

// point runs a point as often as the sweep says and returns its rows, which hold until the next call; none if a constraint leaves
// the point out. Failures of the modelled world and of the point's values are rows; the only error is the context's.
func (w *worker) point(ctx context.Context, point int64) ([]row, error) {
	w.rows, w.numbers = w.rows[:0], w.numbers[:0]
	w.space.settings(point, w.settings, &w.room)
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
		w.rows = lines.Append(w.rows, run)
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

// run makes the n-th replication of a scenario under the sweep's seed, whatever the values of the axes, so that all points meet the
// same chance.
func (w *worker) run(ctx context.Context, s *experiments.Scenario, n int) (r row) {
	w.seed = w.sweep.Seed
	if w.sweep.ownSeeds() {
		w.seed = s.Seed
	}
	r = row{replication: n, seed: w.seed, settings: w.settings}
	defer func() {
		if p := recover(); p != nil { // our bug in one point must not cost the other million
			r.values, r.failure = nil, fmt.Sprintf("internal error: %v at %s", p, firstFrame(debug.Stack()))
		}
	}()
	out, err := s.Run(ctx, experiments.Overrides{Seed: &w.seed, Replication: n, Shared: &w.shared, Cache: w.memo.local})
	if err != nil {
		r.failure = oneLine(err)
		return r
	}
	first := len(w.numbers)
	for i := range w.metrics {
		w.numbers = lines.Append(w.numbers, w.metrics[i].of(out))
	}
	r.values = w.numbers[first:len(w.numbers):len(w.numbers)]
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
