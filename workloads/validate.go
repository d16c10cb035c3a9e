package workloads

import "fmt"

// Limits of one layer: beyond them a file is hostile or damaged, and sums over a network could overflow 64 bits.
const (
	maxElements = 1 << 36
	maxExtent   = 1 << 30
	maxCount    = 1 << 48 // FLOPs, parameters, bytes
	maxLayers   = 1 << 14
)

// validate reports the first layer that the rest of the package could not work with.
func (g *Graph) validate() error {
	n := len(g.Layers)
	if n < 2 || g.Layers[0].Op != OpInput {
		return fmt.Errorf("graph %s: needs an input layer and at least one more", g.Name)
	}
	if n > maxLayers {
		return fmt.Errorf("graph %s: %d layers, more than the %d supported", g.Name, n, maxLayers)
	}
	for i := range g.Layers {
		err := g.validateSize(i)
		if err == nil {
			err = g.validateInputs(i)
		}
		if err == nil {
			err = g.validateGeometry(i)
		}
		if err != nil {
			return fmt.Errorf("graph %s: layer %d (%s) %w", g.Name, i, g.Layers[i].Name, err)
		}
	}
	return nil
}

func (g *Graph) validateSize(i int) error {
	l := &g.Layers[i]
	s := l.Out
	if s.C < 1 || s.H < 1 || s.W < 1 {
		return fmt.Errorf("has an empty output %v", s)
	}
	if max(s.C, s.H, s.W) > maxExtent || float64(s.C)*float64(s.H)*float64(s.W) > maxElements {
		return fmt.Errorf("has an output of %v, more than the %d elements supported", s, int64(maxElements))
	}
	for _, count := range []int64{l.MACs, l.FLOPs, l.Params, l.WeightBytes} {
		if count < 0 || count > maxCount {
			return fmt.Errorf("counts %d operations, parameters or bytes: outside 0 to %d", count, int64(maxCount))
		}
	}
	if l.Op > OpOpaque || l.Act > GELU {
		return fmt.Errorf("has operator %d and activation %d, which do not exist", l.Op, l.Act)
	}
	if int(l.Class) >= NumClasses || l.ElemBytes < 1 || l.ElemBytes > 16 {
		return fmt.Errorf("has cost class %d and %d bytes per element", l.Class, l.ElemBytes)
	}
	return nil
}

func (g *Graph) validateInputs(i int) error {
	l := &g.Layers[i]
	if (l.Op == OpInput) != (i == 0) || (l.Op == OpInput) != (len(l.Inputs) == 0) {
		return fmt.Errorf("is wrong: exactly layer 0 is the input and has none itself")
	}
	for _, in := range l.Inputs {
		if in < 0 || in >= i {
			return fmt.Errorf("reads layer %d, which does not come before it", in)
		}
	}
	switch l.Op {
	case OpInput, OpAdd, OpMul, OpConcat, OpOpaque:
	default:
		if len(l.Inputs) != 1 {
			return fmt.Errorf("has %d inputs, but %v takes one", len(l.Inputs), l.Op)
		}
	}
	return nil
}

// validateGeometry checks what the row arithmetic takes for granted: that the rows and channels of a layer's output correspond
// to those of its inputs as its operator says. What does not is to be OpOpaque.
func (g *Graph) validateGeometry(i int) error {
	l := &g.Layers[i]
	channels := 0
	for _, in := range l.Inputs {
		s := g.Layers[in].Out
		channels += s.C
		if want, ok := l.outFor(s); !ok {
			return fmt.Errorf("is %v of %v, which gives %v, not %v", l.Op, s, want, l.Out)
		}
	}
	if l.Op == OpConcat && channels != l.Out.C {
		return fmt.Errorf("concatenates %d channels to %d", channels, l.Out.C)
	}
	if l.Op == OpConv && (l.Groups < 1 || channels%l.Groups != 0 || l.Out.C%l.Groups != 0) {
		return fmt.Errorf("has %d groups for %d input and %d output channels", l.Groups, channels, l.Out.C)
	}
	return nil
}

// outFor returns the output shape that an input of shape s implies and whether the layer has it, as far as its operator says.
func (l *Layer) outFor(s Shape) (Shape, bool) {
	want := l.Out
	switch l.Op {
	case OpConv, OpMaxPool, OpAvgPool:
		if !l.Window.valid() {
			return Shape{}, false
		}
		want.H, want.W = l.Window.OutHeight(s.H), l.Window.OutWidth(s.W)
		if l.Op != OpConv {
			want.C = s.C
		}
	case OpGlobalPool:
		want = Shape{s.C, 1, 1}
	case OpAdd, OpElementwise:
		want.C, want.H = s.C, s.H
	case OpMul:
		if s != (Shape{l.Out.C, 1, 1}) {
			want.C, want.H = s.C, s.H
		}
	case OpConcat:
		want.H = s.H
	case OpUpsample:
		want.C, want.H = s.C, s.H*l.Scale
	}
	return want, want == l.Out
}

// valid reports whether the window is one: extents of at least 1, no negative padding, nothing absurd.
func (w Window) valid() bool {
	const most = 1 << 15
	for _, v := range []int{w.KH, w.KW, w.SH, w.SW, w.DH, w.DW} {
		if v < 1 || v > most {
			return false
		}
	}
	for _, v := range []int{w.PadTop, w.PadLeft, w.PadBottom, w.PadRight} {
		if v < 0 || v > most {
			return false
		}
	}
	return true
}
