package sweep

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"hidp/results"
	"hidp/strategies/plan"
)

// Optimum is what a search found.
type Optimum struct {
	Problem    *Problem
	Feasible   bool        // the best candidate keeps all limits
	Candidates []Candidate // best first, at most ten, each with the full number of replications
	Tried      int         // candidates
	Runs       int         // simulations
}

// Candidate is a choice of values with what its runs measured.
type Candidate struct {
	Settings  []NamedValue // one per axis
	Metrics   []NamedValue // means over the replications; the price last if there are prices
	Objective float64
	Gap       float64 // how far its limits are broken, relative and summed; 0: all are kept
	Failure   string  // why it could not run; Metrics is empty then
	Runs      int

	settings []setting
	samples  [][]float64 // by replication
	order    int
}

// NamedValue is a value as people read it.
type NamedValue struct{ Name, Text string }

// OptimizeOptions say how a search is carried out. They do not change what it finds.
type OptimizeOptions struct {
	Jobs     int                                 // workers; 0: all cores
	Progress func(runs, of int, best *Candidate) // best: nil until one had all its replications
}

// search is the state of an Optimize.
type search struct {
	*evaluator
	problem   *Problem
	jobs      int
	completed int // the metric that tells runs that completed nothing
	progress  func(runs, of int, best *Candidate)
	stop      context.CancelCauseFunc // ends the search

	lock   sync.Mutex
	ranked []*Candidate // all that had the full number of replications
	best   *Candidate
	runs   atomic.Int64
	tried  int
}

// Optimize searches the values of the problem's axes for the best objective under its limits, with about Problem.Runs simulations:
// CMA-ES (Krause, Arbonès and Igel, NeurIPS 2016, as in gonum) where all axes are ranges, else successive halving (Jamieson and Talwalkar, AISTATS
// 2016) with seeds as the resource. Candidates that break limits rank behind all that keep them, by how far they do (Deb, Computer
// Methods in Applied Mechanics and Engineering 186, 2000). The same problem gives the same optimum, whatever the number of workers. If no candidate
// could run at all, the error is a *plan.InfeasibleError that says why one of them could not; a board without a price is a *SpecError.
func Optimize(ctx context.Context, p *Problem, o OptimizeOptions) (*Optimum, error) {
	s := &search{evaluator: newEvaluator(p.sweep), problem: p, jobs: orAllCores(o.Jobs), progress: o.Progress, completed: metricIndex("completed")}
	ctx, s.stop = context.WithCancelCause(ctx)
	defer s.stop(nil)
	var err error
	if p.Method == CMAES {
		err = s.cma(ctx)
	} else {
		err = s.halve(ctx)
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, err
	}
	slices.SortFunc(s.ranked, s.compare)
	out := &Optimum{Problem: p, Tried: s.tried, Runs: int(s.runs.Load())}
	for _, c := range s.ranked {
		same := func(o Candidate) bool { return slices.Equal(o.Settings, c.Settings) }
		if len(out.Candidates) < 10 && !slices.ContainsFunc(out.Candidates, same) {
			out.Candidates = append(out.Candidates, *c)
		}
	}
	if len(out.Candidates) == 0 {
		return nil, &SpecError{fmt.Sprintf("%s: no candidate satisfies the constraints between axes", p.Name)}
	}
	best := &out.Candidates[0]
	if best.Failure != "" {
		return nil, &plan.InfeasibleError{Reason: fmt.Sprintf("%s: none of %d candidates could run; one of them, %s: %s",
			p.Name, out.Tried, p.sweep.describe(best.settings), best.Failure)}
	}
	out.Feasible = best.Gap == 0
	return out, nil
}

// compare ranks candidates: those that ran before those that failed, then by gap, by objective; ties by what does not depend
// on which worker was faster.
func (s *search) compare(a, b *Candidate) int {
	failed := func(c *Candidate) int { return min(1, len(c.Failure)) }
	return cmp.Or(cmp.Compare(failed(a), failed(b)), cmp.Compare(a.Gap, b.Gap), cmp.Compare(s.problem.sign*a.Objective, s.problem.sign*b.Objective),
		cmp.Compare(a.order, b.order), strings.Compare(s.sweep.describe(a.settings), s.sweep.describe(b.settings)))
}

// candidate starts one from its values. One that breaks a constraint between axes is never run.
func (s *search) candidate(order int, settings []setting) *Candidate {
	c := &Candidate{settings: slices.Clone(settings), order: order}
	for i := range settings {
		c.Settings = append(c.Settings, NamedValue{s.sweep.axes[i].name, settings[i].text})
	}
	return c
}

// extend runs a candidate's next replications, up to n in all, and judges it.
func (s *search) extend(ctx context.Context, c *Candidate, n int) error {
	w := s.worker()
	defer w.shared.Close()
	copy(w.settings, c.settings)
	scenario, err := w.scenario(c.settings)
	price := 0.0
	if err != nil {
		c.Failure = oneLine(err)
		return ctx.Err()
	}
	if len(s.problem.prices) > 0 {
		if price, err = s.problem.price(scenario); err != nil {
			s.stop(err)
			return err
		}
	}
	for c.Runs < n && c.Failure == "" {
		r := w.run(ctx, scenario, c.Runs)
		if err := ctx.Err(); err != nil {
			return err
		}
		c.Runs++
		s.runs.Add(1)
		if c.Failure = r.failure; c.Failure == "" && r.values[s.completed] == 0 {
			c.Failure = fmt.Sprintf("no request was completed in replication %d, so there is nothing to judge", r.replication)
		}
		c.samples = append(c.samples, slices.Clone(r.values))
	}
	if c.Failure == "" {
		s.judge(c, price)
	}
	s.tell()
	return nil
}

// judge computes a candidate's means, objective and gap.
func (s *search) judge(c *Candidate, price float64) {
	var values []value
	c.Metrics = nil
	for i, m := range s.metrics {
		mean := 0.0
		for _, sample := range c.samples {
			mean += sample[i] / float64(len(c.samples))
		}
		values = append(values, number(mean))
		c.Metrics = append(c.Metrics, NamedValue{m.Name, results.Exact(mean)})
	}
	for i := range s.sweep.axes {
		values = append(values, s.sweep.axes[i].valueOf(&c.settings[i]))
	}
	if len(s.problem.prices) > 0 {
		values = append(values, number(price))
		c.Metrics = append(c.Metrics, NamedValue{priceName, results.Exact(price)})
	}
	c.Objective, c.Gap = s.problem.objective.root.eval(values).number, 0
	for _, e := range s.problem.limits {
		c.Gap += e.root.distance(values)
	}
	if math.IsNaN(c.Objective) {
		c.Failure = "the objective is not a number here: " + s.problem.objective.text
	}
}

// note ranks a candidate that had all its replications.
func (s *search) note(c *Candidate) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.ranked = append(s.ranked, c)
	if s.best == nil || s.compare(c, s.best) < 0 {
		s.best = c
	}
}

// tell reports progress.
func (s *search) tell() {
	if s.progress == nil {
		return
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	s.progress(int(s.runs.Load()), s.problem.Runs, s.best)
}

// Scenario returns a candidate's scenario as TOML, to be run and changed by hand.
func (p *Problem) Scenario(c *Candidate) ([]byte, error) { return p.sweep.text(c.settings) }
