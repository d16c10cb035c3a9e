package experiments

import (
	"context"
	"fmt"
	"slices"

	"hidp/strategies/catalog"
)

// grid is what an experiment of kind "claims" measured: every method, under every reading, in every environment.
//
// An environment is a choice for each open question about the platform and the input; a choice is one for every open question,
// also those about a single strategy (its knobs). Each method is simulated once per environment and own knobs; choices combine
// these results afterwards.
type grid struct {
	e       *Experiment
	models  []string
	seeds   []Values // of the repetitions
	quick   bool
	lone    map[string]Record // one request, by Values.key
	loop    map[string]Record // closed loop
	records [2][]Record       // lone, loop: as simulated
}

// choice answers open questions: the index of the value by question.
type choice []int

func (e *Experiment) runClaims(ctx context.Context, o Options, progress Progress) (*yield, error) {
	g := &grid{e: e, models: e.base.ModelNames(), seeds: e.repetitions(o.Seed, o.Quick), quick: o.Quick}
	lone, loop := newBench(e.base), newBench(e.saturated(o.Quick))
	var tasks []task
	for _, v := range g.lonePoints() {
		tasks = append(tasks, task{lone, v})
	}
	n := len(tasks)
	for _, v := range g.loopPoints() {
		tasks = append(tasks, task{loop, v})
	}
	records, err := runAll(ctx, tasks, o.Jobs, progress)
	if err != nil {
		return nil, err
	}
	g.keep(records[:n], records[n:])
	return g.yield()
}

// keep files the records of lone requests and of the closed loop, averaged over the seeds.
func (g *grid) keep(lone, loop []Record) {
	g.records = [2][]Record{unique(lone), unique(loop)}
	g.lone, g.loop = averaged(g.records[0]), averaged(g.records[1])
}

// saturated returns the base scenario with the closed loop that measures throughput.
func (e *Experiment) saturated(quick bool) *Scenario {
	s := *e.base
	s.Arrivals = Arrivals{Kind: Closed, Clients: e.throughput.Clients, Own: true}
	s.Limit.Requests, s.Limit.Horizon = 0, e.throughput.Horizon.Std()
	if quick {
		s.Limit.Horizon = e.throughput.QuickHorizon.Std()
	}
	return &s
}

// values returns the values of question q that the run looks at.
func (g *grid) values(q int) []string {
	if g.quick && len(g.e.open[q].Quick) > 0 {
		return g.e.open[q].Quick
	}
	return g.e.open[q].Values
}

// base is the choice of the base assumptions.
func (g *grid) base() choice { return make(choice, len(g.e.open)) }

// choices returns every choice, the base first.
func (g *grid) choices() []choice {
	all := []choice{{}}
	for q := range g.e.open {
		var next []choice
		for _, c := range all {
			for x := range g.values(q) {
				next = append(next, append(slices.Clone(c), x))
			}
		}
		all = next
	}
	return all
}

// variations returns the choices that differ from the base in one question.
func (g *grid) variations() []choice {
	var all []choice
	for q := range g.e.open {
		for x := 1; x < len(g.values(q)); x++ {
			c := g.base()
			c[q] = x
			all = append(all, c)
		}
	}
	return all
}

// point returns what a strategy is simulated with under a reading and a choice: without the questions about other strategies.
func (g *grid) point(r reading, c choice, strategy, model string) Values {
	v := Values{"batch": fmt.Sprint(r.Batch)}.with(g.e.method(strategy).values()).with(optionValues(r.Options[strategy]))
	if model != "" {
		v["model"] = model
	}
	for q, x := range c {
		if s := g.e.open[q].Strategy; s == "" || s == strategy {
			v[g.e.open[q].Field] = g.values(q)[x]
		}
	}
	return v
}

func (g *grid) strategies() []string { return append([]string{g.e.subject}, g.e.rivals...) }

// lonePoints returns the points of every reading and choice, once per seed for strategies that are random themselves.
func (g *grid) lonePoints() []Values {
	var all []Values
	for _, r := range g.e.readings {
		for _, c := range g.choices() {
			for _, s := range g.strategies() {
				for _, m := range g.models {
					all = append(all, g.seeded(s, g.point(r, c, s, m))...)
				}
			}
		}
	}
	return distinct(all)
}

// loopPoints returns the points whose throughput is measured, a coarser grid: every reading under the base assumptions, and the
// first reading with one assumption changed at a time.
func (g *grid) loopPoints() []Values {
	var all []Values
	for i, r := range g.e.readings {
		choices := []choice{g.base()}
		if i == 0 {
			choices = append(choices, g.variations()...)
		}
		for _, c := range choices {
			for _, s := range g.strategies() {
				all = append(all, g.seeded(s, g.point(r, c, s, ""))...)
			}
		}
	}
	return distinct(all)
}

// seeded returns v once for each seed if the strategy is random itself, else once.
func (g *grid) seeded(strategy string, v Values) []Values {
	e, err := catalog.Find(strategy)
	if err != nil {
		panic("experiments: " + err.Error())
	}
	if !takesSeed(e) {
		return []Values{v}
	}
	var all []Values
	for _, s := range g.seeds {
		all = append(all, v.with(s))
	}
	return all
}

func distinct(points []Values) []Values {
	seen := map[string]bool{}
	return slices.DeleteFunc(points, func(v Values) bool {
		k := v.key()
		old := seen[k]
		seen[k] = true
		return old
	})
}

func unique(records []Record) []Record {
	seen := map[string]bool{}
	var out []Record
	for _, r := range records {
		if k := r.Values.key(); !seen[k] {
			seen[k] = true
			out = append(out, r)
		}
	}
	return out
}

// averaged returns the records by their values without the seed, averaged over the seeds. One that failed fails them all.
func averaged(records []Record) map[string]Record {
	sums, counts := map[string]Record{}, map[string]float64{}
	for _, r := range records {
		v := r.Values.with(nil)
		delete(v, "seed")
		delete(v, "replication")
		k := v.key()
		sum := sums[k]
		sum.Values = v
		sum.Latency, sum.Energy, sum.Throughput = sum.Latency+r.Latency, sum.Energy+r.Energy, sum.Throughput+r.Throughput
		sum.Completed, sum.Events = sum.Completed+r.Completed, sum.Events+r.Events
		if sum.Failed == "" {
			sum.Failed = r.Failed
		}
		sums[k] = sum
		counts[k]++
	}
	for k, r := range sums {
		r.Latency, r.Energy, r.Throughput = r.Latency/counts[k], r.Energy/counts[k], r.Throughput/counts[k]
		sums[k] = r
	}
	return sums
}
