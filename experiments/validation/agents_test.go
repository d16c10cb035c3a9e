package validation

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/sim/trace"
	"hidp/strategies/conformance"
	"hidp/testbed/controller"
	"hidp/testbed/host"
	"hidp/testbed/inference"
	"hidp/workloads"
)

// emulated starts an agent for every node of a platform in this process, on an emulated network, and reaches them all.
func emulated(t *testing.T, p *devices.Platform) *controller.Agents {
	dir, err := os.MkdirTemp("", "hidp") // sockets' paths must be short
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	text, err := json.Marshal(p)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "platform.json"), text, 0o600))
	roster := &controller.Roster{Platform: "platform.json", Network: controller.Network{Kind: controller.Shaped, Clocks: filepath.Join(dir, "clocks")}, Dir: dir}
	for j := range p.Nodes {
		name := p.Nodes[j].Name
		h, err := host.New(host.Options{Name: name, Dir: filepath.Join(dir, name), Engine: inference.Reference{}})
		require.NoError(t, err)
		address := "unix:" + filepath.Join(dir, name+".sock")
		l, err := host.Listen(address)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(context.Background())
		served := make(chan error, 1)
		go func() { served <- h.Serve(ctx, l) }()
		t.Cleanup(func() {
			cancel()
			require.NoError(t, <-served)
			require.NoError(t, h.Close())
		})
		roster.Agents = append(roster.Agents, controller.Entry{Node: name, Address: address, Data: "127.0.0.1:0"})
	}
	roster, err = controller.ParseRoster("agents.toml", roster.Encode(), dir)
	require.NoError(t, err)
	agents, err := controller.Dial(t.Context(), roster, controller.Options{Engine: inference.Reference{}, Tolerance: time.Hour})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, agents.Close()) })
	return agents
}

func tiny(string) (*workloads.Graph, error) {
	b := workloads.NewBuilder("tiny", workloads.Shape{C: 3, H: 24, W: 24})
	x := b.Conv("a", 0, workloads.Conv{Out: 8, Window: workloads.Square(3, 1, 1), Act: workloads.ReLU})
	y := b.Conv("b", x, workloads.Conv{Out: 8, Window: workloads.Square(3, 1, 1), Act: workloads.ReLU})
	z := b.GlobalPool("pool", b.Sum("sum", workloads.ReLU, x, y))
	b.Linear("fc", z, 10, workloads.NoAct)
	return b.Build()
}

// The whole way on agents that compute: plans, profiles, phases, checks and the report. How far off the simulator is depends on the
// machine and is not asserted.
func TestOnAgents(t *testing.T) {
	p := conformance.Boards(1e8, 1, 1, 1)
	bench, err := NewAgentBench(emulated(t, p), t.TempDir(), 1)
	require.NoError(t, err)
	m, err := ParseMatrix("m.toml", []byte(`name = "tiny"
models = ["tiny"]
requests = 6
steady = 2
modelled = 3
gap = "100 ms"
profile = { passes = 3 }
[[method]]
strategy = "modnn"
[[method]]
strategy = "single-cpu"
[[method]]
strategy = "single-best"
`))
	require.NoError(t, err)
	r, err := Run(t.Context(), Options{Matrix: m, Platform: p, Bench: bench, Check: true, Load: tiny})
	require.NoError(t, err)
	require.NoError(t, bench.Close())
	require.Empty(t, r.Invalid)
	require.Equal(t, 3, r.Rows[0].Nodes)
	for _, x := range r.Rows {
		require.Equal(t, statusOK, x.Status)
		for name, n := range map[string]Number{"latency": x.Latency.Error, "rate": x.Throughput.Error, "protocol": x.Protocol.Error, "compute": x.Compute.Weighted, "energy": x.Energy.Error} {
			require.True(t, n.Known(), "%s of %s", name, x.Strategy)
		}
		require.Equal(t, 2, x.Agreement.Outputs)
		require.LessOrEqual(t, x.Agreement.Largest, 1e-6, "partial sums add up in another order")
		require.Equal(t, modelledEnergy, x.Energy.Source)
		t.Logf("%s: measured %v s, simulated %v s, protocol %v", x.Strategy, x.Latency.Measured, x.Latency.Simulated, x.Protocol.Error)
	}
	_, err = r.Files()
	require.NoError(t, err)
}

// The parts of a trace hold each of its records once, with times that count from the parts' beginnings.
func TestPartsOfATrace(t *testing.T) {
	p := board(t)
	cells, err := planAll(small("mobilenet_v2"), p, tiny)
	require.NoError(t, err)
	i := slices.IndexFunc(cells, func(c planned) bool { return len(c.plan.Ops) > 5 })
	s := simulation{platform: p, graph: cells[i].graph, plan: cells[i].plan}
	const apart = time.Second
	whole, err := s.run(t.Context(), every(apart, 6))
	require.NoError(t, err)
	var parts []*trace.Trace
	zero := 7 * time.Hour
	for from := range 2 {
		var outcomes []controller.Outcome
		for id := 3 * from; id < 3*from+3; id++ {
			outcomes = append(outcomes, controller.Outcome{ID: int64(id), Due: zero + time.Duration(id)*apart})
		}
		parts = append(parts, part(whole, outcomes, zero))
	}
	require.Len(t, whole.Requests, len(parts[0].Requests)+len(parts[1].Requests))
	require.Len(t, whole.Computes, 2*len(parts[1].Computes))
	require.Len(t, whole.Transfers, 2*len(parts[1].Transfers))
	require.Len(t, whole.Phases, 2*len(parts[1].Phases))
	for k := range parts[0].Computes {
		a, b := parts[0].Computes[k], parts[1].Computes[k]
		b.Request -= 3
		require.Equal(t, a, b, "the same happens again")
	}
	require.Equal(t, newPhase(parts[0], 0).latencies(), newPhase(parts[1], 0).latencies())
	require.Zero(t, parts[1].Requests[0].Arrival)
}
