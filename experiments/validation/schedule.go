package validation

import (
	"context"
	"time"

	"hidp/sim"
	"hidp/workloads"
)

// schedule says when the requests of a plan come, given its profile as part of s. The blocks of the latency phase are about equally
// long; those that warm up come with the first.
func (s simulation) schedule(ctx context.Context, o Settings) (Schedule, error) {
	latency, err := s.latency(ctx)
	if err != nil {
		return Schedule{}, err
	}
	capacity, err := s.capacity(ctx, o.Steady)
	if err != nil {
		return Schedule{}, err
	}
	together := time.Duration(float64(time.Second) / float64(capacity*o.Overload))
	out := Schedule{Apart: latency + o.Gap, Gap: o.Gap, Throughput: every(together, o.Steady+o.Requests), Together: together, Crowds: o.Crowds, Profile: s.profile}
	if length := float64(o.Steady+o.Requests) / capacity; o.CrowdTime > 0 {
		out.Crowds = max(1, int(min(o.CrowdTime.Seconds()/length, float64(o.Crowds))))
	}
	for i := range o.Blocks {
		n := o.Requests*(i+1)/o.Blocks - o.Requests*i/o.Blocks
		if i == 0 {
			n += o.Warmup
		}
		out.Latency = append(out.Latency, n)
	}
	if o.Modelled > 0 {
		out.Modelled = o.Warmup + o.Modelled
	}
	return out, nil
}

// What capacity simulates: enough clients to keep every stage of a plan busy, and enough requests for a steady state.
const (
	capacityClients  = 8
	capacityRequests = 64
)

// capacity returns the requests per second that the simulator thinks the nodes can serve: those of clients that wait for their
// answers. Requests that all come at once would say less: where a plan returns to a node again and again, first come first served
// lets them finish all together in the end, and no part of that run is steady.
func (s simulation) capacity(ctx context.Context, steady int) (float64, error) {
	clients, err := workloads.Closed{Clients: capacityClients}.Loop(s.seed, workloads.Mix{Weights: []float64{1}}, workloads.Limit{Requests: steady + capacityRequests})
	if err != nil {
		panic("validation: " + err.Error())
	}
	t, err := s.simulate(ctx, sim.Config{Clients: clients})
	if err != nil {
		return 0, err
	}
	return rate(t, steady), nil
}

// every returns n times, from 0 on.
func every(interval time.Duration, n int) []time.Duration {
	times := make([]time.Duration, n)
	for i := range times {
		times[i] = time.Duration(i) * interval
	}
	return times
}
