package onnx

import (
	"fmt"
	"slices"
)

// cut is what Slice takes of one dimension.
type cut struct{ start, step, count int64 }

// cuts resolves a Slice: attributes before operator set 10, inputs since.
func (c *call) cuts() ([]cut, error) {
	dims := c.args[0].dims
	all := make([]cut, len(dims))
	for i, d := range dims {
		all[i] = cut{0, 1, d}
	}
	var lists [4][]int64
	for i, name := range []string{"starts", "ends", "axes", "steps"} {
		var err error
		if lists[i], _, err = c.list(name, i+1); err != nil {
			return nil, err
		}
	}
	starts, ends, on, steps := lists[0], lists[1], lists[2], lists[3]
	if len(starts) != len(ends) || on != nil && len(on) != len(starts) || steps != nil && len(steps) != len(starts) {
		return nil, fmt.Errorf("its starts, ends, axes and steps differ in number")
	}
	for i := range starts {
		a, step := int64(i), int64(1)
		if on != nil {
			a = on[i]
		}
		if steps != nil {
			step = steps[i]
		}
		k, err := axis(a, len(dims))
		if err != nil {
			return nil, err
		}
		if step == 0 {
			return nil, fmt.Errorf("has a step of 0")
		}
		all[k] = newCut(starts[i], ends[i], step, dims[k])
	}
	return all, nil
}

// newCut clamps a range as the operator's specification says.
func newCut(start, end, step, d int64) cut {
	low, high := int64(0), d // limits of start and end
	if step < 0 {
		low, high = -1, d-1
	}
	clamp := func(x int64) int64 {
		if x < 0 {
			x += d
		}
		return max(low, min(x, high))
	}
	start, end = clamp(start), clamp(end)
	if step < 0 {
		return cut{start, step, max(0, (start-end-step-1)/-step)}
	}
	return cut{start, step, max(0, (end-start+step-1)/step)}
}

func inferSlice(c *call) (shapes, error) {
	cuts, err := c.cuts()
	out := []int64{}
	for _, k := range cuts {
		out = append(out, k.count)
	}
	return shapes{out}, err
}

func inferGather(c *call) (shapes, error) {
	in, index := c.args[0].dims, c.args[1].dims
	k, err := axis(c.int("axis", 0), len(in))
	if err != nil {
		return nil, err
	}
	out := slices.Concat(in[:k], index, in[k+1:])
	return shapes{out}, nil
}

func inferGatherElements(c *call) (shapes, error) {
	in, index := c.args[0].dims, c.args[1].dims
	if _, err := axis(c.int("axis", 0), len(in)); err != nil {
		return nil, err
	}
	if len(index) != len(in) {
		return nil, fmt.Errorf("gathers by %v from %v", index, in)
	}
	return one(index...)
}

func inferGatherND(c *call) (shapes, error) {
	in, index := c.args[0].dims, c.args[1].dims
	batch := c.int("batch_dims", 0)
	if len(index) == 0 {
		return nil, fmt.Errorf("its indices are a scalar")
	}
	depth := batch + index[len(index)-1]
	if batch < 0 || depth < 0 || depth > int64(len(in)) {
		return nil, fmt.Errorf("gathers by %v from %v", index, in)
	}
	return shapes{slices.Concat(index[:len(index)-1], in[depth:])}, nil
}

func inferSplit(c *call) (shapes, error) {
	in := c.args[0].dims
	k, err := axis(c.int("axis", 0), len(in))
	if err != nil {
		return nil, err
	}
	parts, given, err := c.list("split", 1)
	if err != nil {
		return nil, err
	}
	n := int64(len(c.out))
	if _, there := c.attr("num_outputs"); there && c.int("num_outputs", n) != n {
		return nil, fmt.Errorf("splits into %d parts, but has %d outputs", c.int("num_outputs", n), n)
	}
	if !given && n > 0 {
		size := (in[k] + n - 1) / n
		for i := range n {
			parts = append(parts, min(size, in[k]-i*size))
		}
	}
	var out shapes
	sum := int64(0)
	for _, p := range parts {
		if p < 0 || p > in[k] {
			return nil, fmt.Errorf("splits dimension %d of %v into %v", k, in, parts)
		}
		d := slices.Clone(in)
		d[k] = p
		sum += p
		out = append(out, d)
	}
	if sum != in[k] || int64(len(out)) != n {
		return nil, fmt.Errorf("splits dimension %d of %v into %v, for %d outputs", k, in, parts, n)
	}
	return out, nil
}

func inferExpand(c *call) (shapes, error) {
	want, _, err := c.list("", 1)
	if err != nil {
		return nil, err
	}
	if _, err := product(want); err != nil {
		return nil, err
	}
	out, err := joined(c.args[0].dims, want)
	return shapes{out}, err
}

func inferTile(c *call) (shapes, error) {
	times, _, err := c.list("", 1)
	if err == nil && len(times) != len(c.args[0].dims) {
		err = fmt.Errorf("repeats %d dimensions of %d", len(times), len(c.args[0].dims))
	}
	if err != nil {
		return nil, err
	}
	out := slices.Clone(c.args[0].dims)
	for i, n := range times {
		if n < 0 || max(n, out[i]) > maxExtent {
			return nil, fmt.Errorf("repeats %v times, more than supported", times)
		}
		out[i] *= n
	}
	return shapes{out}, nil
}

// maxExtent bounds factors so that a product of two fits 64 bits.
const maxExtent = 1 << 30

// paddings returns the leading and trailing padding of each dimension.
func (c *call) paddings() ([]int64, error) {
	rank := len(c.args[0].dims)
	list, given, err := c.list("pads", 1)
	if err != nil || !given {
		return nil, first(err, fmt.Errorf("does not say how much to pad"))
	}
	all := make([]int64, 2*rank)
	on, given, err := c.list("axes", 3)
	if err != nil {
		return nil, err
	}
	if !given {
		for i := range rank {
			on = append(on, int64(i))
		}
	}
	if len(list) != 2*len(on) {
		return nil, fmt.Errorf("has %d paddings for %d dimensions", len(list), len(on))
	}
	for i, a := range on {
		k, err := axis(a, rank)
		if err != nil {
			return nil, err
		}
		all[k], all[rank+k] = list[i], list[len(on)+i]
	}
	return all, nil
}

func inferPad(c *call) (shapes, error) {
	pads, err := c.paddings()
	if err != nil {
		return nil, err
	}
	out := slices.Clone(c.args[0].dims)
	for i := range out {
		for _, p := range []int64{pads[i], pads[len(out)+i]} {
			if p > maxExtent || p < -maxExtent {
				return nil, fmt.Errorf("pads by %d", p)
			}
			out[i] += p
		}
		out[i] = max(0, out[i])
	}
	return shapes{out}, nil
}

// inferReduce infers the Reduce family; reduced says which axes go.
func inferReduce(c *call) (shapes, error) {
	reduced, err := c.reduced()
	if err != nil {
		return nil, err
	}
	keep := c.int("keepdims", 1) != 0
	out := []int64{}
	for i, d := range c.args[0].dims {
		switch {
		case !reduced[i]:
			out = append(out, d)
		case keep:
			out = append(out, 1)
		}
	}
	return shapes{out}, nil
}

// reduced returns for each dimension whether a Reduce operator reduces it.
func (c *call) reduced() ([]bool, error) {
	rank := len(c.args[0].dims)
	list, given, err := c.list("axes", 1)
	if err != nil {
		return nil, err
	}
	flags, err := axes(list, rank)
	if (!given || len(list) == 0) && c.int("noop_with_empty_axes", 0) == 0 {
		for i := range flags {
			flags[i] = true
		}
	}
	return flags, err
}

func inferArg(c *call) (shapes, error) {
	c.kind = Int64
	out := slices.Clone(c.args[0].dims)
	k, err := axis(c.int("axis", 0), len(out))
	if err != nil {
		return nil, err
	}
	out[k] = 1
	if c.int("keepdims", 1) == 0 {
		out = slices.Delete(out, k, k+1)
	}
	return shapes{out}, nil
}

func inferTopK(c *call) (shapes, error) {
	out := slices.Clone(c.args[0].dims)
	k, err := axis(c.int("axis", -1), len(out))
	if err != nil {
		return nil, err
	}
	count := c.int("k", 0)
	if c.has(1) {
		list, _, err := c.list("", 1)
		if err != nil || len(list) != 1 {
			return nil, first(err, fmt.Errorf("its k is no scalar"))
		}
		count = list[0]
	}
	if count < 0 || count > out[k] {
		return nil, fmt.Errorf("takes the %d largest of %d", count, out[k])
	}
	out[k] = count
	c.more = []DataType{Int64}
	return repeat(out, 2), nil
}
