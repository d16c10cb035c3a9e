package host

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/strategies/conformance"
	"hidp/strategies/plan"
	"hidp/testbed/control"
	"hidp/testbed/inference"
	"hidp/testbed/submodel"
	"hidp/workloads"
	"hidp/workloads/tensor"
)

// scene is a plan on a platform with the network that it is of.
type scene struct {
	platform *devices.Platform
	graph    *workloads.Graph
	plan     *plan.Plan
	source   *submodel.Source
	input    inference.Tensor
	want     inference.Tensor
}

// newScene returns a plan that splits a small network over so many nodes, by rows where that can be done, with the answer.
func newScene(t testing.TB, nodes int, seed uint64) *scene {
	s := &scene{platform: conformance.Boards(1e6, slices.Repeat([]float64{1}, nodes)...)}
	for ; s.plan == nil; seed++ {
		rng := rand.New(rand.NewPCG(seed, 1))
		source, err := submodel.FromGraph(conformance.RandomGraph(rng), t.TempDir(), 1)
		require.NoError(t, err)
		s.graph = source.Graph
		plan := spread(s.graph, s.platform)
		if plan == nil || !uses(plan, nodes) {
			source.Close()
			continue
		}
		s.plan, s.source = plan, source
		t.Cleanup(func() { source.Close() })
	}
	s.input = inference.NewTensor(submodel.Shape(s.graph, s.graph.Tensor(0, 1))...)
	rng := rand.New(rand.NewPCG(2, 2))
	for i := range s.input.Data {
		s.input.Data[i] = rng.Float32()
	}
	var err error
	s.want, err = (&submodel.Runner{Source: s.source, Engine: inference.Reference{}}).ExecutePlan(s.plan, s.input)
	require.NoError(t, err)
	return s
}

// spread places the halves of blocks in turn.
func spread(g *workloads.Graph, p *devices.Platform) *plan.Plan {
	b := plan.NewBuilder("spread", plan.Problem{Graph: g, Batch: 1, Leader: 0}, plan.NewBelief(p))
	turn := 0
	for _, block := range g.Blocks() {
		full := workloads.Slice{From: block.From, To: block.To, Out: g.Full(block.To-1, 1)}
		parts := []workloads.Slice{full}
		if rows := g.Rows(block.To - 1); rows > 1 {
			top := g.Strip(full, tensor.Row, workloads.Range{Hi: rows / 2})
			bottom := g.Strip(full, tensor.Row, workloads.Range{Lo: rows / 2, Hi: rows})
			if g.Check(top, 1) == nil && g.Check(bottom, 1) == nil {
				parts = []workloads.Slice{top, bottom}
			}
		}
		for _, part := range parts {
			j := turn % len(p.Nodes)
			b.Compute(j, turn%len(p.Nodes[j].Clusters), part)
			turn++
		}
	}
	plan, err := b.Finish()
	if err != nil {
		return nil
	}
	return plan
}

func uses(p *plan.Plan, nodes int) bool {
	for _, in := range p.Nodes(nodes) {
		if !in {
			return false
		}
	}
	return true
}

// opening returns the Open of node j, and puts the files that it names on the board if there is one.
func (s *scene) opening(t testing.TB, j int, b *board) *control.Open {
	platform, err := json.Marshal(s.platform)
	require.NoError(t, err)
	graph, err := json.Marshal(s.graph)
	require.NoError(t, err)
	p, err := plan.Encode(s.plan, s.graph, s.platform)
	require.NoError(t, err)
	spec := &control.PlanSpec{Plan: p, Graph: graph, WeightsName: "weights.bin"}
	pack := submodel.NewPack(spec.WeightsName)
	file := func(data []byte) *control.File {
		if b == nil {
			sum := sha256.Sum256(data)
			return &control.File{Digest: sum[:], Size: int64(len(data))}
		}
		f, err := put(t, b.client, data, 1000)
		require.NoError(t, err)
		return f
	}
	for i := range s.plan.Ops {
		if op := &s.plan.Ops[i]; op.Kind == plan.Compute && op.Node == j {
			sub, err := s.source.Cut(op.Slice)
			require.NoError(t, err)
			data, err := sub.Bytes(pack)
			require.NoError(t, err)
			spec.Ops = append(spec.Ops, &control.OpSpec{Op: int32(i), Model: file(data), Repeat: int32(sub.Repeat), Work: int64(time.Millisecond)})
		}
	}
	var weights bytes.Buffer
	_, err = pack.WriteTo(&weights)
	require.NoError(t, err)
	spec.Weights = file(weights.Bytes())
	o := &control.Open{Session: "s", Token: "t", Holder: "the test", Node: s.platform.Nodes[j].Name, Platform: platform, Plans: []*control.PlanSpec{spec}, Alone: true}
	for _, c := range s.platform.Nodes[j].Clusters {
		o.Clusters = append(o.Clusters, &control.ClusterSpec{Name: c.Name})
	}
	return o
}
