package submodel

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/strategies"
	"hidp/strategies/catalog"
	"hidp/strategies/conformance"
	"hidp/strategies/plan"
	"hidp/testbed/inference"
	"hidp/workloads"
	"hidp/workloads/zoo"
)

// methods are strategies with options that give different kinds of plans.
func methods() map[string]strategies.Options {
	return map[string]strategies.Options{"hidp": nil, "modnn": {"sync": "block"}, "disnet": nil, "omniboost": nil, "single-best": nil}
}

// planned returns the plan of a method.
func planned(t testing.TB, name string, o strategies.Options, g *workloads.Graph, plat *devices.Platform, batch int) (*plan.Plan, error) {
	s, err := catalog.New(name, o)
	require.NoError(t, err)
	return s.Plan(plan.Problem{Graph: g, Batch: batch, Leader: plat.Leader}, plan.NewBelief(plat))
}

// The plans of the strategies on the paper's boards give the answer of the network whole.
func TestPlansOnThePaperPlatform(t *testing.T) {
	engine := ort(t)
	plat, err := devices.Open("paper-wlan")
	require.NoError(t, err)
	for model, batch := range map[string]int{"mobilenet_v2": 1, "efficientnet_b0": 1, "resnet18": 1, "squeezenet1_1": 3} {
		g, err := zoo.Get(model)
		require.NoError(t, err)
		r := &Runner{Source: exported(t, g), Engine: engine}
		in := inputOf(g, batch)
		want, err := r.Unsplit(in)
		require.NoError(t, err)
		for name, options := range methods() {
			t.Run(model+"/"+name, func(t *testing.T) {
				p, err := planned(t, name, options, g, plat, batch)
				require.NoError(t, err)
				require.True(t, p.Exact())
				got, err := r.ExecutePlan(p, in)
				require.NoError(t, err)
				d := difference(t, want, got)
				require.LessOrEqual(t, d, tolerance)
				if name != "modnn" { // which alone splits rows here, down to maps of few
					require.Zero(t, d)
				}
			})
		}
	}
}

// The plans of all strategies for random networks on random platforms, which split much more, in the reference engine.
func TestPlansOnRandomPlatforms(t *testing.T) {
	dir := t.TempDir()
	split := 0
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 9))
		src := randomSource(t, dir, rng)
		g := src.Graph
		plat := conformance.RandomPlatform(rng)
		batch := 1 + rng.IntN(3)
		r := &Runner{Source: src, Engine: inference.Reference{}, Keep: true}
		in := inputOf(g, batch)
		want, err := r.Unsplit(in)
		require.NoError(t, err)
		for name, options := range methods() {
			p, err := planned(t, name, options, g, plat, batch)
			if infeasible := (*plan.InfeasibleError)(nil); errors.As(err, &infeasible) {
				continue
			}
			require.NoError(t, err)
			got, err := r.ExecutePlan(p, in)
			require.NoError(t, err, "seed %d, %s", seed, name)
			require.LessOrEqual(t, difference(t, want, got), tolerance, "seed %d, %s", seed, name)
			if len(p.Ops) > 3 {
				split++
			}
		}
		require.NoError(t, r.Close())
		require.NoError(t, src.Close())
	}
	require.Greater(t, split, 20, "too few of the plans are partitions")
}

// Plans that ignore halos run, give numbers of the right shape, and, as they must, not the network's answer.
func TestPlansThatIgnoreHalos(t *testing.T) {
	engine := ort(t)
	plat := conformance.Boards(1e9, 1, 1, 1)
	for _, model := range []string{"mobilenet_v2", "efficientnet_b0", "googlenet"} {
		g, err := zoo.Get(model)
		require.NoError(t, err)
		src := exported(t, g)
		r := &Runner{Source: src, Engine: engine}
		in := inputOf(g, 1)
		want, err := r.Unsplit(in)
		require.NoError(t, err)
		for _, sync := range []string{"once", "block"} {
			p, err := planned(t, "modnn", strategies.Options{"halo": "ignore", "sync": sync}, g, plat, 1)
			require.NoError(t, err)
			require.False(t, p.Exact())
			got, err := r.ExecutePlan(p, in)
			require.NoError(t, err, "%s, %s", model, sync)
			a, err := src.Compare(want, got)
			require.NoError(t, err)
			require.False(t, a.OK())
			require.False(t, math.IsInf(a.Difference, 0))
		}
	}
}

// A user's file with its real weights, split over three boards with fast links by rows and by layers, gives the answer of the file.
func TestRealFileOnThreeBoards(t *testing.T) {
	engine := ort(t)
	src := fetched(t, "ocr/ch_PP-OCRv4_det_infer.onnx", []int{1, 3, 320, 320})
	g := src.Graph
	plat := conformance.Boards(1e9, 1, 1.5, 2)
	in := inputOf(g, 1)
	r := &Runner{Source: src, Engine: engine, Options: inference.Options{Threads: 2}}
	want, err := r.Unsplit(in)
	require.NoError(t, err)
	for name, options := range methods() {
		p, err := planned(t, name, options, g, plat, 1)
		require.NoError(t, err)
		if name == "modnn" || name == "hidp" || name == "disnet" {
			require.Equal(t, []bool{true, true, true}, p.Nodes(3), name)
		}
		got, err := r.ExecutePlan(p, in)
		require.NoError(t, err, name)
		a, err := src.Compare(want, got)
		require.NoError(t, err)
		require.LessOrEqual(t, a.Relative(), tolerance, name)
		require.True(t, a.OK())
	}
}

// A plan that reads what nobody has put there ends with an error that names the op.
func TestImpossiblePlan(t *testing.T) {
	g, err := zoo.Get("squeezenet1_1")
	require.NoError(t, err)
	r := &Runner{Source: exported(t, head(t, g)), Engine: inference.Reference{}}
	g = r.Source.Graph
	p := &plan.Plan{Batch: 1, Ops: []plan.Op{{Kind: plan.Send, To: 1, Part: g.Tensor(2, 1)}}}
	_, err = r.ExecutePlan(p, inputOf(g, 1))
	require.ErrorContains(t, err, "op 0: layer 2 of squeezenet1_1, samples [0,1): ")
	p.Ops[0] = plan.Op{Kind: plan.Compute, Slice: whole(g, 3, 2, 1)}
	_, err = r.ExecutePlan(p, inputOf(g, 1))
	require.ErrorContains(t, err, "op 0: ")
}
