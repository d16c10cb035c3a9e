package onnx

import (
	"fmt"
	"slices"
)

func inferReshape(c *call) (shapes, error) {
	in := c.args[0].dims
	want, _, err := c.list("shape", 1)
	if err != nil {
		return nil, err
	}
	if b := c.m.batch; b > 1 && !c.args[0].constant && len(want) > 0 && want[0] == b && len(in) > 0 && in[0] == 1 {
		return nil, fmt.Errorf("a batch of %d is built into the shape %v that it reshapes to, but models describe one sample: "+
			"export the network with a batch of 1 or an open one", b, want)
	}
	out := slices.Clone(want)
	open, rest := -1, int64(1)
	for i, d := range out {
		switch {
		case d == 0 && c.int("allowzero", 0) == 0:
			if i >= len(in) {
				return nil, fmt.Errorf("copies dimension %d of an input of %d", i, len(in))
			}
			out[i] = in[i]
		case d == -1 && open < 0:
			open = i
			continue
		case d < 0:
			return nil, fmt.Errorf("reshapes to the impossible %v", want)
		}
		if out[i] > maxElements || rest > maxElements {
			return nil, fmt.Errorf("reshapes to %v, more than the supported elements", want)
		}
		rest *= out[i]
	}
	n := c.args[0].elements()
	if open >= 0 {
		out[open] = 0
		if rest > 0 {
			out[open] = n / rest
		}
		rest *= out[open]
	}
	if rest != n {
		return nil, fmt.Errorf("reshapes %v to %v, which has another number of elements (is a batch other than 1 built into the model?)", in, want)
	}
	return shapes{out}, nil
}

func inferFlatten(c *call) (shapes, error) {
	in := c.args[0].dims
	a := c.int("axis", 1)
	if a < 0 {
		a += int64(len(in))
	}
	if a < 0 || a > int64(len(in)) {
		return nil, fmt.Errorf("its axis %d is not among the %d of its input", a, len(in))
	}
	rows, err := product(in[:a])
	if err != nil {
		return nil, err
	}
	columns, err := product(in[a:])
	return shapes{{rows, columns}}, err
}

func inferSqueeze(c *call) (shapes, error) {
	in := c.args[0].dims
	list, given, err := c.list("axes", 1)
	if err != nil {
		return nil, err
	}
	drop, err := axes(list, len(in))
	if err != nil {
		return nil, err
	}
	out := []int64{}
	for i, d := range in {
		if given && drop[i] && d != 1 {
			return nil, fmt.Errorf("squeezes dimension %d of %v, which is not 1", i, in)
		}
		if given && !drop[i] || !given && d != 1 {
			out = append(out, d)
		}
	}
	return shapes{out}, nil
}

func inferUnsqueeze(c *call) (shapes, error) {
	in := c.args[0].dims
	list, _, err := c.list("axes", 1)
	if err != nil {
		return nil, err
	}
	if len(in)+len(list) > maxRank {
		return nil, fmt.Errorf("its output has %d dimensions", len(in)+len(list))
	}
	insert, err := axes(list, len(in)+len(list))
	if err != nil {
		return nil, err
	}
	var out []int64
	for _, new := range insert {
		if new {
			out = append(out, 1)
		} else if len(in) > 0 {
			out, in = append(out, in[0]), in[1:]
		}
	}
	return shapes{out}, nil
}

// permutation returns the axes of a Transpose: by default reversed.
func (c *call) permutation() ([]int, error) {
	rank := len(c.args[0].dims)
	perm := make([]int, rank)
	seen := make([]bool, rank)
	a, given := c.attr("perm")
	for i := range perm {
		perm[i] = rank - 1 - i
		if given {
			if len(a.Ints) != rank || a.Ints[i] < 0 || a.Ints[i] >= int64(rank) {
				return nil, fmt.Errorf("permutes %d dimensions by %v", rank, a.Ints)
			}
			perm[i] = int(a.Ints[i])
		}
		if seen[perm[i]] {
			return nil, fmt.Errorf("its permutation %v has an axis twice", a.Ints)
		}
		seen[perm[i]] = true
	}
	return perm, nil
}

func inferTranspose(c *call) (shapes, error) {
	perm, err := c.permutation()
	out := make([]int64, len(perm))
	for i, p := range perm {
		out[i] = c.args[0].dims[p]
	}
	return shapes{out}, err
}

func inferConcat(c *call) (shapes, error) {
	out := slices.Clone(c.args[0].dims)
	k, err := axis(c.int("axis", 1), len(out))
	if err != nil {
		return nil, err
	}
	for _, v := range c.args[1:] {
		if v == nil || len(v.dims) != len(out) {
			return nil, fmt.Errorf("concatenates tensors of different ranks")
		}
		for i, d := range v.dims {
			if i == k {
				out[i] += d
			} else if out[i] != d {
				return nil, fmt.Errorf("concatenates %v and %v along axis %d", c.args[0].dims, v.dims, k)
			}
		}
		if out[k] > maxElements {
			return nil, fmt.Errorf("concatenates more than the supported elements")
		}
	}
	return shapes{out}, nil
}
