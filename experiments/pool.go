package experiments

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"hidp/sim"
	"hidp/strategies/plan"
)

// Record is what a simulation of an experiment measured, in seconds and joules. Where the modelled world allows no run, Failed
// says why and the numbers are zero. Where nothing was completed, Latency and Energy are NaN.
type Record struct {
	Values     Values
	Latency    float64 // mean of the completed requests
	Energy     float64 // energy_serving: per request, of the nodes while they take part
	Throughput float64 // requests per second
	P95        float64 // 95th percentile of the latency
	Planning   float64 // mean planning time per request
	Completed  int64
	Events     uint64
	Failed     string
}

// Progress is told how many of how many simulations are done; it is called by one goroutine at a time.
type Progress func(done, total int)

// task is a point to simulate on a bench.
type task struct {
	bench  *bench
	values Values
}

// runAll simulates every task on up to jobs workers and returns the records in the order of the tasks, whatever the number of
// workers. Equal tasks are simulated once. All are checked before the first one runs.
func runAll(ctx context.Context, tasks []task, jobs int, progress Progress) ([]Record, error) {
	type id struct {
		bench *bench
		key   string
	}
	index := map[id]int{}
	var scenarios []*Scenario
	place := make([]int, len(tasks))
	for i, t := range tasks {
		k := id{t.bench, t.values.key()}
		at, ok := index[k]
		if !ok {
			s, err := t.bench.scenario(t.values)
			if err != nil {
				return nil, err
			}
			at = len(scenarios)
			index[k], scenarios = at, append(scenarios, s)
		}
		place[i] = at
	}
	records, err := simulate(ctx, scenarios, jobs, progress)
	if err != nil {
		return nil, err
	}
	out := make([]Record, len(tasks))
	for i, at := range place {
		out[i] = records[at]
		out[i].Values = tasks[i].values
	}
	return out, nil
}

// simulate runs the scenarios on a pool of workers. The error is that of the first scenario, by index, that failed before the
// others were stopped.
func simulate(ctx context.Context, scenarios []*Scenario, jobs int, progress Progress) ([]Record, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	records, errs := make([]Record, len(scenarios)), make([]error, len(scenarios))
	var mu sync.Mutex
	next, done := 0, 0
	take := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		next++
		return next - 1, next <= len(scenarios) && ctx.Err() == nil
	}
	var wg sync.WaitGroup
	for range max(1, min(jobs, len(scenarios))) {
		wg.Go(func() {
			for i, ok := take(); ok; i, ok = take() {
				if records[i], errs[i] = measure(ctx, scenarios[i]); errs[i] != nil {
					stop()
				}
				mu.Lock()
				if done++; progress != nil {
					progress(done, len(scenarios))
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil && !errors.Is(err, context.Canceled) {
			return nil, fmt.Errorf("%s, strategy %s: %w", scenarios[i].Name, scenarios[i].Strategy, err)
		}
	}
	return records, ctx.Err()
}

// measure runs one scenario. What the modelled world refuses is a result, not an error.
func measure(ctx context.Context, s *Scenario) (Record, error) {
	o, err := s.Run(ctx, Overrides{})
	var infeasible *plan.InfeasibleError
	var memory *sim.OutOfMemoryError
	switch {
	case errors.As(err, &infeasible), errors.As(err, &memory):
		return Record{Failed: err.Error()}, nil
	case err != nil:
		return Record{}, err
	}
	m := o.Summary
	return Record{Latency: m.Latency.Mean, P95: m.Latency.P95, Energy: float64(m.EnergyServing), Throughput: m.Throughput,
		Planning: float64(m.PlanningTime), Completed: m.Completed, Events: m.Events}, nil
}
