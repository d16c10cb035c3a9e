package sim

import (
	"math/rand/v2"
	"time"

	"hidp/devices"
	"hidp/workloads"
)

// noise is the random part of latencies. Every ordered pair of nodes has its own stream, so that the n-th message from one to
// another meets the same delay whatever else a strategy does, and whatever other nodes there are.
type noise struct {
	seed    uint64
	nodes   []devices.Node
	streams map[[2]int32]*rand.Rand
}

// exponential draws from the pair's exponential distribution of the given mean.
func (n *noise) exponential(from, to int32, mean time.Duration) time.Duration {
	pair := [2]int32{from, to}
	r, ok := n.streams[pair]
	if !ok {
		if n.streams == nil {
			n.streams = map[[2]int32]*rand.Rand{}
		}
		r = workloads.Stream(n.seed, "latency "+n.nodes[from].Name+" > "+n.nodes[to].Name)
		n.streams[pair] = r
	}
	return devices.RoundDuration(float64(r.ExpFloat64() * mean.Seconds()))
}
