package agent

import (
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/strategies/plan"
	"hidp/testbed/inference"
	"hidp/testbed/submodel"
	"hidp/testbed/wire"
)

// Agents that really compute, on threads of their own and over TCP, give the answer of the plan executed in one process, for
// requests that overlap; what they leave is a trace without contradictions.
func TestRealWorkOverTCP(t *testing.T) {
	before := runtime.NumGoroutine()
	for seed, done := uint64(0), 0; done < 3; seed++ {
		s := newScenario(seed)
		if s == nil || len(simulate(t, s).Transfers) == 0 {
			continue
		}
		realSession(t, s)
		done++
	}
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+1 }, 20*time.Second, 10*time.Millisecond,
		"goroutines are left, beside the one that looks")
}

func realSession(t *testing.T, s *scenario) {
	source, err := submodel.FromGraph(s.graph, t.TempDir(), 1)
	require.NoError(t, err)
	defer source.Close()
	s.graph, s.plan.Graph = source.Graph, source.Graph.Fingerprint()
	input := content(s.graph, (&recipe{Plan: Plan{s.plan, s.graph}}).input())
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range input.Data {
		input.Data[i] = rng.Float32()
	}
	oracle := &submodel.Runner{Source: source, Engine: inference.Reference{}}
	want, err := oracle.ExecutePlan(s.plan, input)
	require.NoError(t, err)

	answers := make(chan inference.Tensor, 100)
	var transports []*wire.TCP
	var runtimes []*Runtime
	for j := range s.platform.Nodes {
		o := wire.DefaultOptions(s.platform.Nodes[j].Name)
		o.Limits = Limits([]Plan{{s.plan, s.graph}})
		o.Handshake, o.Connect = time.Minute, time.Minute // however slow the machine is
		o.Resume, o.Silence = time.Minute, time.Minute
		tcp, err := wire.Listen("127.0.0.1:0", o)
		require.NoError(t, err)
		transports = append(transports, tcp)
		cfg := Config{Platform: s.platform, Node: j, Plans: []Plan{{s.plan, s.graph}}, Clock: wire.Monotonic(), Transport: tcp,
			Finished: func(_ int64, out inference.Tensor) { answers <- out },
			Failed:   func(id int64, why error) { t.Errorf("request %d: %v", id, why); answers <- inference.Tensor{} }}
		cfg.Pacer = NewPacer(cfg.Clock, &s.platform.Nodes[j], true)
		for k := range s.platform.Nodes[j].Clusters {
			cfg.Workers = append(cfg.Workers, &Pace{Worker: loaded(t, source, s, j, k), Slowdown: 2, Pacer: cfg.Pacer})
			cfg.CPUs = append(cfg.CPUs, []int{0})
		}
		r, err := Start(t.Context(), cfg)
		require.NoError(t, err)
		runtimes = append(runtimes, r)
	}
	for j, a := range transports {
		for i, b := range transports {
			if i != j {
				require.NoError(t, a.AddPeer(s.platform.Nodes[i].Name, b.Addr().String()))
			}
		}
	}
	const requests = 4
	for id := range int64(requests) {
		for j, r := range runtimes {
			if j != s.plan.Leader && r.recipes[0].part != nil { // or a node could seem to have nothing to do before its first tensor came
				require.NoError(t, r.Join(id, 0))
			}
		}
		require.NoError(t, runtimes[s.plan.Leader].Begin(id, 0, input))
	}
	for range requests {
		require.Equal(t, want, <-answers)
	}
	var reports []*Report
	for _, r := range runtimes {
		for r.Live() > 0 {
			time.Sleep(time.Millisecond)
		}
	}
	for _, r := range runtimes {
		reports = append(reports, r.Close())
	}
	checkReports(t, s, reports, requests)
}

// loaded returns a worker with the models of all ops of a cluster.
func loaded(t *testing.T, source *submodel.Source, s *scenario, j, k int) Worker {
	w := &Segments{Loaded: []map[int]*submodel.Loaded{{}}}
	for i := range s.plan.Ops {
		op := &s.plan.Ops[i]
		if op.Kind != plan.Compute || op.Node != j || op.Cluster != k {
			continue
		}
		sub, err := source.Cut(op.Slice)
		require.NoError(t, err)
		data, err := sub.Bytes(submodel.Inline{})
		require.NoError(t, err)
		w.Loaded[0][i], err = submodel.Load(sub, inference.Reference{}, inference.Model{Bytes: data}, inference.Options{})
		require.NoError(t, err)
	}
	return w
}

// checkReports checks what was measured for what must hold whatever the times are.
func checkReports(t *testing.T, s *scenario, reports []*Report, requests int) {
	got := Merge(s.platform, []Plan{{s.plan, s.graph}}, reports, nil)
	require.Len(t, got.Requests, requests)
	computes, sends := 0, 0
	for i := range s.plan.Ops {
		computes += count(s.plan.Ops[i].Kind == plan.Compute)
		sends += count(s.plan.Ops[i].Kind == plan.Send)
	}
	require.Len(t, got.Computes, requests*computes)
	require.Len(t, got.Transfers, requests*sends)
	var sent, received int64
	for j, r := range reports {
		require.Zero(t, r.LiveMemory)
		require.Empty(t, r.Lost)
		for i := range r.SentBytes {
			sent += r.SentBytes[i]
			received += r.ReceivedBytes[i]
		}
		for k := range r.Busy {
			require.Equal(t, r.Busy[k] > 0, got.Accounts(s.platform, time.Hour<<10)[j].Busy[k] > 0)
		}
	}
	require.Equal(t, sent, received)
	require.Equal(t, int64(requests)*s.plan.SentBytes(s.graph), sent)
	for _, c := range got.Computes {
		require.GreaterOrEqual(t, c.End-c.Start, c.Work, "paced ops take at least their time")
		require.LessOrEqual(t, c.Ready, c.Start)
	}
}
