package sim

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hidp/strategies/plan"
	"hidp/workloads"
)

// greedy puts the whole network on the cluster that is free first, by the backlog it is told of.
type greedy struct {
	t     *testing.T
	seen  [][][]time.Duration
	plans int
}

func (*greedy) UsesBacklog() bool { return true }

func (s *greedy) Plan(r plan.Problem, b *plan.Belief) (*plan.Plan, error) {
	s.plans++
	s.seen = append(s.seen, b.Backlog)
	best := at{0, 0}
	for j := range b.Platform.Nodes {
		for k := range b.Platform.Nodes[j].Clusters {
			if b.Queued(j, k) < b.Queued(best.node, best.cluster) && (j == r.Leader || b.Platform.Network.Connected(r.Leader, j)) {
				best = at{j, k}
			}
		}
	}
	return chainPlan(s.t, b.Platform, r.Graph, r.Leader, best), nil
}

func TestLoadedStrategiesSeeTheBacklog(t *testing.T) {
	p := plainPlatform(2, 1)
	g := tasks(t, 400, 64e6)
	s := &greedy{t: t}
	r, err := Run(context.Background(), Config{Truth: p, Strategy: s, Models: []*workloads.Graph{g}, Arrivals: every(16*ms, 3), Records: true})
	require.NoError(t, err)
	require.Equal(t, int64(3), r.Completed)
	d := func(x int) time.Duration { return coarse(time.Duration(x) * ms) }
	require.Equal(t, [][]time.Duration{{0, 0}, {0}}, s.seen[0])
	require.Equal(t, [][]time.Duration{{d(48), 0}, {0}}, s.seen[1], "16 ms of 64 are done")
	require.Equal(t, [][]time.Duration{{d(32), d(48)}, {0}}, s.seen[2])
	require.Equal(t, 64*ms, r.Nodes[1].Clusters[0].Busy)
	for _, n := range r.Nodes {
		require.True(t, n.Participated)
	}
}

// Requests that meet the same backlog share a plan; the backlog is empty again when all is done.
func TestLoadedPlansAreReused(t *testing.T) {
	p := plainPlatform(2, 1)
	g := tasks(t, 400, 64e6)
	s := &greedy{t: t}
	r, err := Run(context.Background(), Config{Truth: p, Strategy: s, Models: []*workloads.Graph{g}, Arrivals: every(40*ms, 1000)})
	require.NoError(t, err)
	require.Equal(t, int64(1000), r.Completed)
	require.Less(t, s.plans, 10)
}

// Booking and clearing must balance, also where requests fail: after any run nothing is queued.
func TestBacklogBalances(t *testing.T) {
	for seed := range uint64(200) {
		cfg := randomRun(seed)
		cfg.Strategy = loadedPlans{cfg.Strategy.(planPerModel)}
		s := newSimulation(cfg)
		require.NoError(t, s.loop(context.Background()))
		for j := range s.nodes {
			for k, d := range s.nodes[j].queued {
				require.Zero(t, d, "seed %d node %d cluster %d", seed, j, k)
			}
			if !s.nodes[j].lost {
				weights := int64(0)
				for _, g := range cfg.Models {
					if w := s.nodes[j].holds(g); w != nil {
						for l := range w.boxes {
							weights += g.Weights(workloads.Part{Layer: l, Box: w.boxes[l]})
						}
					}
				}
				require.Equal(t, weights, s.nodes[j].memory, "seed %d node %d: only weights stay", seed, j)
			}
		}
	}
}

type loadedPlans struct{ planPerModel }

func (loadedPlans) UsesBacklog() bool { return true }

func TestCoarseKeepsThreeBits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "d"))
		c := coarse(d)
		if d < 500*time.Microsecond {
			require.Zero(t, c)
			return
		}
		require.LessOrEqual(t, (c - d).Abs(), d/8)
		require.Equal(t, c, coarse(c))
	})
}
