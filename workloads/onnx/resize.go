package onnx

import (
	"fmt"
	"math"
	"slices"

	"hidp/workloads"
)

// inferResize infers Resize and Upsample: sizes, or scales in the first, second or third input or an attribute.
func inferResize(c *call) (shapes, error) {
	in := c.args[0].dims
	if a, ok := c.attr("axes"); ok && len(a.Ints) > 0 {
		return nil, fmt.Errorf("resizes only some axes, which is not supported")
	}
	if c.has(3) && c.args[3].elements() > 0 {
		sizes, _, err := c.list("", 3)
		if err == nil && len(sizes) != len(in) {
			err = fmt.Errorf("resizes %v to %v", in, sizes)
		}
		return shapes{sizes}, err
	}
	scales, err := c.scales()
	if err != nil {
		return nil, err
	}
	if len(scales) != len(in) {
		return nil, fmt.Errorf("scales %v by %v", in, scales)
	}
	out := slices.Clone(in)
	for i, s := range scales {
		out[i] = toInt(math.Floor(float64(float64(in[i]) * s)))
	}
	return shapes{out}, nil
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
	for i := len(c.args) - 1; i > 0; i-- { // the input before the scales (operator sets 11 and up) is the region of interest
		if c.has(i) && i < 3 && c.args[i].elements() > 0 {
			return c.numbers(i)
		}
	}
	return nil, fmt.Errorf("does not say by how much to scale")
}

// lowerResize makes an enlargement by one whole factor whose row arithmetic package workloads has a layer of its own kind.
func lowerResize(c *call, dims shapes) error {
	v := c.args[0]
	in, out := v.dims, dims[0]
	if v.constant || !image(v) || in[0] != out[0] || in[1] != out[1] || out[2]%in[2] != 0 || out[2]/in[2]*in[3] != out[3] {
		return computes(c, dims)
	}
	f := out[2] / in[2]
	if f == 1 {
		return renames(c, dims)
	}
	nearest, bilinear := c.interpolation(f)
	if !nearest && !bilinear || f > 1<<15 {
		return computes(c, dims)
	}
	c.settle(v)
	n, err := product(out)
	l := workloads.Layer{Op: workloads.OpUpsample, Scale: int(f), Bilinear: bilinear, Class: workloads.ClassElementwise, FLOPs: n}
	c.set(0, c.draft(c, l, c.out[0], out, v))
	return err
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
