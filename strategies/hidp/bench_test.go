package hidp

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/strategies/plan"
	"hidp/workloads/zoo"
)

// BenchmarkPlan plans on five boards from nothing: the belief's prices are made anew each time.
func BenchmarkPlan(b *testing.B) {
	for _, name := range []string{"resnet152", "vgg19", "inception_v3", "efficientnet_b0"} {
		g, err := zoo.Get(name)
		require.NoError(b, err)
		p, err := devices.Open("paper-wlan")
		require.NoError(b, err)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				s := build(b, Entry(), nil) // with nothing worked out
				_, err := s.Plan(plan.Problem{Graph: g, Batch: 1, Leader: p.Leader}, plan.NewBelief(p))
				require.NoError(b, err)
			}
		})
	}
}

// BenchmarkReplan plans around a backlog with what earlier requests have worked out.
func BenchmarkReplan(b *testing.B) {
	g, err := zoo.Get("resnet152")
	require.NoError(b, err)
	p, err := devices.Open("paper-wlan")
	require.NoError(b, err)
	s, belief := build(b, Entry(), nil), plan.NewBelief(p)
	for j := range p.Nodes {
		belief.Backlog = append(belief.Backlog, make([]time.Duration, p.Nodes[j].Physical))
	}
	for i := 0; b.Loop(); i++ {
		belief.Backlog[1][1] = time.Duration(i%200+1) * time.Millisecond
		_, err := s.Plan(plan.Problem{Graph: g, Batch: 1, Leader: p.Leader}, belief)
		require.NoError(b, err)
	}
}
