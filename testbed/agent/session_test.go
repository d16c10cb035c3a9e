package agent

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/sim/trace"
	"hidp/strategies/catalog"
	"hidp/strategies/conformance"
	"hidp/strategies/plan"
	"hidp/testbed/inference"
	"hidp/testbed/submodel"
	"hidp/testbed/wire"
	"hidp/workloads"
	"hidp/workloads/tensor"
)

// scenario is a random platform, network and plan, with requests.
type scenario struct {
	platform *devices.Platform
	graph    *workloads.Graph
	plan     *plan.Plan
	at       []time.Duration
}

// newScenario returns nil where the strategy finds no plan. The same seed gives the same scenario.
func newScenario(seed uint64) *scenario {
	rng := rand.New(rand.NewPCG(seed, 23))
	s := &scenario{platform: conformance.RandomPlatform(rng), graph: conformance.RandomGraph(rng)}
	r := plan.Problem{Graph: s.graph, Batch: 1 + rng.IntN(3), Leader: s.platform.Leader}
	if entries := catalog.Entries(); rng.IntN(3) > 0 {
		strategy, err := entries[rng.IntN(len(entries))].New(nil)
		if err != nil {
			panic(err)
		}
		s.plan, _ = strategy.Plan(r, plan.NewBelief(s.platform))
	} else {
		s.plan = scattered(rng, r, s.platform)
	}
	if s.plan == nil || plan.Validate(s.plan, s.graph, s.platform) != nil {
		return nil
	}
	alone := plan.Forecast(s.plan, s.graph, plan.NewBelief(s.platform)).Latency
	at := time.Duration(0)
	for range 1 + rng.IntN(6) {
		at += time.Duration(rng.Int64N(int64(alone))) + 1
		s.at = append(s.at, at)
	}
	return s
}

// scattered places the blocks of a network at random, some of them split by samples or rows.
func scattered(rng *rand.Rand, r plan.Problem, p *devices.Platform) *plan.Plan {
	b := plan.NewBuilder("scattered", r, plan.NewBelief(p))
	for _, block := range r.Graph.Blocks() {
		full := workloads.Slice{From: block.From, To: block.To, Out: r.Graph.Full(block.To-1, r.Batch)}
		for _, rows := range halves(rng, r.Graph.Along(full.Last(), tensor.Row)) {
			for _, samples := range halves(rng, full.Samples()) {
				s := r.Graph.Strip(r.Graph.Strip(full, tensor.Sample, samples), tensor.Row, rows)
				if r.Graph.Check(s, r.Batch) != nil {
					continue
				}
				j := rng.IntN(len(p.Nodes))
				b.Compute(j, rng.IntN(len(p.Nodes[j].Clusters)), s)
			}
		}
	}
	plan, err := b.Finish()
	if err != nil {
		return nil
	}
	return plan
}

func halves(rng *rand.Rand, r workloads.Range) []workloads.Range {
	if r.Len() < 2 || rng.IntN(3) > 0 {
		return []workloads.Range{r}
	}
	middle := (r.Lo + r.Hi) / 2
	return []workloads.Range{{Lo: r.Lo, Hi: middle}, {Lo: middle, Hi: r.Hi}}
}

// arrivals are requests at given times.
type arrivals struct {
	at []time.Duration
	n  int
}

func (a *arrivals) Next() (workloads.Arrival, bool) {
	if a.n == len(a.at) {
		return workloads.Arrival{}, false
	}
	a.n++
	return workloads.Arrival{At: a.at[a.n-1]}, true
}

// session is all nodes of a scenario in one process, joined by pipes.
type session struct {
	t        *testing.T
	s        *scenario
	clock    wire.Clock
	hub      *wire.Hub
	silent   bool
	pipes    []*wire.Pipe
	runtimes []*Runtime
	finished chan int64
	failed   chan failure
	lost     chan string
}

type failure struct {
	node    int
	request int64
	why     error
}

// setup is how a session differs from the plain one.
type setup struct {
	hollow bool
	slow   time.Duration // added to every message
	silent bool          // followers are not told of requests
	worker func(w Worker) Worker
	only   func(cfg *Config)
	foe    bool // there is no runtime at node 0
}

// delayed adds to the time that messages take.
type delayed struct {
	wire.Network
	by time.Duration
}

func (d delayed) Carry(ctx context.Context, from, to string, bytes int64, ready time.Duration, granted func(int64)) (time.Duration, error) {
	at, err := d.Network.Carry(ctx, from, to, bytes, ready, granted)
	return at + d.by, err
}

func open(t *testing.T, s *scenario, u setup) *session {
	x := &session{t: t, s: s, silent: u.silent, clock: wire.NewTimers(), finished: make(chan int64, 1000), failed: make(chan failure, 1000), lost: make(chan string, 1000)}
	t.Cleanup(func() {
		x.close()
		for _, p := range x.pipes {
			_ = p.Close()
		}
	})
	plans := []Plan{{s.plan, s.graph}}
	limits := Limits(plans)
	var network wire.Network = wire.NewFluid(s.platform, x.clock, 0)
	if u.slow > 0 {
		network = delayed{network, u.slow}
	}
	var err error
	x.hub, err = wire.NewHub(x.clock, network, limits)
	require.NoError(t, err)
	costs := devices.NewCosts(s.platform, s.graph)
	for j := range s.platform.Nodes {
		n := &s.platform.Nodes[j]
		cfg := Config{Platform: s.platform, Node: j, Plans: plans, Clock: x.clock, Hollow: u.hollow, Pacer: NewPacer(x.clock, n, false),
			Finished: func(id int64, _ inference.Tensor) { x.finished <- id },
			Lost:     func(name string, _ error) { x.lost <- name },
			Failed:   func(id int64, why error) { x.failed <- failure{j, id, why} }}
		pipe, err := x.hub.Join(n.Name)
		require.NoError(t, err)
		cfg.Transport, x.pipes = pipe, append(x.pipes, pipe)
		for range n.Clusters {
			var w Worker = &Modelled{Pacer: cfg.Pacer, Costs: []func(int) time.Duration{func(op int) time.Duration { return s.plan.ComputeTime(costs, op) }}}
			if u.worker != nil {
				w = u.worker(w)
			}
			cfg.Workers = append(cfg.Workers, w)
		}
		if u.only != nil {
			u.only(&cfg)
		}
		if u.foe && j == 0 {
			continue
		}
		r, err := Start(t.Context(), cfg)
		require.NoError(t, err)
		x.runtimes = append(x.runtimes, r)
	}
	return x
}

// begin starts a request everywhere.
func (x *session) begin(id int64, input inference.Tensor) {
	for j, r := range x.runtimes {
		if !x.silent && j != x.s.plan.Leader && r.recipes[0].part != nil {
			require.NoError(x.t, r.Join(id, 0))
		}
	}
	require.NoError(x.t, x.runtimes[x.s.plan.Leader].Begin(id, 0, input))
}

func (x *session) input() inference.Tensor {
	return content(x.s.graph, x.s.graph.Tensor(0, x.s.plan.Batch))
}

// serve runs all requests and returns the trace of all nodes.
func (x *session) serve() *trace.Trace {
	for id, at := range x.s.at {
		require.NoError(x.t, x.clock.Sleep(x.t.Context(), at))
		x.begin(int64(id), x.input())
	}
	for range x.s.at {
		select {
		case <-x.finished:
		case f := <-x.failed:
			x.t.Fatalf("request %d at node %d: %v", f.request, f.node, f.why)
		}
	}
	for _, r := range x.runtimes { // some may have things to do that the answer does not need
		for r.Live() > 0 {
			require.NoError(x.t, x.clock.Sleep(x.t.Context(), x.clock.Now()+time.Millisecond))
		}
	}
	reports := x.close()
	for _, r := range reports {
		require.Zero(x.t, r.LiveMemory, "%s keeps tensors", r.Node)
	}
	return Merge(x.s.platform, []Plan{{x.s.plan, x.s.graph}}, reports, nil)
}

func (x *session) close() []*Report {
	var reports []*Report
	for _, r := range x.runtimes {
		reports = append(reports, r.Close())
	}
	return reports
}

// content returns the tensor of a part with numbers that tell what they are: of a global pool the sums, or the mean of all rows.
func content(g *workloads.Graph, p workloads.Part) inference.Tensor {
	l := &g.Layers[p.Layer]
	t := inference.NewTensor(submodel.Shape(g, p)...)
	i := 0
	samples, channels, rows := g.Along(p, tensor.Sample), g.Along(p, tensor.Channel), g.Along(p, tensor.Row)
	for n := samples.Lo; n < samples.Hi; n++ {
		for c := channels.Lo; c < channels.Hi; c++ {
			for y := range t.Shape[2] {
				for x := range l.Out.W {
					t.Data[i] = float32(1 + (p.Layer*31+n*17+c*5+x)%64)
					if l.Op != workloads.OpGlobalPool {
						t.Data[i] += float32(rows.Lo + y)
					} else if in := g.Layers[l.Inputs[0]].Out; rows.Len() == in.H {
						t.Data[i] /= float32(in.W)
					} else {
						t.Data[i] *= float32(rows.Len())
					}
					i++
				}
			}
		}
	}
	return t
}

// checking is a worker that makes what content tells, and fails if its inputs are not that.
type checking struct{ Worker }

func (w checking) Run(ctx context.Context, t *Task) (Done, error) {
	inputs, err := t.Inputs()
	if err != nil {
		return Done{}, err
	}
	for i, part := range t.needs {
		want := content(t.Graph, part)
		for k, x := range inputs[i].Data {
			if d := x - want.Data[k]; d > 1e-3 || d < -1e-3 {
				return Done{}, fmt.Errorf("layer %d %v at %d: %v instead of %v", part.Layer, part.Box, k, x, want.Data[k])
			}
		}
	}
	d, err := w.Worker.Run(ctx, t)
	for i, part := range t.Outputs {
		d.Outputs[i] = content(t.Graph, part)
	}
	return d, err
}
