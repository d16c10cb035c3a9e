package onnx

import (
	"fmt"
	"slices"
)

// shapes is what a shape inference returns: the dimensions of each output.
type shapes = [][]int64

// same infers that every output has the dimensions of the first input.
func same(c *call) (shapes, error) { return repeat(c.args[0].dims, len(c.out)), nil }

func repeat(dims []int64, n int) shapes {
	s := make(shapes, n)
	for i := range s {
		s[i] = dims
	}
	return s
}

// one wraps the dimensions of a single output.
func one(dims ...int64) (shapes, error) { return shapes{dims}, nil }

// broadcast infers an element-wise operator of any number of inputs (ONNX's multidirectional broadcasting).
func broadcast(c *call) (shapes, error) {
	var out []int64
	for _, v := range c.args {
		if v == nil {
			continue
		}
		var err error
		if out, err = joined(out, v.dims); err != nil {
			return nil, err
		}
	}
	return shapes{out}, nil
}

// joined returns the dimensions of a and b broadcast to each other.
func joined(a, b []int64) ([]int64, error) {
	if len(a) < len(b) {
		a, b = b, a
	}
	out := slices.Clone(a)
	for i, d := range b {
		k := len(a) - len(b) + i
		switch {
		case out[k] == 1:
			out[k] = d
		case d != 1 && d != out[k]:
			return nil, fmt.Errorf("its inputs have the dimensions %v and %v, which do not fit", a, b)
		}
	}
	return out, nil
}

// compared is broadcast with a truth value for each element.
func compared(c *call) (shapes, error) {
	c.kind = Bool
	return broadcast(c)
}

// selected infers Where: condition, then, else.
func selected(c *call) (shapes, error) {
	c.kind = c.args[1].kind
	return broadcast(c)
}

// cast infers Cast.
func cast(c *call) (shapes, error) {
	if c.fn == "Cast" {
		c.kind = DataType(c.int("to", int64(Float)))
	} else if c.has(1) {
		c.kind = c.args[1].kind
	}
	if c.kind.Bytes() == 0 {
		return nil, fmt.Errorf("casts to element type %d, which is not supported", c.kind)
	}
	return same(c)
}

// axis resolves a negative axis of rank dimensions.
func axis(a int64, rank int) (int, error) {
	if a < 0 {
		a += int64(rank)
	}
	if a < 0 || a >= int64(rank) {
		return 0, fmt.Errorf("its axis %d is not among the %d of its input", a, rank)
	}
	return int(a), nil
}

// axes resolves a list of axes to one flag per dimension.
func axes(list []int64, rank int) ([]bool, error) {
	flags := make([]bool, rank)
	for _, a := range list {
		k, err := axis(a, rank)
		if err != nil {
			return nil, err
		}
		flags[k] = true
	}
	return flags, nil
}

func inferShape(c *call) (shapes, error) {
	c.kind = Int64
	lo, hi := c.shapeRange()
	return one(int64(hi - lo))
}

// shapeRange returns which dimensions Shape yields (operator set 15 has start and end).
func (c *call) shapeRange() (lo, hi int) {
	rank := int64(len(c.args[0].dims))
	clamp := func(x int64) int {
		if x < 0 {
			x += rank
		}
		return int(max(0, min(x, rank)))
	}
	lo, hi = clamp(c.int("start", 0)), clamp(c.int("end", rank))
	return lo, max(lo, hi)
}

func inferSize(c *call) (shapes, error) {
	c.kind = Int64
	return one()
}

// inferConstant finds the value of a Constant node in whichever attribute it is.
func inferConstant(c *call) (shapes, error) {
	for i := range c.Attrs {
		a := &c.Attrs[i]
		switch a.Name {
		case "value":
			if a.Tensor != nil {
				c.kind = a.Tensor.Type
				return one(a.Tensor.Dims...)
			}
		case "value_float":
			return one()
		case "value_int":
			c.kind = Int64
			return one()
		case "value_floats":
			return one(int64(len(a.Floats)))
		case "value_ints":
			c.kind = Int64
			return one(int64(len(a.Ints)))
		}
	}
	return nil, fmt.Errorf("has no value that can be read")
}

func inferFill(c *call) (shapes, error) {
	dims, _, err := c.list("", 0)
	if a, ok := c.attr("value"); ok && a.Tensor != nil {
		c.kind = a.Tensor.Type
	} else {
		c.kind = Float
	}
	return shapes{dims}, err
}

func inferRange(c *call) (shapes, error) {
	var v [3]float64
	for i := range v {
		n, err := c.numbers(i)
		if err != nil || len(n) != 1 {
			return nil, first(err, fmt.Errorf("its inputs must be scalars"))
		}
		v[i] = n[0]
	}
	if v[2] == 0 {
		return nil, fmt.Errorf("has a step of 0")
	}
	n := (v[1] - v[0]) / v[2]
	count := toInt(n)
	if float64(count) < n {
		count++
	}
	return one(max(0, count))
}

func inferReshape(c *call) (shapes, error) {
	in := c.args[0].dims
	want, _, err := c.list("shape", 1)
	if err != nil {
		return nil, err
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
