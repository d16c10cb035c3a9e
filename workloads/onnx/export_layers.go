package onnx

import (
	"fmt"

	"hidp/workloads"
)

// numbers appends a Constant node.
func (x *exporter) numbers(name string, kind DataType, list ...float64) string {
	t := &Tensor{Name: name, Type: kind, Dims: []int64{int64(len(list))}, list: list}
	return x.node(name, "Constant", nil, Attr{Name: "value", Tensor: t})
}

// window returns the attributes of a convolution's or pool's window.
func window(w workloads.Window) []Attr {
	i := func(v ...int) []int64 {
		var list []int64
		for _, n := range v {
			list = append(list, int64(n))
		}
		return list
	}
	return []Attr{{Name: "kernel_shape", Ints: i(w.KH, w.KW)}, {Name: "strides", Ints: i(w.SH, w.SW)}, {Name: "dilations", Ints: i(w.DH, w.DW)},
		{Name: "pads", Ints: i(w.PadTop, w.PadLeft, w.PadBottom, w.PadRight)}}
}

// conv appends a convolution. What a residual sum adds to is kept small, so that magnitudes do not double with every block.
func (x *exporter) conv(i int, name, in string) string {
	l := &x.g.Layers[i]
	inC, outC := int64(x.g.Layers[l.Inputs[0]].Out.C), int64(l.Out.C)
	w, groups := l.Window, int64(l.Groups)
	kernel := int64(w.KH) * int64(w.KW)
	op, dims := "Conv", []int64{outC, inC / groups, int64(w.KH), int64(w.KW)}
	attrs := append(window(w), Attr{Name: "group", I: groups})
	if l.Op == workloads.OpConvTranspose {
		op, dims = "ConvTranspose", []int64{inC, outC / groups, int64(w.KH), int64(w.KW)}
		s := x.g.Layers[l.Inputs[0]].Out
		more := func(in, out, stride, k, d, pads int) int64 { return int64(out - ((in-1)*stride + (k-1)*d + 1 - pads)) }
		attrs = append(attrs, Attr{Name: "output_padding", Ints: []int64{
			more(s.H, l.Out.H, w.SH, w.KH, w.DH, w.PadTop+w.PadBottom), more(s.W, l.Out.W, w.SW, w.KW, w.DW, w.PadLeft+w.PadRight)}})
	}
	v := heUniform(inC / groups * kernel)
	if !l.Norm && x.residual(i) {
		v.spread *= damping
	}
	inputs := []string{in, x.data.add(name+".weight", v, dims...)}
	if l.Bias {
		inputs = append(inputs, x.data.add(name+".bias", initial{0, 0.1}, outC))
	}
	return x.node(name, op, inputs, attrs...)
}

// damping is by how much the branch of a residual sum is scaled down: with the branch's variance at 4 % of the trunk's, 50 blocks
// grow the magnitude by (1.04)^25 ≈ 2.7.
const damping = 0.2

// residual reports whether layer i's tensor is only read by a sum.
func (x *exporter) residual(i int) bool {
	c := x.g.Consumers(i)
	return len(c) == 1 && x.g.Layers[c[0]].Op == workloads.OpAdd
}

// linear appends a fully connected layer, and the flattening of its input.
func (x *exporter) linear(i int, name, in string) string {
	l := &x.g.Layers[i]
	n := x.g.Layers[l.Inputs[0]].Out.Elements()
	if x.ranks[l.Inputs[0]] == 4 {
		in = x.node(name+".flatten", "Flatten", []string{in}, Attr{Name: "axis", I: 1})
	}
	x.ranks[i] = 2
	inputs := []string{in, x.data.add(name+".weight", heUniform(n), int64(l.Out.C), n)}
	if l.Bias {
		inputs = append(inputs, x.data.add(name+".bias", initial{0, 0.1}, int64(l.Out.C)))
	}
	return x.node(name, "Gemm", inputs, Attr{Name: "transB", I: 1})
}

// pool appends a pooling with a window.
func (x *exporter) pool(l *workloads.Layer, name, in string) string {
	attrs := window(l.Window)
	if l.Window.Ceil {
		attrs = append(attrs, Attr{Name: "ceil_mode", I: 1})
	}
	if l.Op == workloads.OpMaxPool {
		return x.node(name, "MaxPool", []string{in}, attrs...)
	}
	attrs = append(attrs[:2:2], attrs[3:]...) // AveragePool has no dilations before operator set 19
	if l.Window.CountPad {
		attrs = append(attrs, Attr{Name: "count_include_pad", I: 1})
	}
	return x.node(name, "AveragePool", []string{in}, attrs...)
}

// upsample appends an enlargement by a whole factor.
func (x *exporter) upsample(l *workloads.Layer, name, in string) string {
	scales := x.numbers(name+".scales", Float, 1, 1, float64(l.Scale), float64(l.Scale))
	attrs := []Attr{{Name: "mode", S: "nearest"}, {Name: "coordinate_transformation_mode", S: "asymmetric"}, {Name: "nearest_mode", S: "floor"}}
	if l.Bilinear {
		attrs = []Attr{{Name: "mode", S: "linear"}, {Name: "coordinate_transformation_mode", S: "half_pixel"}}
	}
	return x.node(name, "Resize", []string{in, "", scales}, attrs...)
}

// norm appends a batch normalisation.
func (x *exporter) norm(i int, name, in string) string {
	scale := initial{1, 0.1}
	if x.residual(i) {
		scale = initial{damping, 0.1 * damping}
	}
	c := int64(x.g.Layers[i].Out.C)
	inputs := []string{in, x.data.add(name+".weight", scale, c), x.data.add(name+".bias", initial{0, 0.1}, c),
		x.data.add(name+".running_mean", initial{0, 0.1}, c), x.data.add(name+".running_var", initial{1, 0.2}, c)}
	return x.node(name, "BatchNormalization", inputs, Attr{Name: "epsilon", F: 1e-5})
}

// activation appends the nodes of a non-linearity as PyTorch's exporter spells them.
func (x *exporter) activation(act workloads.Activation, name, in string) (string, error) {
	one := []string{in}
	switch act {
	case workloads.NoAct:
		return in, nil
	case workloads.ReLU:
		return x.node(name, "Relu", one), nil
	case workloads.ReLU6:
		lo := x.scalar(name+".min", 0)
		return x.node(name, "Clip", []string{in, lo, x.scalar(name+".max", 6)}), nil
	case workloads.SiLU:
		return x.node(name, "Mul", []string{in, x.node(name+".sigmoid", "Sigmoid", one)}), nil
	case workloads.Sigmoid:
		return x.node(name, "Sigmoid", one), nil
	case workloads.HardSigmoid:
		return x.node(name, "HardSigmoid", one, Attr{Name: "alpha", F: 1. / 6}, Attr{Name: "beta", F: 0.5}), nil
	case workloads.HardSwish:
		return x.node(name, "HardSwish", one), nil
	case workloads.LeakyReLU:
		return x.node(name, "LeakyRelu", one, Attr{Name: "alpha", F: 0.01}), nil
	case workloads.Tanh:
		return x.node(name, "Tanh", one), nil
	case workloads.GELU:
		return x.gelu(name, in), nil
	}
	return "", fmt.Errorf("activation %d cannot be exported", act)
}

// gelu appends x · (1 + erf(x/√2)) · ½.
func (x *exporter) gelu(name, in string) string {
	y := x.node(name+".div", "Div", []string{in, x.scalar(name+".sqrt2", 1.4142135381698608)})
	y = x.node(name+".erf", "Erf", []string{y})
	y = x.node(name+".add", "Add", []string{y, x.scalar(name+".one", 1)})
	y = x.node(name+".mul", "Mul", []string{in, y})
	return x.node(name, "Mul", []string{y, x.scalar(name+".half", 0.5)})
}

// scalar appends a Constant node without dimensions.
func (x *exporter) scalar(name string, v float64) string {
	t := &Tensor{Name: name, Type: Float, list: []float64{v}}
	return x.node(name, "Constant", nil, Attr{Name: "value", Tensor: t})
}
