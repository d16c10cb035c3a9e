package fleet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"hidp/internal/durable"
	"hidp/sim"
	"hidp/strategies/catalog"
	"hidp/strategies/plan"
)

// Options say how to run a fleet; they do not change its results.
type Options struct {
	Jobs     int            // workers, for sites that share nothing; 0: one
	Folder   string         // keeps what is done, so that a run that was stopped can go on; "": nothing is kept
	Resume   bool           // go on with what Folder holds; else it must hold no run
	Progress func(Progress) // told now and then, by one goroutine at a time; may be nil
	// Due is asked whether to write down the state of a run of sites that share something; it is written at the end in any case, also
	// when the run is stopped. May be nil.
	Due   func(sim.Progress) bool
	Warn  func(string)  // told what is damaged in Folder and made anew; may be nil
	Files durable.Files // the file system that Folder is on; nil: the machine's
}

// Progress is how far a run has come.
type Progress struct {
	Sites, SitesDone int
	Requests         int64   // completed
	Resumed          int64   // of these, by an earlier run
	Expected         float64 // mean number of requests of the whole fleet
}

// Remaining estimates how long the rest takes, from the time that this run has taken so far; 0 if there is nothing to go by.
func (p Progress) Remaining(elapsed time.Duration) time.Duration {
	here := float64(p.Requests - p.Resumed)
	if p.SitesDone == p.Sites || here == 0 {
		return 0
	}
	return time.Duration(float64(elapsed) * max(0, p.Expected-float64(p.Requests)) / here)
}

// SiteError is a site that could not be simulated to its end.
type SiteError struct {
	Class  string
	Number int // in the class
	Err    error
}

// Error implements error.
func (e *SiteError) Error() string { return fmt.Sprintf("site %s %d: %v", e.Class, e.Number, e.Err) }

// Unwrap returns the reason.
func (e *SiteError) Unwrap() error { return e.Err }

// Run simulates the fleet. When ctx is cancelled it returns what the sites make that were done by then, with the context's error; sites
// that were under way are left out. A *SiteError, of the first site that has one, and trouble with the folder come with the same kind of
// partial result.
func Run(ctx context.Context, d *Description, o Options) (*Result, error) {
	r := &run{fleet: d, options: o, outcomes: make([]*outcome, d.Sites()), errs: map[int]error{}}
	for range d.Classes {
		r.caches, r.bins = append(r.caches, &sim.Cache{}), append(r.bins, newClassBins())
	}
	r.progress = Progress{Sites: d.Sites(), Expected: d.Expected()}
	if d.Shared.any() {
		err := r.together(ctx)
		if r.shared == nil {
			return nil, err
		}
		return r.result(), err
	}
	if o.Folder != "" {
		if err := r.open(); err != nil {
			return nil, err
		}
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	r.stop = stop
	var workers sync.WaitGroup
	for range max(1, o.Jobs) {
		workers.Go(func() { r.work(ctx) })
	}
	workers.Wait()
	if err := r.closeStore(); err != nil && len(r.errs) == 0 {
		r.errs[0] = err
	}
	return r.result(), r.err(ctx)
}

// run is a fleet under way. Everything below mu is shared by the workers.
type run struct {
	fleet   *Description
	options Options
	caches  []*sim.Cache // by class
	stop    context.CancelCauseFunc

	mu       sync.Mutex
	next     int
	outcomes []*outcome  // by site
	bins     []classBins // by class
	errs     map[int]error
	progress Progress
	store    *checkpoint
	shared   *SharedFigures // of sites that share something, when they are done or stopped
}

// take returns the next site to simulate.
func (r *run) nextSite() (int, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.next < len(r.outcomes) && r.outcomes[r.next] != nil {
		r.next++
	}
	r.next++
	return r.next - 1, r.next <= len(r.outcomes)
}

func (r *run) work(ctx context.Context) {
	w := &worker{run: r, histogram: newHistogram(), strategies: make([]plan.Planner, len(r.fleet.Classes))}
	defer w.close()
	for ctx.Err() == nil {
		site, ok := r.nextSite()
		if !ok {
			return
		}
		out, err := w.simulate(ctx, site)
		if err == nil {
			err = r.keep(out, true)
		}
		if err != nil {
			r.fail(ctx, site, err)
			return
		}
	}
}

// fail notes an error, unless it is that of a context that ended for another reason, and stops the others.
func (r *run) fail(ctx context.Context, site int, err error) {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errs[site] = err
	r.stop(errStopped)
}

// errStopped ends the workers when one of them has failed.
var errStopped = errors.New("fleet: another site failed")

func (r *run) err(ctx context.Context) error {
	first := -1
	for site := range r.errs {
		if first < 0 || site < first {
			first = site
		}
	}
	if first >= 0 {
		return r.errs[first]
	}
	if slices.Contains(r.outcomes, nil) {
		return ctx.Err()
	}
	return nil
}

// locate returns the class of a site and its number there.
func (d *Description) locate(site int) (class, number int) {
	for i := range d.Classes {
		if site < d.Classes[i].Sites {
			return i, site
		}
		site -= d.Classes[i].Sites
	}
	panic(fmt.Sprintf("fleet: no site %d", site))
}

// worker simulates one site after the other with what is its own.
type worker struct {
	*run
	histogram  *hdrhistogram.Histogram
	strategies []plan.Planner // by class
}

// strategy returns the worker's strategy for a class. It remembers what it has worked out for the class's platform.
func (w *worker) strategy(class int) (plan.Planner, error) {
	if w.strategies[class] == nil {
		s, err := catalog.New(w.fleet.Strategy, w.fleet.Options)
		if err != nil {
			return nil, err
		}
		w.strategies[class] = s
	}
	return w.strategies[class], nil
}

// close ends what the strategies run.
func (w *worker) close() {
	for _, s := range w.strategies {
		if s != nil {
			plan.Close(s)
		}
	}
}

// simulate runs one site.
func (w *worker) simulate(ctx context.Context, site int) (*outcome, error) {
	k, number := w.fleet.locate(site)
	c := &w.fleet.Classes[k]
	s, err := w.strategy(k)
	if err != nil {
		return nil, err
	}
	cfg, err := w.fleet.config(c, number, s, w.caches[k])
	if err != nil {
		return nil, err
	}
	defer plan.CloseWith(ctx, s)()
	w.histogram.Reset()
	out := &outcome{Site: site, latencies: w.histogram}
	cfg.Observe.Request = out.record
	told := int64(0)
	cfg.Observe.Progress = func(p sim.Progress) { told += w.tell(p.Completed-told, 0) }
	result, err := sim.Run(ctx, cfg)
	if err != nil {
		if ctx.Err() == nil || !errors.Is(err, ctx.Err()) {
			err = &SiteError{c.Name, number, err}
		}
		return nil, err
	}
	out.finish(result)
	out.P50, out.P99 = quantile(w.histogram, 50), quantile(w.histogram, 99)
	out.Bins, out.latencies = pack(w.histogram), nil
	w.tell(out.Completed-told, 1)
	return out, nil
}

// tell notes progress and returns the requests that it was told of.
func (r *run) tell(requests int64, sites int) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.progress.Requests += requests
	r.progress.SitesDone += sites
	if f := r.options.Progress; f != nil {
		f(r.progress)
	}
	return requests
}

// keep adds a site that is done; fresh ones are written to the folder first.
func (r *run) keep(out *outcome, fresh bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if fresh && r.store != nil {
		if err := r.store.add(out); err != nil {
			return err
		}
	}
	k, _ := r.fleet.locate(out.Site)
	if err := unpack(out.Bins, r.bins[k]); err != nil {
		return err
	}
	out.Bins = ""
	r.outcomes[out.Site] = out
	return nil
}

// open takes over what the folder holds.
func (r *run) open() error {
	store, done, err := openCheckpoint(r.fleet, r.options)
	if err != nil {
		return err
	}
	r.store = store
	for _, out := range done {
		if r.outcomes[out.Site] != nil {
			continue // two processes wrote the same site: they wrote the same
		}
		if err := r.keep(out, false); err != nil {
			_ = store.close() // the first error is the one to tell
			return fmt.Errorf("%s: site %d: %w", store.path, out.Site, err)
		}
		r.progress.SitesDone++
		r.progress.Requests += out.Completed
		r.progress.Resumed += out.Completed
	}
	return nil
}

func (r *run) closeStore() error {
	if r.store == nil {
		return nil
	}
	return r.store.close()
}
