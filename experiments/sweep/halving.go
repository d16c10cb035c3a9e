package sweep

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
)

// keepOneIn is the share of candidates that survive a round of successive halving.
const keepOneIn = 3

// halve tries many candidates with few seeds and ever fewer with more. Seeds are the same for all, so differences are not luck.
func (s *search) halve(ctx context.Context) error {
	full := s.sweep.repeat.max
	rounds := 1
	for n := full; n >= keepOneIn; n /= keepOneIn {
		rounds++
	}
	seeds := max(1, full/int(math.Pow(keepOneIn, float64(rounds-1))))
	field := s.field(s.entrants(seeds, rounds, full))
	s.tried = len(field)
	for round := range rounds {
		if round == rounds-1 {
			seeds = full
		}
		if err := s.extendAll(ctx, field, seeds); err != nil {
			return err
		}
		if round < rounds-1 {
			slices.SortFunc(field, s.compare)
			field = field[:(len(field)+keepOneIn-1)/keepOneIn]
			seeds = min(full, seeds*keepOneIn)
		}
	}
	for _, c := range field {
		s.note(c)
	}
	return nil
}

// entrants returns how many candidates the budget of runs allows in the first round: the largest number whose rounds cost no more.
func (s *search) entrants(seeds, rounds, full int) int {
	cost := func(n int) (runs int) {
		done := 0
		for round, r := 0, seeds; round < rounds; round, r = round+1, min(full, r*keepOneIn) {
			if round == rounds-1 {
				r = full
			}
			runs += n * (r - done)
			done = r
			n = (n + keepOneIn - 1) / keepOneIn
		}
		return runs
	}
	n := 1
	for cost(n+1) <= s.problem.Runs {
		n++
	}
	return n
}

// field draws n different candidates that satisfy the constraints: all there are, if the axes have no more combinations.
func (s *search) field(n int) []*Candidate {
	var field []*Candidate
	settings, values := make([]setting, len(s.sweep.axes)), make([]value, len(s.sweep.axes))
	enter := func() {
		if s.sweep.allowed(settings, values) {
			field = append(field, s.candidate(len(field), settings))
		}
	}
	total, known := s.combinations()
	if known && total <= int64(n) {
		for i := range total {
			for j := len(settings) - 1; j >= 0; j-- {
				k := int64(len(s.sweep.axes[j].values))
				settings[j], i = s.sweep.axes[j].values[i%k], i/k
			}
			enter()
		}
		return field
	}
	random := rand.New(rand.NewPCG(s.sweep.Seed, purpose("successive halving")))
	seen := map[string]bool{}
	for try := 0; len(field) < n && try < 20*n+1000; try++ {
		for j := range settings {
			a := &s.sweep.axes[j]
			if place := random.Float64(); len(a.values) > 0 {
				settings[j] = a.values[int(place*float64(len(a.values)))]
			} else {
				settings[j] = a.draw(place, nil)
			}
		}
		if text := s.sweep.describe(settings); !seen[text] {
			seen[text] = true
			enter()
		}
	}
	return field
}

// combinations counts the candidates; false if there are infinitely or too many.
func (s *search) combinations() (int64, bool) {
	n := int64(1)
	for i := range s.sweep.axes {
		k := int64(len(s.sweep.axes[i].values))
		if k == 0 || n > mostPoints/k {
			return 0, false
		}
		n *= k
	}
	return n, true
}

// extendAll runs candidates up to n replications each, on all workers. Those that failed stay as they are.
func (s *search) extendAll(ctx context.Context, field []*Candidate, n int) error {
	next := make(chan *Candidate)
	var workers sync.WaitGroup
	for range min(s.jobs, len(field)) {
		workers.Go(func() {
			for c := range next {
				_ = s.extend(ctx, c, n) // whatever its error, it ended the context
			}
		})
	}
	for _, c := range field {
		if c.Failure == "" && ctx.Err() == nil {
			next <- c
		}
	}
	close(next)
	workers.Wait()
	return ctx.Err()
}
