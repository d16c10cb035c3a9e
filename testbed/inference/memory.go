package inference

import "hidp/testbed/reuse"

// Memory is where tensors are made of memory that others have left. A nil *Memory makes them of new memory. Safe for concurrent use.
type Memory struct{ numbers reuse.Pool[float32] }

// Tensor returns a tensor of any content.
func (m *Memory) Tensor(shape ...int) Tensor {
	if m == nil {
		return NewTensor(shape...)
	}
	return Tensor{shape, m.numbers.Get(elements(shape))}
}

// Free takes a tensor's memory back, which nobody may use any more.
func (m *Memory) Free(t Tensor) {
	if m != nil {
		m.numbers.Put(t.Data)
	}
}
