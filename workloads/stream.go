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
