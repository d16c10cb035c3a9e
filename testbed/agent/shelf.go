package agent

import (
	"slices"
	"sync"

	"hidp/testbed/inference"
	"hidp/testbed/submodel"
	"hidp/workloads"
)

// memory counts bytes of tensors held, over all requests of a node.
type memory struct {
	mu         sync.Mutex
	live, peak int64
}

func (m *memory) add(bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.live += bytes
	m.peak = max(m.peak, m.live)
}

// shelf holds the tensors of one request on one node. The parts of a layer's tensor are given up together, when the last op of the
// node that reads or brings one is done. A nil shelf belongs to a hollow session: it holds nothing and wants nothing.
type shelf struct {
	mu      sync.Mutex
	store   *submodel.Store
	uses    []int32 // by layer: ops that are not done
	held    []int64 // by layer: bytes
	release [][]func()
	memory  *memory
	emptied bool
}

// newShelf counts what it holds in m, and assembles tensors in the memory of reuse.
func newShelf(r *recipe, m *memory, reuse *inference.Memory) *shelf {
	s := &shelf{store: submodel.NewStore(r.Graph), uses: slices.Clone(r.uses), held: make([]int64, len(r.uses)),
		release: make([][]func(), len(r.uses)), memory: m}
	s.store.Memory = reuse
	return s
}

// take assembles parts. The tensors are valid until the op that reads them is done. Those that were made for it are listed in made, too:
// the caller frees them.
func (s *shelf) take(parts []workloads.Part) (tensors, made []inference.Tensor, err error) {
	if s == nil {
		return nil, nil, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range parts {
		t, fresh, err := s.store.Get(p)
		if err != nil {
			return nil, nil, err
		}
		tensors = append(tensors, t)
		if fresh {
			made = append(made, t)
		}
	}
	return tensors, made, nil
}

// free gives back tensors that take has made.
func (s *shelf) free(made []inference.Tensor) {
	for _, t := range made {
		s.store.Memory.Free(t)
	}
}

// put adds a part; release, which may be nil, gives the tensor's memory back.
func (s *shelf) put(p workloads.Part, t inference.Tensor, release func()) error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.emptied {
		return nil
	}
	if err := s.store.Put(p, t); err != nil {
		return err
	}
	bytes := 4 * int64(len(t.Data))
	s.held[p.Layer] += bytes
	s.memory.add(bytes)
	if release != nil {
		s.release[p.Layer] = append(s.release[p.Layer], release)
	}
	return nil
}

// done notes that an op has read and brought what it had to.
func (s *shelf) done(p *opParts) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, list := range [][]workloads.Part{p.reads, p.makes} {
		for _, part := range list {
			if s.uses[part.Layer]--; s.uses[part.Layer] == 0 && !s.emptied {
				s.drop(part.Layer)
			}
		}
	}
}

// surrender is done for a part that somebody else has now: its memory is left to the garbage collector.
func (s *shelf) surrender(p workloads.Part) {
	if s == nil {
		return
	}
	s.mu.Lock()
	s.release[p.Layer] = nil
	s.mu.Unlock()
	s.done(&opParts{reads: []workloads.Part{p}})
}

func (s *shelf) drop(layer int) {
	s.store.Drop(layer)
	s.memory.add(-s.held[layer])
	s.held[layer] = 0
	for _, release := range s.release[layer] {
		release()
	}
	s.release[layer] = nil
}

// clear gives everything back, for good, when nobody reads it any more.
func (s *shelf) clear() { s.giveUp(true) }

// empty gives everything up, for good. Ops under way may still read, so memory is left to the garbage collector.
func (s *shelf) empty() { s.giveUp(false) }

func (s *shelf) giveUp(back bool) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.emptied = true
	if !back {
		clear(s.release)
	}
	for layer := range s.held {
		s.drop(layer)
	}
}
