package omniboost

import (
	"math"
	"math/rand/v2"
	"slices"
)

// vertex is a prefix of mappings: the device of its last block, and what the simulations through it were worth.
type vertex struct {
	children []int // by device: index of the vertex, 0 while there is none (0 is the root, nobody's child)
	visits   int
	total    float64
}

// search is a Monte Carlo tree search over the devices of a chain's blocks, first block first.
type search struct {
	e       *estimator
	explore float64
	rng     *rand.Rand
	tree    []vertex
	unit    float64 // period of the mapping without a pipeline
	mapping []int
	used    []bool // by device: holds a stage of the current prefix
	legal   []int  // scratch
	best    []int
	least   float64
}

func newSearch(e *estimator, explore float64, rng *rand.Rand) *search {
	s := &search{e: e, explore: explore, rng: rng, mapping: make([]int, len(e.chain)), used: make([]bool, len(e.devices))}
	s.tree = []vertex{{children: make([]int, len(e.devices))}}
	s.best = slices.Repeat([]int{e.home}, len(e.chain))
	s.unit = e.period(s.best)
	s.least = s.unit
	return s
}

// run tries budget mappings and returns the best ever seen.
func (s *search) run(budget int) []int {
	var path []int
	for range budget {
		clear(s.used)
		path = append(path[:0], 0)
		depth := s.descend(&path)
		s.rollout(depth)
		period := s.e.period(s.mapping)
		if period < s.least {
			s.least = period
			copy(s.best, s.mapping)
		}
		worth := s.unit / (s.unit + period) // in (0,1): a half for the default framework, more for what is faster
		for _, v := range path {
			s.tree[v].visits++
			s.tree[v].total += worth
		}
	}
	return s.best
}

// descend follows the tree by upper confidence bounds to a prefix with an untried device, adds it and returns the prefix's
// length.
func (s *search) descend(path *[]int) int {
	for depth := range s.mapping {
		at := (*path)[len(*path)-1]
		legal := s.moves(depth)
		untried := slices.DeleteFunc(slices.Clone(legal), func(d int) bool { return s.tree[at].children[d] > 0 })
		if len(untried) > 0 {
			d := untried[s.rng.IntN(len(untried))]
			s.tree = append(s.tree, vertex{children: make([]int, len(s.used))})
			s.tree[at].children[d] = len(s.tree) - 1
			s.take(depth, d)
			*path = append(*path, len(s.tree)-1)
			return depth + 1
		}
		d := s.favourite(at, legal)
		s.take(depth, d)
		*path = append(*path, s.tree[at].children[d])
	}
	return len(s.mapping)
}

// favourite returns the legal device with the highest upper confidence bound (UCB1), the first among equals.
func (s *search) favourite(at int, legal []int) int {
	best, highest := legal[0], math.Inf(-1)
	log := math.Log(float64(s.tree[at].visits))
	for _, d := range legal {
		child := &s.tree[s.tree[at].children[d]]
		n := float64(child.visits)
		if bound := child.total/n + float64(s.explore*math.Sqrt(log/n)); bound > highest {
			best, highest = d, bound
		}
	}
	return best
}

// rollout completes the mapping at random, in stages: it stays on a device but for two blocks in a chain's length.
func (s *search) rollout(depth int) {
	n := float64(len(s.mapping))
	for ; depth < len(s.mapping); depth++ {
		legal := s.moves(depth)
		if depth > 0 && (len(legal) == 1 || s.rng.Float64() < 1-2/n) {
			s.mapping[depth] = s.mapping[depth-1]
			continue
		}
		if depth > 0 {
			legal = legal[1:] // all but staying
		}
		s.take(depth, legal[s.rng.IntN(len(legal))])
	}
}

func (s *search) take(depth, d int) {
	s.mapping[depth] = d
	s.used[d] = true
}

// moves returns the devices that block number depth may go to: where the block before it went, first, and every device that
// has no stage yet and is connected to that one. The result is valid until the next call.
func (s *search) moves(depth int) []int {
	s.legal = s.legal[:0]
	if depth > 0 {
		s.legal = append(s.legal, s.mapping[depth-1])
	}
	for d, used := range s.used {
		if !used && (depth == 0 || s.e.follows(s.mapping[depth-1], d)) {
			s.legal = append(s.legal, d)
		}
	}
	return s.legal
}
