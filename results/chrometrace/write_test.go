package chrometrace

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/sim"
	"hidp/sim/trace"
	"hidp/strategies/conformance"
	"hidp/strategies/plan"
	"hidp/workloads"
	"hidp/workloads/tensor"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// event is what a viewer reads of an event.
type event struct {
	Phase string         `json:"ph"`
	Name  string         `json:"name"`
	PID   int            `json:"pid"`
	TID   int            `json:"tid"`
	TS    float64        `json:"ts"`
	Dur   float64        `json:"dur"`
	ID    *int           `json:"id"`
	ID2   map[string]any `json:"id2"`
	Args  map[string]any `json:"args"`
}

func write(t *testing.T, tr *trace.Trace, p *devices.Platform) ([]byte, []event) {
	var out bytes.Buffer
	require.NoError(t, Write(&out, tr, p))
	var file struct {
		DisplayTimeUnit string
		TraceEvents     []event
	}
	d := json.NewDecoder(bytes.NewReader(out.Bytes()))
	require.NoError(t, d.Decode(&file))
	return out.Bytes(), file.TraceEvents
}

// simulate runs four requests of a random network whose blocks and samples are spread over a random platform.
func simulate(t *testing.T, seed uint64) (*sim.Result, *devices.Platform) {
	rng := rand.New(rand.NewPCG(seed, 1))
	p := conformance.RandomPlatform(rng)
	for j := range p.Nodes {
		p.Nodes[j].Memory = 1 << 40
	}
	g := conformance.RandomGraph(rng)
	var made *plan.Plan
	for try := 0; made == nil; try++ {
		b := plan.NewBuilder("random", plan.Problem{Graph: g, Batch: 2, Leader: p.Leader}, plan.NewBelief(p))
		for _, block := range g.Blocks() {
			for sample := range 2 {
				j := p.Leader
				if try < 20 {
					j = rng.IntN(len(p.Nodes))
				}
				s := workloads.Slice{From: block.From, To: block.To, Out: g.Full(block.To-1, 2)}
				s = g.Strip(s, tensor.Sample, workloads.Range{Lo: sample, Hi: sample + 1})
				b.Compute(j, rng.IntN(len(p.Nodes[j].Clusters)), s)
			}
		}
		made, _ = b.Finish()
	}
	source, err := workloads.Poisson{Rate: 100}.Source(seed, workloads.Mix{}, workloads.Limit{Requests: 4})
	require.NoError(t, err)
	cfg := sim.Config{Truth: p, Arrivals: source, TraceLimit: -1}
	if rng.IntN(3) == 0 {
		cfg.Faults.Nodes = []sim.NodeLoss{{At: 20 * time.Millisecond, Node: rng.IntN(len(p.Nodes))}}
	}
	r, err := sim.RunPlan(context.Background(), cfg, made, g)
	require.NoError(t, err)
	return r, p
}

// What viewers ask of a file: slices of a thread do not overlap, arrows have two ends inside slices, tracks nest, counters are
// never negative and every thread has a name.
func TestFilesAreWhatViewersExpect(t *testing.T) {
	for seed := range uint64(60) {
		r, p := simulate(t, seed)
		_, events := write(t, r.Trace, p)
		type thread struct{ pid, tid int }
		slicesOf, named := map[thread][]event{}, map[thread]bool{}
		arrows, depth := map[int]int{}, map[string]int{}
		for _, e := range events {
			at := thread{e.PID, e.TID}
			switch e.Phase {
			case "M":
				named[at] = named[at] || e.Name == "thread_name"
			case "X":
				slicesOf[at] = append(slicesOf[at], e)
			case "s", "f":
				arrows[*e.ID]++
			case "b":
				depth[e.ID2["local"].(string)]++
			case "e":
				depth[e.ID2["local"].(string)]--
			case "C":
				for _, v := range e.Args {
					require.GreaterOrEqual(t, v.(float64), 0.0)
				}
			}
		}
		for _, n := range arrows {
			require.Equal(t, 2, n)
		}
		for _, n := range depth {
			require.Zero(t, n)
		}
		for at, list := range slicesOf {
			require.True(t, named[at], "seed %d: thread %v has no name", seed, at)
			slices.SortStableFunc(list, func(a, b event) int { return int((a.TS - b.TS) * 1000) })
			for i := 1; i < len(list); i++ {
				require.LessOrEqual(t, list[i-1].TS+list[i-1].Dur, list[i].TS+1e-6, "seed %d: slices of thread %v overlap", seed, at)
			}
		}
		require.Len(t, arrows, len(r.Trace.Transfers)-wasted(r.Trace))
	}
}

func wasted(t *trace.Trace) int {
	n := 0
	for _, m := range t.Transfers {
		if m.Wasted {
			n++
		}
	}
	return n
}

// The power counter's integral is the energy of the node.
func TestPowerAddsUpToTheEnergy(t *testing.T) {
	for seed := range uint64(40) {
		r, p := simulate(t, seed)
		_, events := write(t, r.Trace, p)
		for j, n := range r.Nodes {
			if n.Lost {
				continue
			}
			joules, watts, since := 0.0, 0.0, 0.0
			for _, e := range append(events, event{Phase: "C", Name: "power", PID: j, TS: float64(r.Makespan) / 1000}) {
				if e.Phase == "C" && e.Name == "power" && e.PID == j {
					joules += watts * (e.TS - since) / 1e6
					since = e.TS
					watts, _ = e.Args["W"].(float64)
				}
			}
			require.InEpsilon(t, n.Energy(), joules, 1e-6, "seed %d node %d", seed, j)
		}
	}
}

// byHand is two nodes and two requests: the first takes one op here, a message and one op there, the second fails on the way.
func byHand() (*trace.Trace, *devices.Platform) {
	p := &devices.Platform{Nodes: []devices.Node{
		{Name: "a", Board: "jetson-nano", Runtime: "ncnn/fp16", IdlePower: 1.25, NICPower: 0.5, Clusters: []devices.Cluster{{Name: "gpu", ActivePower: 5}}},
		{Name: "b", IdlePower: 2, NICPower: 0.5, Clusters: []devices.Cluster{{Name: "little", ActivePower: 1}, {Name: "big", ActivePower: 3}}}}}
	rows := tensor.Box{{Hi: 1}, {Hi: 16}, {Lo: 3, Hi: 7}, {Hi: 5}, {Hi: 1}, {Hi: 1}}
	made := &plan.Plan{Model: "net", Ops: []plan.Op{
		{Kind: plan.Compute, Slice: workloads.Slice{From: 1, To: 4, Out: rows}},
		{Kind: plan.Send, To: 1, Part: workloads.Part{Layer: 3, Box: rows}, After: []int{0}},
		{Kind: plan.Compute, Node: 1, Cluster: 1, Slice: workloads.Slice{From: 4, To: 5, Out: rows}, After: []int{1}}}}
	return &trace.Trace{Plans: []*plan.Plan{made},
		Computes: []trace.Compute{{End: 1500, Work: 1500}, {Request: 1, Ready: 200, Start: 1500, End: 2100, Work: 1500, Wasted: true},
			{Op: 2, Node: 1, Cluster: 1, Ready: 9000, Start: 9000, End: 12_001, Work: 3001}},
		Transfers: []trace.Transfer{{Op: 1, To: 1, Bytes: 1000, Ready: 1500, Start: 2000, End: 8000, Arrive: 9000}},
		Phases: []trace.Phase{{Node: 0, Name: "explore"}, {Node: 1, Name: "idle", End: 9000}, {Node: 1, Name: "execute", Start: 9000, End: 12_001},
			{Name: "execute", End: 12_001}, {Request: 1, Name: "map", Start: 200, End: 1500}},
		Requests: []trace.Request{{ID: 1, Arrival: 200, Planned: 200, Finish: 2100, Failed: `node "b" lost`}, {Finish: 12_001}}}, p
}

func TestGolden(t *testing.T) {
	tr, p := byHand()
	got, _ := write(t, tr, p)
	golden := filepath.Join("testdata", "byhand.json")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(golden, got, 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriteErrorsAreReturned(t *testing.T) {
	r, p := simulate(t, 3)
	require.ErrorContains(t, Write(full{}, r.Trace, p), "disk full")
}
