package wire

import (
	"math/bits"
	"sync"
)

// buffers keeps payload memory for use again, by powers of two: receiving allocates once per size, and page faults would otherwise
// cost more than the copy.
type buffers struct{ classes [33]sync.Pool }

// get returns n bytes of any content, and what gives them back.
func (b *buffers) get(n int64) ([]byte, func()) {
	if n == 0 {
		return nil, nil
	}
	class := bits.Len64(uint64(n - 1))
	p, _ := b.classes[class].Get().(*[]byte)
	if p == nil {
		fresh := make([]byte, 1<<class)
		p = &fresh
	}
	return (*p)[:n:n], func() { b.classes[class].Put(p) }
}
