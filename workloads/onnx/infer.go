package onnx

import (
	"fmt"
	"slices"
)

// shapes is what a shape inference returns: the dimensions of each output.
type shapes = [][]int64

// same infers that the output has the dimensions of the first input.
func same(c *call) (shapes, error) { return shapes{c.args[0].dims}, nil }

// inferDropout infers Dropout, which changes nothing when a network is used; its second output then says that nothing was dropped.
func inferDropout(c *call) (shapes, error) {
	if c.has(2) {
		training, err := c.numbers(2)
		if err != nil || len(training) != 1 || training[0] != 0 {
			return nil, fmt.Errorf("drops elements at random (training mode), so that nobody can compute its answer again")
		}
	}
	if c.m.Opset >= 10 {
		c.more = []DataType{Bool}
	}
	return repeat(c.args[0].dims, min(2, len(c.out))), nil
}

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
	return one(c.args[0].dims...)
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
