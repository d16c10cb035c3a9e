package onnx

import (
	"math"
	"slices"
)

// fold makes the outputs constants. Their values are computed if they are few and all that they depend on is known: it is how
// networks compute shapes.
func (c *call) fold(dims shapes) {
	origins := c.ancestry()
	for i := range dims {
		if i >= len(c.out) || c.out[i] == "" {
			continue
		}
		v := &value{name: c.out[i], dims: dims[i], kind: c.kindOf(i), constant: true, origins: origins}
		if n := v.elements(); n <= maxFolded && c.afford(n) {
			v.list, v.known = c.evaluate(i, dims[i], int(n))
			v.known = v.known && len(v.list) == int(n)
		}
		c.set(i, v)
	}
}

// afford reports whether n more values of constants may be computed: what networks compute of shapes is little, and a hostile
// file is to cost neither memory nor time.
func (im *importer) afford(n int64) bool {
	im.folded += n
	return im.folded <= 1<<22
}

// evaluate computes the n values of the i-th output.
func (c *call) evaluate(i int, dims []int64, n int) ([]float64, bool) {
	switch c.fn {
	case "Constant":
		return c.constantValues()
	case "Shape":
		lo, hi := c.shapeRange()
		return floats(c.args[0].dims[lo:hi]), true
	case "Size":
		return []float64{float64(c.args[0].elements())}, true
	case "ConstantOfShape":
		return c.filled(n)
	}
	for _, v := range c.args {
		if v != nil && !(v.constant && v.known) {
			return nil, false
		}
	}
	if f := scalarFunction(c.fn, c.kind); f != nil {
		return c.elementwise(dims, n, f), true
	}
	switch c.fn {
	case "Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Dropout":
		return c.args[0].list, true
	case "Cast", "CastLike":
		return c.cast(), true
	case "Range":
		out := make([]float64, n)
		for k := range out {
			out[k] = c.args[0].list[0] + float64(float64(k)*c.args[2].list[0])
		}
		return out, true
	case "ReduceProd", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceMean":
		return c.reduce(dims, n)
	}
	return c.rearrange(i, dims, n)
}

func floats(list []int64) []float64 {
	out := make([]float64, len(list))
	for i, x := range list {
		out[i] = float64(x)
	}
	return out
}

// constantValues returns the values of a Constant node.
func (c *call) constantValues() ([]float64, bool) {
	for i := range c.Attrs {
		a := &c.Attrs[i]
		switch a.Name {
		case "value":
			if a.Tensor != nil {
				return a.Tensor.read(c.m, c.file)
			}
		case "value_float":
			return []float64{float64(a.F)}, true
		case "value_int":
			return []float64{float64(a.I)}, true
		case "value_ints":
			return floats(a.Ints), true
		case "value_floats":
			var list []float64
			for _, x := range a.Floats {
				list = append(list, float64(x))
			}
			return list, true
		}
	}
	return nil, false
}

// filled returns n times the value of a ConstantOfShape.
func (c *call) filled(n int) ([]float64, bool) {
	x := 0.0
	if a, ok := c.attr("value"); ok && a.Tensor != nil {
		list, known := a.Tensor.read(c.m, c.file)
		if !known || len(list) != 1 {
			return nil, false
		}
		x = list[0]
	}
	out := make([]float64, n)
	for k := range out {
		out[k] = x
	}
	return out, true
}

func (c *call) cast() []float64 {
	out := make([]float64, len(c.args[0].list))
	for k, x := range c.args[0].list {
		switch {
		case c.kind == Bool:
			x = truth(x != 0)
		case !c.kind.real():
			x = math.Trunc(x)
		}
		out[k] = x
	}
	return out
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// scalarFunction returns an element-wise operator on scalars, or nil; kind is that of the result.
func scalarFunction(fn string, kind DataType) func(x []float64) float64 {
	switch fn {
	case "Add":
		return func(x []float64) float64 { return x[0] + x[1] }
	case "Sub":
		return func(x []float64) float64 { return x[0] - x[1] }
	case "Mul":
		return func(x []float64) float64 { return x[0] * x[1] }
	case "Div":
		return func(x []float64) float64 {
			if !kind.real() {
				return math.Trunc(x[0] / x[1])
			}
			return x[0] / x[1]
		}
	case "Mod":
		return func(x []float64) float64 { return x[0] - float64(x[1]*math.Floor(x[0]/x[1])) }
	case "Pow":
		return func(x []float64) float64 { return math.Pow(x[0], x[1]) }
	case "Min":
		return func(x []float64) float64 { return fold(x, math.Min) }
	case "Max":
		return func(x []float64) float64 { return fold(x, math.Max) }
	case "Neg":
		return func(x []float64) float64 { return -x[0] }
	case "Abs":
		return func(x []float64) float64 { return math.Abs(x[0]) }
	case "Floor":
		return func(x []float64) float64 { return math.Floor(x[0]) }
	case "Ceil":
		return func(x []float64) float64 { return math.Ceil(x[0]) }
	case "Round":
		return func(x []float64) float64 { return math.RoundToEven(x[0]) }
	case "Sqrt":
		return func(x []float64) float64 { return math.Sqrt(x[0]) }
	}
	return scalarPredicate(fn)
}

// scalarPredicate is scalarFunction for comparisons and logic.
func scalarPredicate(fn string) func(x []float64) float64 {
	switch fn {
	case "Equal":
		return func(x []float64) float64 { return truth(x[0] == x[1]) }
	case "Less":
		return func(x []float64) float64 { return truth(x[0] < x[1]) }
	case "LessOrEqual":
		return func(x []float64) float64 { return truth(x[0] <= x[1]) }
	case "Greater":
		return func(x []float64) float64 { return truth(x[0] > x[1]) }
	case "GreaterOrEqual":
		return func(x []float64) float64 { return truth(x[0] >= x[1]) }
	case "And":
		return func(x []float64) float64 { return truth(x[0] != 0 && x[1] != 0) }
	case "Or":
		return func(x []float64) float64 { return truth(x[0] != 0 || x[1] != 0) }
	case "Not":
		return func(x []float64) float64 { return truth(x[0] == 0) }
	case "Where":
		return func(x []float64) float64 {
			if x[0] != 0 {
				return x[1]
			}
			return x[2]
		}
	}
	return nil
}

func fold(x []float64, f func(a, b float64) float64) float64 {
	r := x[0]
	for _, y := range x[1:] {
		r = f(r, y)
	}
	return r
}

// elementwise applies f to the inputs, broadcast to dims. Inputs beyond those that the operator has may not fit: they are left
// out.
func (c *call) elementwise(dims []int64, n int, f func(x []float64) float64) []float64 {
	var args []*value
	for _, v := range c.args {
		if v == nil {
			continue
		}
		if all, err := joined(dims, v.dims); err == nil && slices.Equal(all, dims) {
			args = append(args, v)
		}
	}
	out := make([]float64, n)
	x := make([]float64, len(args))
	walk(dims, n, func(k int, at []int64) {
		for i, v := range args {
			x[i] = v.list[offset(v.dims, at[len(at)-len(v.dims):])]
		}
		out[k] = f(x)
	})
	return out
}
