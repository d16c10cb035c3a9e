package agent

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/sim"
	"hidp/sim/laws"
	"hidp/sim/trace"
)

// simulate returns the simulator's trace of a scenario.
func simulate(t *testing.T, s *scenario) *trace.Trace {
	r, err := sim.RunPlan(context.Background(), sim.Config{Truth: s.platform, Arrivals: &arrivals{at: s.at}, TraceLimit: -1}, s.plan, s.graph)
	require.NoError(t, err)
	r.Trace.Sort()
	return r.Trace
}

// tied reports whether a node hears of two things at one instant, or the network of two. In which order agents take these is left to
// the scheduler of goroutines, while the simulator has a rule.
func tied(x *trace.Trace) bool {
	type instant struct {
		node int32 // -1: the network
		at   time.Duration
	}
	seen := map[instant]bool{}
	again := func(node int32, at time.Duration) bool {
		defer func() { seen[instant{node, at}] = true }()
		return seen[instant{node, at}]
	}
	tie := false
	for i := range x.Computes {
		tie = again(x.Computes[i].Node, x.Computes[i].End) || tie
	}
	for i := range x.Requests {
		tie = again(x.Requests[i].Leader, x.Requests[i].Arrival) || tie
	}
	starts := map[time.Duration]bool{}
	for i := range x.Transfers {
		tie = again(x.Transfers[i].To, x.Transfers[i].Arrive) || tie
		starts[x.Transfers[i].Start] = true // of messages that start together none is first
	}
	for i := range x.Transfers {
		tie = again(-1, x.Transfers[i].End) || starts[x.Transfers[i].End] || tie
	}
	return tie
}

// comparable returns tie-free scenarios in which nodes talk to each other, and how many had ties.
func comparable(t *testing.T, n int, each func(seed uint64, s *scenario, want *trace.Trace)) (ties int) {
	for seed := uint64(0); n > 0; seed++ {
		s := newScenario(seed)
		if s == nil {
			continue
		}
		want := simulate(t, s)
		if len(want.Transfers) == 0 {
			continue
		}
		if tied(want) {
			ties++
			continue
		}
		each(seed, s, want)
		n--
	}
	return ties
}

// Agents that take modelled times leave the simulator's trace, to the nanosecond: on shared media, switches and links, with requests
// that queue, and with clusters that slow each other. Every second session moves tensors, whose contents are checked.
func TestAgentsAndSimulatorLeaveTheSameTrace(t *testing.T) {
	spans, queued, slowed, shared := 0, 0, 0, 0
	methods := map[string]int{}
	ties := comparable(t, 400, func(seed uint64, s *scenario, want *trace.Trace) {
		u := setup{hollow: seed%2 == 0}
		if !u.hollow {
			u.worker = func(w Worker) Worker { return checking{w} }
		}
		synctest.Test(t, func(t *testing.T) {
			got := open(t, s, u).serve()
			require.Equal(t, want, got, "seed %d, %s", seed, s.plan.Strategy)
			require.NoError(t, laws.Check(got, s.platform), "seed %d", seed)
		})
		methods[s.plan.Strategy]++
		spans += len(want.Computes) + len(want.Transfers) + len(want.Phases)
		for _, c := range want.Computes {
			queued += count(c.Start > c.Ready)
			slowed += count(c.End-c.Start > c.Work+1)
		}
		for _, x := range want.Transfers {
			shared += count(x.End-x.Start > time.Duration(float64(x.Bytes)*1e9/s.platform.Network.Goodput(int(x.From), int(x.To)))+1)
		}
	})
	t.Logf("400 scenarios equal, %d skipped for ties; %d spans, %d ops that queued, %d slowed by neighbours, %d transfers that shared a link; %v",
		ties, spans, queued, slowed, shared, methods)
	for _, n := range []int{queued, slowed, shared} {
		require.Greater(t, n, 100)
	}
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}

// A nanosecond more for every message is noticed.
func TestANanosecondMakesADifference(t *testing.T) {
	comparable(t, 40, func(seed uint64, s *scenario, want *trace.Trace) {
		synctest.Test(t, func(t *testing.T) {
			require.NotEqual(t, want, open(t, s, setup{hollow: true, slow: 1}).serve(), "seed %d", seed)
		})
	})
}

// Followers that are not told of requests learn of them from the first tensor. Only how long they were idle before that differs.
func TestFollowersNeedNoAnnouncement(t *testing.T) {
	comparable(t, 40, func(seed uint64, s *scenario, want *trace.Trace) {
		synctest.Test(t, func(t *testing.T) {
			got := open(t, s, setup{hollow: true, silent: true}).serve()
			require.Equal(t, want.Computes, got.Computes, "seed %d", seed)
			require.Equal(t, want.Transfers, got.Transfers, "seed %d", seed)
			require.Equal(t, want.Requests, got.Requests, "seed %d", seed)
		})
	})
}
