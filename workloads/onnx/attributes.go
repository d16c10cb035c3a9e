package onnx

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// attributes lists what attributes each operator has that Load knows, over all supported operator sets. An attribute that is not
// listed, that the file's operator set does not have, or with a value that is not understood, refuses the file: the attribute
// might change what the operator computes. Sources: the operator schemas of ONNX 1.19 and, for com.microsoft, of ONNX Runtime.
//
//	name        known, with any value: the import reads it, or it changes neither shapes nor which rows need which
//	name!       must be there
//	name>=18    since that operator set
//	name<13     until that operator set (excluded)
//	name=a|b    these values only; an empty one stands for an attribute with an empty text
const attributeTable = `
Cast to! saturate>=19 round_mode>=24
CastLike saturate>=19 round_mode>=24
Constant value value_float>=12 value_floats>=12 value_int>=12 value_ints>=12
ConstantOfShape value
Shape start>=15 end>=15
Dropout ratio<12 seed>=12
Reshape allowzero>=14=0|1
Flatten axis
Squeeze axes<13
Unsqueeze axes<13
Transpose perm
Pad mode=constant|reflect|edge|wrap pads<11 value<11
QuantizeLinear axis>=13 saturate>=19 block_size>=21 output_dtype>=21 precision>=23
DequantizeLinear axis>=13 block_size>=21 output_dtype>=23
Conv auto_pad=|NOTSET|VALID|SAME_UPPER|SAME_LOWER dilations group kernel_shape pads strides
ConvTranspose auto_pad=|NOTSET|VALID|SAME_UPPER|SAME_LOWER dilations group kernel_shape output_padding output_shape pads strides
ConvInteger auto_pad=|NOTSET|VALID|SAME_UPPER|SAME_LOWER dilations group kernel_shape pads strides
QLinearConv auto_pad=|NOTSET|VALID|SAME_UPPER|SAME_LOWER dilations group kernel_shape pads strides
com.microsoft.FusedConv auto_pad=|NOTSET|VALID|SAME_UPPER|SAME_LOWER dilations group kernel_shape pads strides activation activation_params
com.microsoft.FusedGemm alpha beta transA transB activation activation_alpha activation_beta activation_gamma
Gemm alpha beta transA transB
LSTM activation_alpha activation_beta activations clip direction=forward|reverse|bidirectional hidden_size input_forget layout>=14=0
GRU activation_alpha activation_beta activations clip direction=forward|reverse|bidirectional hidden_size linear_before_reset layout>=14=0
RNN activation_alpha activation_beta activations clip direction=forward|reverse|bidirectional hidden_size layout>=14=0
MaxPool auto_pad=|NOTSET|VALID|SAME_UPPER|SAME_LOWER ceil_mode>=10=0|1 dilations>=10 kernel_shape! pads storage_order>=8=0|1 strides
AveragePool auto_pad=|NOTSET|VALID|SAME_UPPER|SAME_LOWER ceil_mode>=10=0|1 count_include_pad=0|1 dilations>=19 kernel_shape! pads strides
LpPool auto_pad=|NOTSET|VALID|SAME_UPPER|SAME_LOWER ceil_mode>=18=0|1 dilations>=18 kernel_shape! p pads strides
GlobalLpPool p
MaxUnpool kernel_shape! pads strides
BatchNormalization epsilon momentum spatial<9=1 training_mode>=14=0|1
LayerNormalization axis epsilon stash_type
RMSNormalization axis epsilon stash_type
InstanceNormalization epsilon
GroupNormalization epsilon num_groups! stash_type>=21
LpNormalization axis p
MeanVarianceNormalization axes>=9
LRN alpha beta bias size!
Softmax axis
LogSoftmax axis
Hardmax axis
Concat axis!
Resize antialias>=18=0|1 axes>=18 coordinate_transformation_mode>=11=half_pixel|half_pixel_symmetric|pytorch_half_pixel|align_corners|asymmetric|tf_half_pixel_for_nn|tf_crop_and_resize cubic_coeff_a>=11 exclude_outside>=11=0|1 extrapolation_value>=11 keep_aspect_ratio_policy>=18=stretch|not_larger|not_smaller mode=nearest|linear|cubic nearest_mode>=11=round_prefer_floor|round_prefer_ceil|floor|ceil
Upsample mode=nearest|linear|bilinear scales<9
ReduceMean axes<18 keepdims=0|1 noop_with_empty_axes>=18=0|1
ReduceMax axes<18 keepdims=0|1 noop_with_empty_axes>=18=0|1
ReduceMin axes<18 keepdims=0|1 noop_with_empty_axes>=18=0|1
ReduceProd axes<18 keepdims=0|1 noop_with_empty_axes>=18=0|1
ReduceL1 axes<18 keepdims=0|1 noop_with_empty_axes>=18=0|1
ReduceL2 axes<18 keepdims=0|1 noop_with_empty_axes>=18=0|1
ReduceSumSquare axes<18 keepdims=0|1 noop_with_empty_axes>=18=0|1
ReduceLogSum axes<18 keepdims=0|1 noop_with_empty_axes>=18=0|1
ReduceLogSumExp axes<18 keepdims=0|1 noop_with_empty_axes>=18=0|1
ReduceSum axes<13 keepdims=0|1 noop_with_empty_axes>=13=0|1
Clip min<11 max<11
ArgMax axis keepdims=0|1 select_last_index>=12=0|1
ArgMin axis keepdims=0|1 select_last_index>=12=0|1
TopK axis k<10 largest>=11=0|1 sorted>=11=0|1
CumSum exclusive=0|1 reverse=0|1
Split axis split<13 num_outputs>=18
Slice starts<10 ends<10 axes<10
Gather axis
GatherElements axis
GatherND batch_dims>=12
ScatterND reduction>=16=none|add|mul|max|min
ScatterElements axis reduction>=16=none|add|mul|max|min
Tile
Trilu upper=0|1
DepthToSpace blocksize! mode>=11=DCR|CRD
SpaceToDepth blocksize!
Mod fmod=0|1
BitShift direction!=LEFT|RIGHT
HardSigmoid alpha beta
LeakyRelu alpha
Gelu approximate>=20=none|tanh
Swish alpha
Celu alpha
Elu alpha
Selu alpha gamma
Shrink bias lambd
ThresholdedRelu alpha
IsInf detect_negative=0|1 detect_positive=0|1
Einsum equation!
OneHot axis
GridSample align_corners=0|1 mode padding_mode=zeros|border|reflection
ReverseSequence batch_axis time_axis
If then_branch! else_branch!
`

// attribute is one entry of the table.
type attribute struct {
	name         string
	must         bool
	since, until int64    // operator sets; until is excluded, 0 means ever
	values       []string // nil: any
}

// knownAttributes parses the table: the attributes of each operator.
func knownAttributes() map[string][]attribute {
	all := map[string][]attribute{}
	for _, line := range strings.Split(strings.TrimSpace(attributeTable), "\n") {
		words := strings.Fields(line)
		list := []attribute{}
		for _, w := range words[1:] {
			list = append(list, parseAttribute(w))
		}
		all[words[0]] = list
	}
	return all
}

func parseAttribute(word string) attribute {
	var a attribute
	end := strings.IndexAny(word, "!<>=")
	if end < 0 {
		return attribute{name: word}
	}
	a.name, word = word[:end], word[end:]
	number := func(skip int) int64 {
		word = word[skip:]
		end := strings.IndexByte(word+"=", '=')
		n, err := strconv.ParseInt(word[:end], 10, 64)
		if err != nil {
			panic("onnx: the table of attributes has a bad number: " + word)
		}
		word = word[end:]
		return n
	}
	if strings.HasPrefix(word, "!") {
		a.must, word = true, word[1:]
	}
	switch {
	case strings.HasPrefix(word, ">="):
		a.since = number(2)
	case strings.HasPrefix(word, "<"):
		a.until = number(1)
	}
	if strings.HasPrefix(word, "=") {
		a.values = strings.Split(word[1:], "|")
	}
	return a
}

// checkAttributes compares the attributes of all nodes of known operators with the table.
func (im *importer) checkAttributes() error {
	const most = 8 // faults named
	all := knownAttributes()
	var faults []string
	more := 0
	for _, n := range im.nodes {
		if im.table[n.fn].infer == nil {
			continue // not known, and executed whole if at all
		}
		for _, fault := range im.m.attributeFaults(n.Node, all[n.fn]) {
			if len(faults) == most {
				more++
				continue
			}
			faults = append(faults, fmt.Sprintf("%v: %s", n.Node, fault))
		}
	}
	if more > 0 {
		faults = append(faults, fmt.Sprintf("and %d more like these", more))
	}
	if len(faults) > 0 {
		return fmt.Errorf("%s", strings.Join(faults, "; "))
	}
	return nil
}

// attributeFaults says what is wrong with the attributes of node n, whose operator has those in list.
func (m *Model) attributeFaults(n *Node, list []attribute) []string {
	var faults []string
	for i := range n.Attrs {
		a := &n.Attrs[i]
		k := slices.IndexFunc(list, func(known attribute) bool { return known.name == a.Name })
		switch {
		case k < 0:
			faults = append(faults, fmt.Sprintf("attribute %s with the value %s is none that %s is known to have", clip(a.Name), a.value(), n.op()))
		case n.Domain == "" && (m.Opset < list[k].since || list[k].until > 0 && m.Opset >= list[k].until):
			faults = append(faults, fmt.Sprintf("attribute %s with the value %s: %s has none of that name in operator set %d", a.Name, a.value(), n.op(), m.Opset))
		case list[k].values != nil && !slices.Contains(list[k].values, a.bare()):
			faults = append(faults, fmt.Sprintf("attribute %s has the value %s; %s is understood with %s only", a.Name, a.value(), n.op(), strings.Trim(strings.Join(list[k].values, ", "), " ,")))
		}
	}
	for _, known := range list {
		if _, there := n.attr(known.name); known.must && !there {
			faults = append(faults, "lacks its attribute "+known.name)
		}
	}
	return faults
}

// bare returns the value of a text or an integer as the table has it.
func (a *Attr) bare() string {
	if a.S != "" || a.kind == attrString {
		return a.S
	}
	return strconv.FormatInt(a.I, 10)
}

// value writes the attribute's value for a message.
func (a *Attr) value() string {
	switch {
	case a.HasGraph:
		return "of a graph"
	case a.Tensor != nil:
		return fmt.Sprintf("of a tensor of dimensions %v", a.Tensor.Dims)
	case a.S != "" || a.kind == attrString:
		return quote(a.S)
	case len(a.Ints) > 0:
		return clip(fmt.Sprint(a.Ints))
	case len(a.Floats) > 0:
		return clip(fmt.Sprint(a.Floats))
	case a.F != 0:
		return fmt.Sprint(a.F)
	}
	return strconv.FormatInt(a.I, 10)
}
