package onnx

import (
	"fmt"
	"math"
	"slices"

	"hidp/workloads"
)

// inferResize infers Resize and Upsample.
func inferResize(c *call) (shapes, error) {
	out, _, err := c.resized()
	return shapes{out}, err
}

// resized returns the dimensions of the output of a Resize or Upsample, and by how much each dimension is scaled, which need not be
// their ratio. Sizes are in the fourth input; scales in an attribute or the input that the operator set has for them. Both may be of
// some axes only. Factors and products are of single precision, as in ONNX Runtime.
func (c *call) resized() (out []int64, scales []float32, err error) {
	in := c.args[0].dims
	out, scales = slices.Clone(in), make([]float32, len(in))
	for i := range scales {
		scales[i] = 1
	}
	on, err := c.resizedAxes()
	if err != nil {
		return nil, nil, err
	}
	if c.has(3) && c.args[3].elements() > 0 {
		sizes, _, err := c.list("", 3)
		if err == nil && len(sizes) != len(on) {
			err = fmt.Errorf("resizes %v to %v, for %d axes", in, sizes, len(on))
		}
		if err != nil {
			return nil, nil, err
		}
		c.toSizes(on, sizes, out, scales)
		return out, scales, nil
	}
	factors, err := c.scales()
	if err == nil && len(factors) != len(on) {
		err = fmt.Errorf("scales %v by %v, for %d axes", in, factors, len(on))
	}
	if err != nil {
		return nil, nil, err
	}
	for k, i := range on {
		scales[i] = float32(factors[k])
		out[i] = toInt(math.Floor(float64(float32(in[i]) * scales[i])))
	}
	return out, scales, nil
}

// resizedAxes returns the axes that the sizes or scales are of, in their order.
func (c *call) resizedAxes() ([]int, error) {
	rank := len(c.args[0].dims)
	a, ok := c.attr("axes")
	if !ok || len(a.Ints) == 0 {
		all := make([]int, rank)
		for i := range all {
			all[i] = i
		}
		return all, nil
	}
	var on []int
	for _, x := range a.Ints {
		k, err := axis(x, rank)
		if err != nil {
			return nil, err
		}
		if slices.Contains(on, k) {
			return nil, fmt.Errorf("its axes %v have one twice", a.Ints)
		}
		on = append(on, k)
	}
	return on, nil
}

// toSizes sets the dimensions and scales for sizes of the given axes, which a policy may change so that all have one scale.
func (c *call) toSizes(on []int, sizes, out []int64, scales []float32) {
	in := c.args[0].dims
	for k, i := range on {
		out[i], scales[i] = sizes[k], float32(sizes[k])/float32(in[i])
	}
	policy := c.text("keep_aspect_ratio_policy", "stretch")
	if policy == "stretch" || len(on) == 0 {
		return
	}
	one := scales[on[0]]
	for _, i := range on {
		if policy == "not_larger" {
			one = min(one, scales[i])
		} else {
			one = max(one, scales[i])
		}
	}
	for _, i := range on {
		scales[i] = one
		out[i] = toInt(math.Round(float64(one * float32(in[i]))))
	}
}

// scales returns the factors of a Resize or Upsample.
func (c *call) scales() ([]float64, error) {
	if a, ok := c.attr("scales"); ok {
		var list []float64
		for _, f := range a.Floats {
			list = append(list, float64(f))
		}
		return list, nil
	}
	at := 2 // behind the region of interest
	if c.fn == "Upsample" || c.m.Opset < 11 {
		at = 1
	}
	if !c.has(at) || c.args[at].elements() == 0 {
		return nil, fmt.Errorf("does not say by how much to scale")
	}
	return c.numbers(at)
}

// lowerResize makes an enlargement by one whole factor whose row arithmetic package workloads has a layer of its own kind.
func lowerResize(c *call, dims shapes) error {
	v := c.args[0]
	out := dims[0]
	if v.constant || !c.fixed(1) || !image(v) {
		return computes(c, dims)
	}
	f, whole := c.factor()
	nearest, bilinear := c.interpolation(f)
	if !whole || f < 2 || f > 1<<15 || !nearest && !bilinear || c.int("antialias", 0) != 0 || c.int("exclude_outside", 0) != 0 {
		return computes(c, dims)
	}
	c.settle(v)
	n, err := product(out)
	l := workloads.Layer{Op: workloads.OpUpsample, Scale: int(f), Bilinear: bilinear, Class: workloads.ClassElementwise, FLOPs: n}
	c.set(0, c.draft(c, l, c.out[0], out, v))
	return err
}

// factor returns the whole number by which rows and columns are scaled, if that is all that is scaled.
func (c *call) factor() (int64, bool) {
	out, scales, err := c.resized()
	if err != nil {
		return 0, false
	}
	f := int64(scales[2])
	for i, s := range scales {
		want := int64(1)
		if i >= 2 {
			want = f
		}
		if s != float32(want) || out[i] != want*c.args[0].dims[i] {
			return 0, false
		}
	}
	return f, true
}

// interpolation tells whether enlarging by factor f repeats every row f times, or interpolates with half-pixel centres.
func (c *call) interpolation(f int64) (nearest, bilinear bool) {
	mode := c.text("mode", "nearest")
	centres := c.text("coordinate_transformation_mode", "half_pixel")
	if c.fn == "Upsample" || c.m.Opset < 11 { // these had no such attribute
		centres = "asymmetric"
	}
	half := centres == "half_pixel" || centres == "pytorch_half_pixel"
	if mode == "linear" || mode == "bilinear" {
		return false, half
	}
	if mode != "nearest" || !half && centres != "asymmetric" {
		return false, false
	}
	rounding := c.text("nearest_mode", "round_prefer_floor")
	if c.fn == "Upsample" || c.m.Opset < 11 {
		rounding = "floor"
	}
	for i := range f {
		x := float64(i) / float64(f)
		if half {
			x = (float64(i)+0.5)/float64(f) - 0.5
		}
		switch rounding {
		case "floor":
			x = math.Floor(x)
		case "ceil":
			x = math.Ceil(x)
		case "round_prefer_ceil":
			x = math.Floor(x + 0.5)
		default:
			x = math.Ceil(x - 0.5)
		}
		if x != 0 { // row i of the first f is not row 0, and so for all others
			return false, false
		}
	}
	return true, false
}
