package workloads

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Replications of neighbouring seeds are all different, and the first is the seed itself.
func TestReplicationsShareNothing(t *testing.T) {
	seen := map[uint64]bool{}
	for seed := range uint64(200) {
		require.Equal(t, seed, Replicate(seed, 0))
		for n := range 200 {
			s := Replicate(seed, n)
			require.False(t, seen[s], "seed %d replication %d", seed, n)
			seen[s] = true
		}
	}
	require.Equal(t, uint64(0xe220a8397b1dcdaf), splitMix(0), "the first output of SplitMix64 with seed 0")
}
