package experiments

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/sim/trace"
	"hidp/strategies/plan"
	"hidp/workloads"
	"hidp/workloads/zoo"
)

func lone(t *testing.T, platform, model, strategy string) *Scenario {
	p, err := devices.Open(platform)
	require.NoError(t, err)
	g, err := zoo.Get(model)
	require.NoError(t, err)
	return Lone(p, g, strategy, nil, 1, nil)
}

// Two boards under MoDNN are slower than one: the cause is named, and every row of the table is what the changed scenario gives.
func TestTwoBoardsSlowerThanOneAreExplained(t *testing.T) {
	s := lone(t, "paper-wlan-2", "inception_v3", "modnn")
	x, err := s.Explain(context.Background(), Overrides{})
	require.NoError(t, err)
	require.Contains(t, x.Cause, "% the network")
	require.Contains(t, x.Cause, s.Platform.Nodes[s.Platform.Leader].Name+" alone would be faster by")
	share := 0.0
	for _, p := range x.Time {
		share += p.Share
	}
	require.InDelta(t, 1, share, 1e-9)
	require.Zero(t, x.Path[0].Start)
	require.InDelta(t, x.Summary.Latency.Mean, x.Path[len(x.Path)-1].End, 1e-9)

	rows := map[string]WhatIf{}
	for _, r := range x.WhatIf {
		rows[r.Change] = r
	}
	again := func(change string, p *devices.Platform, err error) {
		require.NoError(t, err)
		c := *s
		c.Platform = p
		out, err := c.Run(context.Background(), Overrides{})
		require.NoError(t, err)
		require.Contains(t, rows, change)
		require.Equal(t, out.Summary.Latency.Mean, float64(rows[change].Latency), change)
		require.Equal(t, out.Summary.EnergyServing, rows[change].Energy, change)
		require.Equal(t, out.Summary.Throughput, rows[change].Throughput, change)
	}
	leader := s.Platform.Nodes[s.Platform.Leader].Name
	again("as it is", s.Platform, nil)
	p, err := s.Platform.Subset(leader)
	again(leader+" alone", p, err)
	p, err = s.Platform.WithNetworkScaled(10)
	again("a network 10 times as fast", p, err)
	p, err = s.Platform.WithAnother(leader)
	again("one more "+s.Platform.Nodes[s.Platform.Leader].Board, p, err)
}

// A plan is explained as it is, and on a faster network it stays the plan that it is. Where boards come or go its strategy plans.
func TestPlansAreExplained(t *testing.T) {
	s := lone(t, "paper-gbe-3", "vgg19", "modnn")
	strategy, _, err := new(Shared).strategy("modnn", nil, 1, s.Platform)
	require.NoError(t, err)
	plan, err := strategy.Plan(plan.Problem{Graph: s.Models[0], Batch: 1, Leader: s.Platform.Leader}, plan.NewBelief(s.Platform))
	require.NoError(t, err)
	want, err := s.Explain(context.Background(), Overrides{})
	require.NoError(t, err)
	fixed := Lone(s.Platform, s.Models[0], "modnn", nil, 1, plan)
	got, err := fixed.Explain(context.Background(), Overrides{})
	require.NoError(t, err)
	require.Equal(t, want.Time, got.Time)
	require.Equal(t, want.Path, got.Path)
	require.Len(t, got.WhatIf, len(want.WhatIf))

	unknown := Lone(s.Platform, s.Models[0], "by-hand", nil, 1, plan)
	got, err = unknown.Explain(context.Background(), Overrides{})
	require.NoError(t, err)
	for _, r := range got.WhatIf {
		switch r.Change {
		case "as it is", "a network 2 times as fast", "a network 10 times as fast":
			require.Empty(t, r.Failure, r.Change)
		default:
			require.Contains(t, r.Failure, "by-hand", r.Change)
			require.False(t, r.Latency.Known(), r.Change)
		}
	}
}

// Under load, requests wait for each other: that is told apart from computing.
func TestLoadIsExplained(t *testing.T) {
	s := lone(t, "board:jetson-tx2", "resnet50", "single-gpu")
	s.Arrivals, s.Limit = Arrivals{Kind: Closed, Clients: 4}, workloads.Limit{Requests: 40}
	x, err := s.Explain(context.Background(), Overrides{})
	require.NoError(t, err)
	require.Equal(t, 40, x.Served)
	shares := map[trace.Part]float64{}
	for _, p := range x.Time {
		shares[p.Part] += p.Share
	}
	require.InDelta(t, 0.74, shares[trace.Queueing], 0.02, "three of four requests wait, but at the start")
	require.Contains(t, x.Cause, "waiting for other ops and messages")
}
