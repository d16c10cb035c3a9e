package workloads

import (
	"hash/fnv"
	"math/rand/v2"
)

// Stream returns the random numbers of one purpose: a PCG generator whose two seed words are seed and the 64-bit FNV-1a hash of
// purpose. Every use of chance in the project names its purpose ("arrivals", "mix", "link wifi jitter"), so that drawing more
// numbers for one, or none, leaves the others as they are: two strategies under one seed see the same arrivals.
func Stream(seed uint64, purpose string) *rand.Rand {
	s := new(stream)
	return s.start(seed, purpose)
}

// stream is the memory of a Stream.
type stream struct {
	pcg  rand.PCG
	rand rand.Rand
}

// start begins the stream of a purpose in s.
func (s *stream) start(seed uint64, purpose string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(purpose))
	s.pcg.Seed(seed, h.Sum64())
	s.rand = *rand.New(&s.pcg)
	return &s.rand
}

// Replicate returns the seed of a replication of a run: the run's own for replication 0, else a hash of both. Runs under neighbouring
// seeds share no replication, and every replication can be repeated alone from the seed and its number.
func Replicate(seed uint64, replication int) uint64 {
	if replication == 0 {
		return seed
	}
	return splitMix(splitMix(seed) + uint64(replication))
}

// splitMix is one step of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), a bijection that spreads every bit over all.
func splitMix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
