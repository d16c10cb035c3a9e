package sim

import (
	"context"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/workloads"
)

// heap returns the bytes in use after a collection.
func heap() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// Memory does not grow with the number of requests: from the second million to the fifth it stays what it is, to a few kB.
func TestMemoryDoesNotGrowWithRequests(t *testing.T) {
	const million = 1_000_000
	p, g := plainPlatform(1), tasks(t, 4, 1_000_000)
	plan := chainPlan(t, p, g, 0, at{0, 0})
	source, err := workloads.Poisson{Rate: 800}.Source(3, workloads.Mix{}, workloads.Limit{Requests: 5 * million})
	require.NoError(t, err)
	var at2, at5 float64
	cfg := Config{Truth: p, Arrivals: source}
	cfg.Observe.Progress = func(p Progress) {
		if at2 == 0 && p.Completed > 2*million {
			at2 = heap()
		}
		if at5 == 0 && p.Completed > 5*million-10_000 {
			at5 = heap()
		}
	}
	before := heap()
	r, err := RunPlan(context.Background(), cfg, plan, g)
	require.NoError(t, err)
	require.Equal(t, int64(5*million), r.Completed)
	require.NotZero(t, at5)
	require.InDelta(t, at2, at5, 100e3)
	require.Less(t, at5-before, 20e6, "the million latencies that are kept exactly are 8 MB")
	require.InEpsilon(t, 1e-3*(1+0.8/(2*0.2)), r.Latency.Mean.Seconds(), 0.02, "M/D/1")
	t.Logf("%.1f MB at 2 million requests, %.1f MB at 5 million", (at2-before)/1e6, (at5-before)/1e6)
}

// Nor does a planner that is never idle keep those who have been served.
func TestABusyPlannerForgetsWhoWasServed(t *testing.T) {
	p, g, plan := relay(t)
	clients, err := workloads.Closed{Clients: 5}.Loop(1, workloads.Mix{}, workloads.Limit{Requests: 5000})
	require.NoError(t, err)
	s := newSimulation(Config{Truth: p, Clients: clients, Planning: Planning{Mode: PlanningFixed, Fixed: 100 * ms}}.WithPlan(plan, g))
	s.start()
	r, err := s.run(context.Background())
	require.NoError(t, err)
	require.Equal(t, int64(5000), r.Completed)
	require.Less(t, cap(s.nodes[0].planner.queue), 64)
}
