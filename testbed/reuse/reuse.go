// Package reuse keeps memory of tensors for use again. Memory that the garbage collector has taken costs page faults when it is needed
// next: on a virtual machine they were 40 % of the processor time of a small network (docs/decisions/0006), and another share in each run.
package reuse

import (
	"math/bits"
	"sync"
)

// Pool holds slices of elements of type T that nobody uses. It keeps as much as was ever in use at a time, by size. The zero value is
// empty and ready; a nil *Pool keeps nothing and leaves all to the garbage collector. Safe for concurrent use.
type Pool[T any] struct {
	// Most is how many elements are kept, where others decide on sizes; 0: all. It is only read.
	Most int

	mu   sync.Mutex
	kept int                      // elements
	free [4 * bits.UintSize][][]T // by class: the last that came back is the first to go, as caches still hold it
}

// Get returns n elements of any content. Append nothing to them: what lies behind them belongs to the pool.
func (p *Pool[T]) Get(n int) []T {
	if p == nil || n <= 0 {
		return make([]T, max(0, n))
	}
	class, size := classOf(n)
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.free[class]
	if len(list) == 0 {
		return make([]T, n, size)
	}
	last := len(list) - 1
	s := list[last]
	list[last] = nil
	p.free[class] = list[:last]
	p.kept -= size
	return s[:n]
}

// Put gives back what Get returned, which nobody may use any more. Other slices are left to the garbage collector, unless they happen
// to have a capacity that Get gives.
func (p *Pool[T]) Put(s []T) {
	if p == nil || cap(s) == 0 {
		return
	}
	class, size := classOf(cap(s))
	if size != cap(s) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.Most > 0 && p.kept+size > p.Most {
		return
	}
	p.kept += size
	p.free[class] = append(p.free[class], s)
}

// classOf returns the class of slices that hold n ≥ 1 elements, and how many these have room for: n rounded up to the next of 1, 1.25,
// 1.5 and 1.75 times a power of two.
func classOf(n int) (class, size int) {
	if n <= 4 {
		return n - 1, n
	}
	shift := bits.Len(uint(n-1)) - 3
	quarter := (n - 1) >> shift // 4 to 7
	return 4*shift + quarter, (quarter + 1) << shift
}
