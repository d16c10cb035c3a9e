package sweep

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/optimize"
)

// cma searches ranges. A generation's candidates run at the same time.
func (s *search) cma(ctx context.Context) error {
	n := len(s.sweep.axes)
	population := 4 + int(3*math.Log(float64(n))) // Hansen, arXiv:1604.00772, table 1
	population = max(population, min(8, s.problem.Runs/s.sweep.repeat.max))
	generations := max(1, s.problem.Runs/s.sweep.repeat.max/population)
	start := make([]float64, n)
	for i := range start {
		start[i] = 0.5
	}
	problem := optimize.Problem{Func: func(x []float64) float64 { return s.fitness(ctx, x) }, Status: func() (optimize.Status, error) {
		if err := ctx.Err(); err != nil {
			return optimize.Failure, err
		}
		return optimize.NotTerminated, nil
	}}
	method := &optimize.CmaEsChol{InitStepSize: 0.3, Population: population, Src: rand.NewPCG(s.sweep.Seed, purpose("cma-es"))}
	settings := &optimize.Settings{MajorIterations: generations, Converger: optimize.NeverTerminate{}, Concurrent: min(s.jobs, population)}
	_, err := optimize.Minimize(problem, start, settings, method)
	s.tried = len(s.ranked)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil && len(s.ranked) == 0 && !errors.Is(err, ctx.Err()) {
		return fmt.Errorf("%s: the search failed: %w", s.problem.Name, err)
	}
	return nil
}

// brokenFitness separates candidates that keep all limits from those that do not. CMA-ES looks at ranks only, so any number above
// all objectives will do.
const brokenFitness = 1e290

// fitness runs the candidate at x, mirrored into the unit cube.
func (s *search) fitness(ctx context.Context, x []float64) float64 {
	settings := make([]setting, len(x))
	for i := range x {
		settings[i] = s.sweep.axes[i].draw(mirror(x[i]), nil)
	}
	if !s.sweep.allowed(settings, make([]value, len(settings))) {
		return 3 * brokenFitness
	}
	c := s.candidate(0, settings)
	if s.extend(ctx, c, s.sweep.repeat.max) != nil {
		return math.NaN() // the context ended; so does the search
	}
	s.note(c)
	switch {
	case c.Failure != "":
		return 3 * brokenFitness
	case c.Gap > 0:
		return brokenFitness * (1 + min(c.Gap, 1e6)/1e6)
	}
	return min(s.problem.sign*c.Objective, brokenFitness)
}

// mirror folds the real line into [0, 1).
func mirror(x float64) float64 {
	if math.IsNaN(x) {
		return 0.5
	}
	x = math.Abs(math.Mod(x, 2))
	if x >= 1 {
		x = 2 - x
	}
	return min(x, math.Nextafter(1, 0))
}
