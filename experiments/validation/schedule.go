package validation

import (
	"context"
	"math"
	"time"
)

// Lone requests are given more time than the simulator thinks they need, or they would wait for each other and not be lone. Where
// that was too little, the second attempt gives them much more.
var patience = [2]float64{1.3, 3}

// schedule says when the requests of a plan come, given its profile as part of s.
func (s simulation) schedule(ctx context.Context, o Settings, attempt int) (Schedule, error) {
	lone, err := s.run(ctx, make([]time.Duration, 1))
	if err != nil {
		return Schedule{}, err
	}
	latency := lone.Requests[0].Finish - lone.Requests[0].Arrival
	burst, err := s.run(ctx, make([]time.Duration, o.Steady+o.Requests))
	if err != nil {
		return Schedule{}, err
	}
	apart := time.Duration(math.Ceil(float64(latency)*patience[min(attempt, 1)])) + o.Gap
	together := time.Duration(float64(time.Second) / float64(rate(burst, o.Steady)*o.Overload))
	out := Schedule{Latency: every(apart, o.Warmup+o.Requests), Throughput: every(together, o.Steady+o.Requests)}
	if o.Modelled > 0 {
		out.Modelled = every(apart, o.Warmup+o.Modelled)
	}
	return out, nil
}

// every returns n times, from 0 on.
func every(interval time.Duration, n int) []time.Duration {
	times := make([]time.Duration, n)
	for i := range times {
		times[i] = time.Duration(i) * interval
	}
	return times
}
