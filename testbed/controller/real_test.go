package controller

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/internal/parts"
	"hidp/sim/trace"
	"hidp/strategies/catalog"
	"hidp/strategies/conformance"
	"hidp/strategies/plan"
	"hidp/testbed/agent/energy"
	"hidp/testbed/host"
	"hidp/testbed/inference"
	"hidp/testbed/submodel"
	"hidp/workloads"
	"hidp/workloads/zoo"
)

// lab is agents in this process, one for each node of a platform.
type lab struct {
	roster *Roster
	stop   []context.CancelFunc
	ended  []chan struct{}
}

// newLab starts hosts.
func newLab(t *testing.T, p *devices.Platform, network Network, engine inference.Engine) *lab {
	dir, err := os.MkdirTemp("", "hidp")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	l := &lab{roster: &Roster{Dir: dir, platform: p, Network: network}}
	for j := range p.Nodes {
		address := "unix:" + filepath.Join(dir, fmt.Sprint(j))
		h, err := host.New(host.Options{Name: p.Nodes[j].Name, Dir: filepath.Join(dir, fmt.Sprint("files", j)), Engine: engine})
		require.NoError(t, err)
		listener, err := host.Listen(address)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			if err := h.Serve(ctx, listener); err != nil {
				t.Errorf("host: %v", err)
			}
			if err := h.Close(); err != nil {
				t.Errorf("host: %v", err)
			}
		}()
		l.stop, l.ended = append(l.stop, cancel), append(l.ended, ended)
		t.Cleanup(func() { cancel(); <-ended })
		l.roster.Agents = append(l.roster.Agents, Entry{Node: p.Nodes[j].Name, Address: address})
	}
	return l
}

// plans are those of several strategies, and one that is spread for sure.
func plans(t *testing.T, p *devices.Platform, j *Job) {
	j.Plans = append(j.Plans, spread(t, j.Source.Graph, p, 0), spread(t, j.Source.Graph, p, 1))
	for _, name := range []string{"hidp", "modnn", "disnet", "omniboost"} {
		j.Plans = append(j.Plans, planned(t, name, j.Source.Graph, p))
	}
}

// planned is the plan of a strategy.
func planned(t *testing.T, name string, g *workloads.Graph, p *devices.Platform) *plan.Plan {
	s, err := catalog.New(name, nil)
	require.NoError(t, err)
	plan, err := s.Plan(plan.Problem{Graph: g, Batch: 1, Leader: p.Leader}, plan.NewBelief(p))
	require.NoError(t, err)
	return plan
}

// Plans of several strategies give the network's own answer on agents that compute, for requests that overlap; what the agents
// report is a trace without contradictions that agrees with the plans.
func TestRealAgents(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("session", realSession)
	for i := 0; runtime.NumGoroutine() > before && i < 500; i++ {
		time.Sleep(10 * time.Millisecond)
	}
	require.LessOrEqual(t, runtime.NumGoroutine(), before, "nothing is left running")
}

func realSession(t *testing.T) {
	p, src := three(t), small(t)
	l := newLab(t, p, Network{Kind: Real}, inference.Reference{})
	a, err := Dial(t.Context(), l.roster, Options{Engine: inference.Reference{}, Tolerance: time.Minute})
	require.NoError(t, err)
	defer a.Close()
	job := Job{Source: src}
	plans(t, p, &job)
	s, err := a.Deploy(t.Context(), job)
	require.NoError(t, err)
	defer s.Abort()

	profile, err := s.Profile(t.Context(), ProfileOptions{Passes: 3})
	require.NoError(t, err)
	for i, made := range job.Plans {
		for k := range made.Ops {
			require.Equal(t, made.Ops[k].Kind == plan.Compute, profile.Ops[i][k] != nil)
			if made.Ops[k].Kind == plan.Compute {
				require.Positive(t, profile.Work(made, k))
			}
		}
	}
	input := noise(src.Graph, 1)
	warm, err := s.Serve(t.Context(), []Request{{Warmup: true}}, input)
	require.NoError(t, err)
	var requests []Request
	for i := range job.Plans {
		for n := range 5 {
			requests = append(requests, Request{Plan: i, At: time.Duration(n) * 2 * time.Millisecond, Output: true})
		}
	}
	outcomes, err := s.Serve(t.Context(), requests, input)
	require.NoError(t, err)
	checked, err := s.Check(outcomes, input)
	require.NoError(t, err)
	require.Len(t, checked, len(requests))
	oracle := &submodel.Runner{Source: src, Engine: inference.Reference{}}
	for i, c := range checked {
		require.True(t, c.Agreement.OK(), "plan %d: %v", c.Plan, c.Agreement)
		want, err := oracle.ExecutePlan(job.Plans[c.Plan], input)
		require.NoError(t, err)
		require.Equal(t, want, outcomes[i].Output, "to the bit what the plan computes in one process")
	}
	require.True(t, checked[0].Agreement.Exact, "strips of rows change no sum")
	r, err := s.Close(t.Context())
	require.NoError(t, err)
	require.NoError(t, r.Err())
	checkRun(t, r, outcomes, warm[0].ID)
	_, err = s.Close(t.Context())
	require.ErrorContains(t, err, "ended already")
}

// With ONNX Runtime, a network of the zoo split over three boards gives the bits of the network whole.
func TestRealAgentsORT(t *testing.T) {
	path, err := inference.FindLibrary("", "../..")
	parts.Need(t, parts.ONNXRuntime, err)
	engine, err := inference.OpenORT(path)
	require.NoError(t, err)
	defer engine.Close()
	g, err := zoo.Get("mobilenet_v2")
	require.NoError(t, err)
	src, err := submodel.FromGraph(g, t.TempDir(), 1)
	require.NoError(t, err)
	defer src.Close()
	p := three(t)
	t.Run("agents", func(t *testing.T) { // end before the engine
		a, err := Dial(t.Context(), newLab(t, p, Network{Kind: Real}, engine).roster, Options{Engine: engine, Tolerance: time.Minute})
		require.NoError(t, err)
		defer a.Close()
		job := Job{Source: src}
		for _, name := range []string{"hidp", "disnet"} {
			job.Plans = append(job.Plans, planned(t, name, src.Graph, p))
		}
		s, err := a.Deploy(t.Context(), job)
		require.NoError(t, err)
		defer s.Abort()
		input := noise(src.Graph, 1)
		outcomes, err := s.Serve(t.Context(), []Request{{Output: true}, {Plan: 1, Output: true}}, input)
		require.NoError(t, err)
		r, err := s.Close(t.Context())
		require.NoError(t, err)
		checked, err := s.Check(outcomes, input)
		require.NoError(t, err)
		for _, c := range checked {
			t.Logf("%s: %v of %s, %v", job.Plans[c.Plan].Strategy, c.Agreement, c.Against, r.Latencies[c.Plan])
			require.True(t, c.Agreement.Exact)
		}
		require.Equal(t, checked, r.Checks, "also those that come after Close")
		checkRun(t, r, outcomes, -1)
	})
}

// checkRun checks a run of requests that all ended well.
func checkRun(t *testing.T, r *Run, outcomes []Outcome, without int64) {
	plain := slices.Clone(r.Outcomes)
	for i := range plain {
		plain[i].Lag = 0
	}
	require.Equal(t, outcomes, plain)
	require.Len(t, r.Latencies, len(outcomes))
	require.Len(t, r.Trace.Requests, len(outcomes))
	checkOrder(t, r)
	computes, sends := 0, 0
	var bytes int64
	for _, o := range outcomes {
		require.Positive(t, o.Latency())
		p := r.Plans[o.Plan]
		for i := range p.Ops {
			if p.Ops[i].Kind == plan.Compute {
				computes++
			} else {
				sends++
			}
		}
		bytes += p.SentBytes(r.Graph)
	}
	require.Len(t, r.Trace.Computes, computes)
	require.Len(t, r.Trace.Transfers, sends)
	var sent, received int64
	for _, n := range r.Nodes {
		sent, received = sent+n.Sent, received+n.Received
		require.Equal(t, energy.Modelled, n.Energy.Provenance)
		require.Positive(t, n.Energy.Joules)
		require.Zero(t, n.Clock, "agents of one machine have one clock")
		if n.TookPart {
			require.Zero(t, n.Measured.Report.LiveMemory)
		}
	}
	require.Equal(t, bytes, sent)
	require.Equal(t, bytes, received)
	for _, x := range r.Trace.Requests {
		require.NotEqual(t, without, x.ID)
		require.GreaterOrEqual(t, x.Arrival, time.Duration(0))
		require.Empty(t, x.Failed)
	}
	for _, x := range r.Trace.Phases {
		require.GreaterOrEqual(t, x.Start, time.Duration(0))
	}
	require.Positive(t, r.Makespan)
	require.InEpsilon(t, float64(len(outcomes))/r.Makespan.Seconds(), r.Throughput, 1e-9)
}

// checkOrder checks the laws of package laws that hold of hardware too: every op runs once, not before what it waits for has ended,
// and clusters do one thing at a time.
func checkOrder(t *testing.T, r *Run) {
	type key struct {
		request int64
		op      int32
	}
	ready, end := map[key]time.Duration{}, map[key]time.Duration{}
	busy := map[[2]int32][]trace.Span{}
	for _, x := range r.Trace.Computes {
		k := key{x.Request, x.Op}
		require.NotContains(t, end, k)
		require.LessOrEqual(t, x.Ready, x.Start)
		require.LessOrEqual(t, x.Start, x.End)
		ready[k], end[k] = x.Ready, x.End
		busy[[2]int32{x.Node, x.Cluster}] = append(busy[[2]int32{x.Node, x.Cluster}], trace.Span{Start: x.Start, End: x.End})
	}
	for _, x := range r.Trace.Transfers {
		k := key{x.Request, x.Op}
		require.NotContains(t, end, k)
		require.False(t, x.Wasted)
		require.LessOrEqual(t, x.Ready, x.Start)
		require.LessOrEqual(t, x.Start, x.End)
		require.LessOrEqual(t, x.End, x.Arrive)
		ready[k], end[k] = x.Ready, x.Arrive
	}
	for _, x := range r.Trace.Requests {
		for i, op := range r.Plans[x.Plan].Ops {
			k := key{x.ID, int32(i)}
			require.Contains(t, end, k)
			require.GreaterOrEqual(t, ready[k], x.Arrival)
			require.LessOrEqual(t, end[k], x.Finish)
			for _, before := range op.After {
				require.LessOrEqual(t, end[key{x.ID, int32(before)}], ready[k], "request %d op %d waits for op %d", x.ID, i, before)
			}
		}
	}
	for at, spans := range busy {
		var sum time.Duration
		for _, s := range spans {
			sum += s.End - s.Start
		}
		require.Equal(t, sum, trace.Covered(spans), "cluster %v did two things at a time", at)
		require.Equal(t, sum, r.Nodes[at[0]].Busy[at[1]])
	}
}

// Random networks on random platforms, by every strategy that finds a plan: agents answer what the plan computes in one process.
func TestRealAgentsRandom(t *testing.T) {
	for seed := range uint64(3) {
		rng := rand.New(rand.NewPCG(seed, 41))
		p := conformance.RandomPlatform(rng)
		src, err := submodel.FromGraph(conformance.RandomGraph(rng), t.TempDir(), seed)
		require.NoError(t, err)
		t.Cleanup(func() { src.Close() })
		job := Job{Source: src}
		for _, e := range catalog.Entries() {
			s, err := e.New(nil)
			require.NoError(t, err)
			plan, err := s.Plan(plan.Problem{Graph: src.Graph, Batch: 2, Leader: p.Leader}, plan.NewBelief(p))
			if err == nil {
				job.Plans = append(job.Plans, plan)
			}
		}
		require.NotEmpty(t, job.Plans)
		a, err := Dial(t.Context(), newLab(t, p, Network{Kind: Real}, inference.Reference{}).roster, Options{Tolerance: time.Minute})
		require.NoError(t, err)
		t.Cleanup(func() { a.Close() })
		s, err := a.Deploy(t.Context(), job)
		require.NoError(t, err)
		t.Cleanup(s.Abort)
		var requests []Request
		for i := range job.Plans {
			requests = append(requests, Request{Plan: i, Output: true}, Request{Plan: i, At: time.Millisecond, Output: true})
		}
		input := noise(src.Graph, 2)
		outcomes, err := s.Serve(t.Context(), requests, input)
		require.NoError(t, err)
		oracle := &submodel.Runner{Source: src, Engine: inference.Reference{}}
		for _, o := range outcomes {
			want, err := oracle.ExecutePlan(job.Plans[o.Plan], input)
			require.NoError(t, err)
			require.Equal(t, want, o.Output, job.Plans[o.Plan].Strategy)
		}
		r, err := s.Close(t.Context())
		require.NoError(t, err)
		checkRun(t, r, outcomes, -1)
	}
}
