package sim

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Of capacity changes that overlap the least holds, in whatever order they are listed, and each ends when it should.
func TestOverlappingFaultsDoNotDependOnTheirOrder(t *testing.T) {
	p, g, plan := relay(t)
	full := p.Network.Resources[0].Capacity
	faults := []CapacityChange{{Resource: 0, From: 0, To: 100 * ms, Capacity: full / 50}, {Resource: 0, From: 11 * ms, To: 40 * ms, Capacity: full / 2},
		{Resource: 0, From: 30 * ms, To: 60 * ms, Capacity: 0}}
	var want time.Duration
	for i := range 2 {
		slices.Reverse(faults)
		r := runPlan(t, Config{Truth: p, Arrivals: once(), Faults: Faults{Resources: slices.Clone(faults)}}, plan, g)
		if i == 0 {
			want = r.Makespan
		}
		require.Equal(t, want, r.Makespan)
	}
	// 1 kB takes 1 ms at full rate. It starts at 10 ms: until 30 ms at a fiftieth 0.4 of it, nothing until 60 ms, at a fiftieth 0.6 in 30 ms more.
	// Then 1 ms of latency, 10 ms of work, and 2 ms back over another resource.
	require.Equal(t, (10+20+30+30+1+10+2)*ms, want)
}
