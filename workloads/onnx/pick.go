package onnx

import (
	"math"
)

// walk calls visit for each of the n elements of a tensor of dimensions dims, in order, with its indices.
func walk(dims []int64, n int, visit func(k int, at []int64)) {
	at := make([]int64, len(dims))
	for k := range n {
		visit(k, at)
		for i := len(at) - 1; i >= 0; i-- {
			if at[i]++; at[i] < dims[i] {
				break
			}
			at[i] = 0
		}
	}
}

// offset returns the position of the element at indices at; dimensions of 1 are broadcast.
func offset(dims, at []int64) int64 {
	k := int64(0)
	for i, d := range dims {
		k *= d
		if d > 1 {
			k += at[i]
		}
	}
	return k
}

// reduce computes a Reduce operator.
func (c *call) reduce(dims []int64, n int) ([]float64, bool) {
	v := c.args[0]
	gone, err := c.reduced()
	if err != nil || len(v.list) == 0 {
		return nil, false
	}
	combine := map[string]func(a, b float64) float64{
		"ReduceProd": func(a, b float64) float64 { return a * b }, "ReduceMax": math.Max, "ReduceMin": math.Min,
		"ReduceSum": func(a, b float64) float64 { return a + b }, "ReduceMean": func(a, b float64) float64 { return a + b }}[c.fn]
	kept := make([]int64, len(v.dims))
	for i, d := range v.dims {
		kept[i] = d
		if gone[i] {
			kept[i] = 1
		}
	}
	out := make([]float64, n)
	seen := make([]bool, n)
	walk(v.dims, len(v.list), func(k int, at []int64) {
		o := offset(kept, at)
		if seen[o] {
			out[o] = combine(out[o], v.list[k])
		} else {
			out[o], seen[o] = v.list[k], true
		}
	})
	if c.fn == "ReduceMean" {
		for o := range out {
			out[o] = out[o] * float64(n) / float64(len(v.list))
		}
	}
	return out, true
}

// rearrange computes the operators that only pick elements.
func (c *call) rearrange(i int, dims []int64, n int) ([]float64, bool) {
	pick := c.picker(i)
	if pick == nil {
		return nil, false
	}
	out := make([]float64, n)
	ok := true
	walk(dims, n, func(k int, at []int64) {
		x, found := pick(at)
		out[k], ok = x, ok && found
	})
	return out, ok
}

// picker returns a function from the indices of an element of the i-th output to its value, or nil.
func (c *call) picker(i int) func(at []int64) (float64, bool) {
	v := c.args[0]
	from := make([]int64, len(v.dims))
	element := func() (float64, bool) { return v.list[offset(v.dims, from)], true }
	switch c.fn {
	case "Slice":
		cuts, _ := c.cuts()
		return func(at []int64) (float64, bool) {
			for k, a := range at {
				from[k] = cuts[k].start + a*cuts[k].step
			}
			return element()
		}
	case "Transpose":
		perm, _ := c.permutation()
		return func(at []int64) (float64, bool) {
			for k, a := range at {
				from[perm[k]] = a
			}
			return element()
		}
	case "Expand":
		return func(at []int64) (float64, bool) {
			return v.list[offset(v.dims, at[len(at)-len(v.dims):])], true
		}
	case "Gather":
		return c.gathered(from, element)
	case "Concat":
		return c.concatenated()
	case "Split":
		k, _ := axis(c.int("axis", 0), len(v.dims))
		parts, _ := inferSplit(c)
		return func(at []int64) (float64, bool) {
			copy(from, at)
			for _, p := range parts[:i] {
				from[k] += p[k]
			}
			return element()
		}
	}
	return nil
}

func (c *call) gathered(from []int64, element func() (float64, bool)) func(at []int64) (float64, bool) {
	v, index := c.args[0], c.args[1]
	k, _ := axis(c.int("axis", 0), len(v.dims))
	rank := len(index.dims)
	return func(at []int64) (float64, bool) {
		pos := toInt(index.list[offset(index.dims, at[k:k+rank])])
		if pos < 0 {
			pos += v.dims[k]
		}
		if pos < 0 || pos >= v.dims[k] {
			return 0, false
		}
		copy(from, at[:k])
		from[k] = pos
		copy(from[k+1:], at[k+rank:])
		return element()
	}
}

func (c *call) concatenated() func(at []int64) (float64, bool) {
	k, _ := axis(c.int("axis", 1), len(c.args[0].dims))
	from := make([]int64, len(c.args[0].dims))
	return func(at []int64) (float64, bool) {
		copy(from, at)
		for _, v := range c.args { // inferConcat has seen that none is left out
			if from[k] < v.dims[k] {
				return v.list[offset(v.dims, from)], true
			}
			from[k] -= v.dims[k]
		}
		return 0, false
	}
}
