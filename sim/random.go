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
	streams map[[2]int32]*stream
}

// stream is the random numbers of one pair.
type stream struct {
	rand  *rand.Rand
	drawn int64
}

func (s *stream) next() float64 {
	s.drawn++
	return s.rand.ExpFloat64()
}

// exponential draws from the pair's exponential distribution of the given mean.
func (n *noise) exponential(from, to int32, mean time.Duration) time.Duration {
	return devices.RoundDuration(float64(n.stream([2]int32{from, to}).next() * mean.Seconds()))
}

func (n *noise) stream(pair [2]int32) *stream {
	s := n.streams[pair]
	if s == nil {
		if n.streams == nil {
			n.streams = map[[2]int32]*stream{}
		}
		s = &stream{rand: workloads.Stream(n.seed, "latency "+n.nodes[pair[0]].Name+" > "+n.nodes[pair[1]].Name)}
		n.streams[pair] = s
	}
	return s
}
