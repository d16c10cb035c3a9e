package node

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/strategies/conformance"
	"hidp/strategies/plan"
	"hidp/workloads"
	"hidp/workloads/tensor"
)

// Machines that hear of completions and arrivals in any order execute every op of every request exactly once, never before what
// it waits for, never two at a time on a cluster, and all come to an end: there is no deadlock, groups or not.
func TestAnyOrderOfInputsRunsEveryPlanToItsEnd(t *testing.T) {
	for seed := range uint64(400) {
		rng := rand.New(rand.NewPCG(seed, 3))
		p := conformance.RandomPlatform(rng)
		w := world{t: t, rng: rng, platform: p, done: map[[2]int64]bool{}}
		for j := range p.Nodes {
			w.machines = append(w.machines, New(&p.Nodes[j], rng.IntN(2) == 0))
			w.handles = append(w.handles, map[int64]Handle{})
			w.owner = append(w.owner, map[Handle]int64{})
		}
		for id := range int64(1 + rng.IntN(6)) {
			w.plans = append(w.plans, randomPlan(rng, p))
			w.admit(id)
		}
		w.run()
		for id, plan := range w.plans {
			for i := range plan.Ops {
				require.True(t, w.done[[2]int64{int64(id), int64(i)}], "seed %d: op %d of request %d was not done", seed, i, id)
			}
		}
		for j, m := range w.machines {
			require.Empty(t, m.Live(nil), "seed %d node %d", seed, j)
			require.Zero(t, m.Busy())
		}
	}
}

// randomPlan places the blocks of a random network at random; it falls back on the leader where links are missing.
func randomPlan(rng *rand.Rand, p *devices.Platform) *plan.Plan {
	g := conformance.RandomGraph(rng)
	for try := 0; ; try++ {
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
		if plan, err := b.Finish(); err == nil {
			return plan
		}
	}
}

// world drives machines without a clock: of everything that may happen next, any may.
type world struct {
	t        *testing.T
	rng      *rand.Rand
	platform *devices.Platform
	machines []*Machine
	plans    []*plan.Plan
	handles  []map[int64]Handle // by node and request
	owner    []map[Handle]int64
	pending  []happening
	done     map[[2]int64]bool // request and op
}

// happening is something that may happen next: an op that ends, or a tensor that arrives.
type happening struct {
	node    int
	cluster int // or -1: the tensor of op
	request int64
	op      int
}

func (w *world) admit(id int64) {
	prog, err := Compile(w.plans[id])
	require.NoError(w.t, err)
	for i := range prog.Parts {
		part := &prog.Parts[i]
		m := w.machines[part.Node]
		var h Handle
		if part.Leads {
			h = begin(m, id, prog)
		} else {
			h = m.Join(id, part)
		}
		w.handles[part.Node][id], w.owner[part.Node][h] = h, id
	}
}

func (w *world) run() {
	for j := range w.machines {
		w.act(j)
	}
	for len(w.pending) > 0 {
		i := w.rng.IntN(len(w.pending))
		x := w.pending[i]
		w.pending = slices.Delete(w.pending, i, i+1)
		key := [2]int64{x.request, int64(x.op)}
		require.False(w.t, w.done[key], "op %d of request %d was done twice", x.op, x.request)
		w.done[key] = true
		if x.cluster >= 0 {
			w.machines[x.node].OpDone(x.cluster)
		} else if !w.machines[x.node].TensorArrived(w.handles[x.node][x.request], x.op) {
			require.Empty(w.t, w.machines[x.node].Next(nil))
		}
		w.act(x.node)
	}
}

// act carries out what machine j asks for, as far as it can be done at once.
func (w *world) act(j int) {
	for _, a := range w.machines[j].Next(nil) {
		if a.Kind != StartOp && a.Kind != SendTensor {
			continue
		}
		id := w.owner[j][a.Handle]
		o := &w.plans[id].Ops[a.Op]
		for _, after := range o.After {
			require.True(w.t, w.done[[2]int64{id, int64(after)}], "op %d of request %d started before op %d", a.Op, id, after)
		}
		require.Equal(w.t, j, o.Node)
		if a.Kind == SendTensor {
			w.pending = append(w.pending, happening{o.To, -1, id, int(a.Op)})
			continue
		}
		mask := w.platform.Nodes[j].Clusters[a.Cluster].Mask
		for _, x := range w.pending {
			if x.node == j && x.cluster >= 0 {
				require.Zero(w.t, mask&w.platform.Nodes[j].Clusters[x.cluster].Mask, "two ops on a cluster")
			}
		}
		w.pending = append(w.pending, happening{j, int(a.Cluster), id, int(a.Op)})
	}
}
