package workloads

import "fmt"

// Builder makes a Graph layer by layer. Every method returns the new layer's index, to be passed as an input of later ones.
// The first fault is kept and returned by Build, so that a network can be written down without error checks.
type Builder struct {
	g   Graph
	err error
}

// NewBuilder starts a network called name whose input has the given shape.
func NewBuilder(name string, input Shape) *Builder {
	b := &Builder{g: Graph{Name: name}}
	b.g.Layers = append(b.g.Layers, Layer{Name: "input", Op: OpInput, Out: input, Class: ClassElementwise, ElemBytes: 4})
	return b
}

// Shape returns the output shape of layer i.
func (b *Builder) Shape(i int) Shape { return b.g.Layers[i].Out }

// Last returns the index of the newest layer.
func (b *Builder) Last() int { return len(b.g.Layers) - 1 }

// Layer returns the newest version of layer i for adjustments before Build (fusing an activation, naming ONNX nodes).
func (b *Builder) Layer(i int) *Layer { return &b.g.Layers[i] }

// Failf records a fault, if it is the first.
func (b *Builder) Failf(format string, args ...any) {
	if b.err == nil {
		b.err = fmt.Errorf("graph %s: "+format, append([]any{b.g.Name}, args...)...)
	}
}

// Add appends a layer as it is, completing only ElemBytes, and returns its index. The other methods are shorthands for it.
func (b *Builder) Add(l Layer) int {
	if l.ElemBytes == 0 {
		l.ElemBytes = 4
	}
	if l.WeightBytes == 0 {
		l.WeightBytes = 4 * l.Params
	}
	b.g.Layers = append(b.g.Layers, l)
	return b.Last()
}

// Conv describes a convolution for Builder.Conv.
type Conv struct {
	Out    int // output channels
	Window Window
	Groups int  // 0 means 1
	Bias   bool // a bias vector
	Norm   bool // batch normalisation follows
	Act    Activation
}

// Conv appends a convolution.
func (b *Builder) Conv(name string, in int, c Conv) int {
	s := b.Shape(in)
	b.checkWindow(name, &c.Window)
	groups := max(1, c.Groups)
	if s.C%groups != 0 || c.Out%groups != 0 {
		b.Failf("layer %s: %d groups do not divide %d input and %d output channels", name, groups, s.C, c.Out)
		groups = 1
	}
	out := Shape{c.Out, c.Window.OutHeight(s.H), c.Window.OutWidth(s.W)}
	perOut := int64(s.C/groups) * int64(c.Window.KH) * int64(c.Window.KW)
	b.checkCount(name, float64(out.Elements())*float64(perOut))
	macs := out.Elements() * perOut
	params := int64(c.Out) * perOut
	if c.Bias {
		params += int64(c.Out)
	}
	if c.Norm {
		params += 2 * int64(c.Out)
	}
	return b.Add(Layer{Name: name, Op: OpConv, Inputs: []int{in}, Out: out, Window: c.Window, Groups: groups, Bias: c.Bias,
		Norm: c.Norm, Act: c.Act, Class: convClass(c.Window, groups, s.C), MACs: macs, FLOPs: 2*macs + out.Elements(), Params: params})
}

// checkWindow records a fault for an impossible window and puts a possible one in its place.
func (b *Builder) checkWindow(name string, w *Window) {
	if !w.valid() {
		b.Failf("layer %s: impossible window %+v", name, *w)
		*w = Square(1, 1, 0)
	}
}

// checkCount records a fault if a layer's multiply-accumulates are beyond the supported (their product could overflow).
func (b *Builder) checkCount(name string, macs float64) {
	if macs > maxCount {
		b.Failf("layer %s: %.3g multiply-accumulates are more than supported", name, macs)
	}
}

// convClass returns the cost class of a convolution.
func convClass(w Window, groups, inC int) Class {
	switch {
	case groups == inC && groups > 1:
		return ClassDepthwise
	case groups > 1:
		return ClassGrouped
	case w.KH == 1 && w.KW == 1:
		return ClassConv1x1
	case w.KH == 3 && w.KW == 3 && w.SH == 1 && w.SW == 1:
		return ClassConv3x3
	}
	return ClassConvKxK
}

// Linear appends a fully connected layer over the whole input tensor, with a bias.
func (b *Builder) Linear(name string, in, out int, act Activation) int {
	n := b.Shape(in).Elements()
	b.checkCount(name, float64(n)*float64(out))
	macs := n * int64(out)
	return b.Add(Layer{Name: name, Op: OpLinear, Inputs: []int{in}, Out: Shape{out, 1, 1}, Bias: true, Act: act, Class: ClassFC,
		MACs: macs, FLOPs: 2*macs + int64(out), Params: macs + int64(out)})
}

// Pool appends a max or average pool with a window.
func (b *Builder) Pool(name string, op Op, in int, w Window) int {
	s := b.Shape(in)
	b.checkWindow(name, &w)
	out := Shape{s.C, w.OutHeight(s.H), w.OutWidth(s.W)}
	return b.Add(Layer{Name: name, Op: op, Inputs: []int{in}, Out: out, Window: w, Class: ClassElementwise,
		FLOPs: out.Elements() * int64(w.KH) * int64(w.KW)})
}

// GlobalPool appends a global average pool: C×H×W to C×1×1.
func (b *Builder) GlobalPool(name string, in int) int {
	s := b.Shape(in)
	return b.Add(Layer{Name: name, Op: OpGlobalPool, Inputs: []int{in}, Out: Shape{s.C, 1, 1}, Class: ClassElementwise, FLOPs: s.Elements()})
}

// Sum appends an element-wise addition of tensors of one shape.
func (b *Builder) Sum(name string, act Activation, ins ...int) int {
	s := b.Shape(ins[0])
	for _, in := range ins[1:] {
		if b.Shape(in) != s {
			b.Failf("layer %s: adds %v and %v", name, s, b.Shape(in))
		}
	}
	return b.Add(Layer{Name: name, Op: OpAdd, Inputs: ins, Out: s, Act: act, Class: ClassElementwise, FLOPs: s.Elements() * int64(len(ins)-1)})
}

// Mul appends the product of tensor in with scale, which has the same shape or is C×1×1.
func (b *Builder) Mul(name string, in, scale int) int {
	s, f := b.Shape(in), b.Shape(scale)
	if f != s && f != (Shape{s.C, 1, 1}) {
		b.Failf("layer %s: cannot scale %v by %v", name, s, f)
	}
	return b.Add(Layer{Name: name, Op: OpMul, Inputs: []int{in, scale}, Out: s, Class: ClassElementwise, FLOPs: s.Elements()})
}

// Concat appends a concatenation along channels.
func (b *Builder) Concat(name string, ins ...int) int {
	s := b.Shape(ins[0])
	for _, in := range ins[1:] {
		t := b.Shape(in)
		if t.H != s.H || t.W != s.W {
			b.Failf("layer %s: concatenates %v and %v", name, s, t)
		}
		s.C += t.C
	}
	return b.Add(Layer{Name: name, Op: OpConcat, Inputs: ins, Out: s, Class: ClassElementwise})
}

// Norm appends a stand-alone batch normalisation with an activation (pre-activation networks).
func (b *Builder) Norm(name string, in int, act Activation) int {
	s := b.Shape(in)
	return b.Add(Layer{Name: name, Op: OpElementwise, Inputs: []int{in}, Out: s, Norm: true, Act: act, Class: ClassElementwise,
		FLOPs: 2 * s.Elements(), Params: 2 * int64(s.C)})
}

// Build validates the network and returns it.
func (b *Builder) Build() (*Graph, error) {
	if b.err != nil {
		return nil, b.err
	}
	g := b.g
	if err := g.finish(); err != nil {
		return nil, err
	}
	return &g, nil
}
