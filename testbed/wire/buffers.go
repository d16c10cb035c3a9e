package wire

import "hidp/testbed/reuse"

// buffers keeps payload memory for use again.
type buffers struct{ pool reuse.Pool[byte] }

// get returns n bytes of any content, and what gives them back.
func (b *buffers) get(n int64) ([]byte, func()) {
	if n == 0 {
		return nil, nil
	}
	p := b.pool.Get(int(n))
	return p, func() { b.pool.Put(p) }
}
