package hidp

import (
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/strategies"
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
			s := build(b, Entry(), nil)
			for b.Loop() {
				_, err := s.Plan(strategies.Request{Graph: g, Batch: 1, Leader: p.Leader}, strategies.NewBelief(p))
				require.NoError(b, err)
			}
		})
	}
}
