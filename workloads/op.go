package workloads

import "fmt"

// Op is the operator of a layer. It decides what is read of inputs (geometry.go) and, together with the window, the cost Class.
type Op uint8

// The operators. Everything a network may contain that is not listed is Opaque: it is executed whole, by one device.
const (
	OpInput         Op = iota // the network's input; always layer 0
	OpConv                    // 2-D convolution with fused normalisation and activation
	OpConvTranspose           // transposed 2-D convolution
	OpLinear                  // fully connected: y = Wx + b over the whole input tensor
	OpMaxPool                 // max pooling
	OpAvgPool                 // average pooling with a window
	OpGlobalPool              // average over all rows and columns; splits into partial sums
	OpAdd                     // element-wise sum of tensors of one shape
	OpMul                     // element-wise product; the second input may be C×1×1 (squeeze-excite scale)
	OpConcat                  // concatenation along channels
	OpElementwise             // unary: a normalisation or activation that nothing could absorb
	OpSoftmax                 // over channels or the whole vector; executed whole
	OpUpsample                // nearest or bilinear enlargement by an integer factor
	OpOpaque                  // anything else; executed whole
)

var opNames = [...]string{"input", "conv", "conv_transpose", "linear", "max_pool", "avg_pool", "global_pool", "add", "mul",
	"concat", "elementwise", "softmax", "upsample", "opaque"}

// String returns the operator's name as used in layer tables and reports.
func (o Op) String() string {
	if int(o) < len(opNames) {
		return opNames[o]
	}
	return fmt.Sprintf("op(%d)", uint8(o))
}

// Class is the cost class of a layer: layers of one class run at one rate on a given core cluster (design: cost of a slice).
type Class uint8

// The cost classes.
const (
	ClassConv3x3     Class = iota // 3×3 convolution, stride 1 (Winograd territory)
	ClassConvKxK                  // any other k×k convolution
	ClassConv1x1                  // pointwise convolution
	ClassDepthwise                // depthwise convolution: one filter per channel
	ClassGrouped                  // grouped convolution
	ClassFC                       // fully connected and matrix products
	ClassElementwise              // everything that moves data and hardly computes
	NumClasses       = int(ClassElementwise) + 1
)

var classNames = [NumClasses]string{"conv3x3", "convkxk", "conv1x1", "depthwise", "grouped", "fc", "elementwise"}

// String returns the class name used in board files and layer tables.
func (c Class) String() string { return classNames[c] }

// Classes lists all cost classes in order.
func Classes() []Class {
	all := make([]Class, NumClasses)
	for i := range all {
		all[i] = Class(i)
	}
	return all
}

// ParseClass returns the class called name.
func ParseClass(name string) (Class, bool) {
	for i, n := range classNames {
		if n == name {
			return Class(i), true
		}
	}
	return 0, false
}

// Activation is the non-linearity fused into a layer.
type Activation uint8

// The activations that layers can absorb.
const (
	NoAct Activation = iota
	ReLU
	ReLU6
	SiLU
	Sigmoid
	HardSigmoid
	HardSwish
	LeakyReLU
	Tanh
	GELU
)

// Window is the geometry of a convolution or pooling: kernel, stride, dilation and the four paddings, in elements.
type Window struct {
	KH, KW                               int
	SH, SW                               int
	DH, DW                               int
	PadTop, PadLeft, PadBottom, PadRight int
	Ceil                                 bool // output extent rounds up (ceil_mode of pools)
	CountPad                             bool // average pooling counts the padding (count_include_pad)
}

// Square returns the window of a k×k kernel with stride s and symmetric padding p.
func Square(k, s, p int) Window {
	return Window{KH: k, KW: k, SH: s, SW: s, DH: 1, DW: 1, PadTop: p, PadLeft: p, PadBottom: p, PadRight: p}
}

// Rect returns the window of a kh×kw kernel of stride 1 with symmetric paddings ph and pw.
func Rect(kh, kw, ph, pw int) Window {
	return Window{KH: kh, KW: kw, SH: 1, SW: 1, DH: 1, DW: 1, PadTop: ph, PadLeft: pw, PadBottom: ph, PadRight: pw}
}

// OutHeight returns the number of output rows over h input rows; OutWidth the number of columns over w.
func (w Window) OutHeight(h int) int {
	return outExtent(h, w.KH, w.SH, w.DH, w.PadTop, w.PadBottom, w.Ceil)
}

// OutWidth returns the number of output columns over n input columns.
func (w Window) OutWidth(n int) int {
	return outExtent(n, w.KW, w.SW, w.DW, w.PadLeft, w.PadRight, w.Ceil)
}

// outExtent is the common formula of convolutions and pools; with ceil, a last window that would start beyond the input and
// its leading padding is dropped, as PyTorch and ONNX do.
func outExtent(in, k, s, d, before, after int, ceil bool) int {
	span := in + before + after - ((k-1)*d + 1)
	if ceil {
		span += s - 1
	}
	if span < 0 {
		return 0
	}
	out := span/s + 1
	if ceil && (out-1)*s >= in+before {
		out--
	}
	return out
}
