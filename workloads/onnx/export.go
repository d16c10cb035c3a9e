package onnx

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"hidp/workloads"
)

// What Export writes: the version of the file format and of the operators.
const (
	exportIR    = 8
	exportOpset = 17
)

// Export writes g as an ONNX model to path, with weights drawn from seed in a file beside it: NAME.onnx and NAME.onnx.data.
// Batch normalisations are nodes of their own. The batch is open. The weights make activations neither vanish nor overflow; they
// are of no other use. They are streamed, so that memory does not grow with the model.
//
// Both files appear complete or not at all. A graph with opaque layers or ones with an unknown function cannot be exported.
func Export(g *workloads.Graph, path string, seed uint64) error {
	return export(g, path, func(f *weightFile, out *os.File) error {
		f.seed = seed
		return f.write(out)
	})
}

// export is Export with the weights written by fill.
func export(g *workloads.Graph, path string, fill func(f *weightFile, out *os.File) error) error {
	data := path + ".data"
	x := &exporter{g: g, data: weightFile{name: filepath.Base(data)}, ranks: make([]int, len(g.Layers)), names: make([]string, len(g.Layers))}
	for i := range g.Layers {
		if err := x.layer(i); err != nil {
			return fmt.Errorf("%s: layer %d (%s): %w", g.Name, i, g.Layers[i].Name, err)
		}
	}
	model := x.model()
	tmp, err := writeTemporary(data, func(out *os.File) error { return fill(&x.data, out) })
	if err != nil {
		return err
	}
	defer os.Remove(tmp) // fails once it is renamed
	tmpModel, err := writeTemporary(path, func(out *os.File) error {
		_, err := out.Write(model)
		return err
	})
	if err != nil {
		return err
	}
	defer os.Remove(tmpModel)
	if err := os.Rename(tmp, data); err != nil {
		return err
	}
	if err := os.Rename(tmpModel, path); err != nil {
		return errors.Join(err, os.Remove(data))
	}
	return nil
}

// writeTemporary writes a file beside path, to be renamed to it.
func writeTemporary(path string, fill func(out *os.File) error) (name string, err error) {
	out, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return "", err
	}
	err = first(fill(out), out.Chmod(0o644), out.Close())
	if err != nil {
		out.Close() // a second time if that was not what failed: no matter
		os.Remove(out.Name())
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return out.Name(), nil
}

// exporter turns layers to nodes.
type exporter struct {
	g     *workloads.Graph
	nodes []Node
	data  weightFile
	ranks []int    // dimensions of each layer's tensor in the file: 4, or 2 for fully connected layers
	names []string // name of each layer's tensor
	used  map[string]bool
}

// model returns the encoded model.
func (x *exporter) model() []byte {
	port := func(name string, i int) Port {
		s := x.g.Layers[i].Out
		p := Port{Name: name, Type: Float, Shaped: true, Dims: []int64{-1, int64(s.C)}, Params: []string{"batch", ""}}
		if x.ranks[i] == 4 {
			p.Dims = append(p.Dims, int64(s.H), int64(s.W))
		}
		return p
	}
	out := x.g.Output()
	m := &Model{IRVersion: exportIR, Opset: exportOpset, Producer: "hidp", Nodes: x.nodes, Weights: x.data.tensors,
		Inputs: []Port{port(x.names[0], 0)}, Outputs: []Port{port(x.names[out], out)}}
	return encode(m, x.g.Name)
}

// node appends a node that produces a tensor of its own name, and returns that.
func (x *exporter) node(name, op string, inputs []string, attrs ...Attr) string {
	x.nodes = append(x.nodes, Node{Name: name, OpType: op, Inputs: inputs, Outputs: []string{name + ":0"}, Attrs: attrs})
	return name + ":0"
}

// layer appends the nodes of layer i.
func (x *exporter) layer(i int) error {
	l := &x.g.Layers[i]
	name := x.unique(l.Name, i)
	if l.Op == workloads.OpInput {
		x.ranks[0], x.names[0] = 4, name
		return nil
	}
	var in []string
	for _, p := range l.Inputs {
		in = append(in, x.names[p])
	}
	x.ranks[i] = x.ranks[l.Inputs[0]]
	out, err := x.operator(i, name, in)
	if err != nil {
		return err
	}
	norm, act := name+".norm", name+".act"
	if l.Op == workloads.OpElementwise { // the first node has the layer's name, as with other layers
		norm = name
		if !l.Norm {
			act = name
		}
	}
	if l.Norm {
		out = x.norm(i, norm, out)
	}
	x.names[i], err = x.activation(l.Act, act, out)
	return err
}

// unique returns a name for layer i that no other layer has.
func (x *exporter) unique(name string, i int) string {
	if x.used == nil {
		x.used = map[string]bool{}
	}
	if name == "" || x.used[name] {
		name = strings.TrimPrefix(fmt.Sprintf("%s.%d", name, i), ".")
	}
	x.used[name] = true
	return name
}

// operator appends the node of layer i itself.
func (x *exporter) operator(i int, name string, in []string) (string, error) {
	l := &x.g.Layers[i]
	switch l.Op {
	case workloads.OpConv, workloads.OpConvTranspose:
		return x.conv(i, name, in[0]), nil
	case workloads.OpLinear:
		return x.linear(i, name, in[0]), nil
	case workloads.OpMaxPool, workloads.OpAvgPool:
		return x.pool(l, name, in[0]), nil
	case workloads.OpGlobalPool:
		return x.node(name, "GlobalAveragePool", in), nil
	case workloads.OpAdd:
		return x.node(name, map[bool]string{true: "Add", false: "Sum"}[len(in) == 2], in), nil
	case workloads.OpMul:
		for k, p := range l.Inputs {
			if x.ranks[i] == 4 && x.ranks[p] == 2 {
				in[k] = x.node(name+".unsqueeze", "Unsqueeze", []string{in[k], x.numbers(name+".axes", Int64, 2, 3)})
			}
		}
		return x.node(name, "Mul", in), nil
	case workloads.OpConcat:
		return x.node(name, "Concat", in, Attr{Name: "axis", I: 1}), nil
	case workloads.OpSoftmax:
		return x.node(name, "Softmax", in, Attr{Name: "axis", I: 1}), nil
	case workloads.OpUpsample:
		return x.upsample(l, name, in[0]), nil
	case workloads.OpElementwise:
		if l.Norm || l.Act != workloads.NoAct {
			return in[0], nil
		}
	}
	return "", fmt.Errorf("%v layers do not say what they compute and cannot be exported", l.Op)
}

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
