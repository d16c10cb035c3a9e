// Package lines makes memory that lies apart from all other. Simulations that run at the same time, each on a core of its own, would
// otherwise slow each other down by chance: Go hands out small pieces of memory side by side, and where those of two simulations lie in
// one cache line, or so near to each other that a core fetches both, the line travels between the cores with every write. A sweep on
// two cores took up to a fifth more processor time for that, depending on how its workers had started, and where their memory was
// handed out by turns, four fifths (BenchmarkNeighbours of experiments/sweep).
package lines

import "unsafe"

// size is how many bytes memory is kept apart, a multiple of a cache line of 64. Processors fetch neighbouring lines, too: with 64 or
// 128, BenchmarkNeighbours loses a third to a half to the other simulation, with 256 a tenth to a fifth, as with 1024.
const size = 256

// Append is append for lists that a simulation writes to as it goes on. Only the first memory of a list is made here: what append
// makes of it when it is full has lines of its own as well.
func Append[T any](list []T, x T) []T {
	if cap(list) == 0 {
		list = empty[T](1)
	}
	return append(list, x)
}

// Resized returns list with length n. What it had of elements is kept, beyond its length too; new ones are zero.
func Resized[T any](list []T, n int) []T {
	if n <= cap(list) {
		return list[:n]
	}
	longer := empty[T](n)[:n]
	copy(longer, list[:cap(list)])
	return longer
}

// New is new for a value that is not in a list.
func New[T any]() *T {
	type apart struct {
		_ [size]byte
		x T
		_ [size]byte
	}
	return &new(apart).x
}

// empty returns an empty list with room for n elements or some more, which fill multiples of size.
func empty[T any](n int) []T {
	var x T
	step := size
	for k := unsafe.Sizeof(x); k > 0 && step > 1 && k%2 == 0; k /= 2 {
		step /= 2
	}
	return make([]T, 0, (n+step-1)/step*step)
}
