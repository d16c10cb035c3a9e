package onnx

import (
	"fmt"
	"slices"
	"strings"

	"hidp/workloads"
)

// wholes adds operators that are always executed whole, with their shapes and costs.
func wholes(t map[string]operator) {
	element := func(names ...string) {
		for _, name := range names {
			t[name] = operator{1, broadcast, computes, false}
		}
	}
	element("BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor")
	for _, name := range []string{"IsNaN", "IsInf"} {
		t[name] = operator{1, compared, computes, false}
	}
	for _, name := range []string{"BitwiseNot", "ReverseSequence"} {
		t[name] = operator{1, same, computes, false}
	}
	t["Swish"] = operator{1, same, unary(workloads.NoAct), false}
	t["RMSNormalization"] = operator{2, inferRMSNorm, lowerNorm, false}
	t["LpPool"] = operator{1, inferPool, computes, false}
	t["GlobalLpPool"] = operator{1, inferGlobal, computes, false}
	t["MaxUnpool"] = operator{2, inferUnpool, computes, false}
	t["Einsum"] = operator{1, inferEinsum, lowerEinsum, false}
	t["OneHot"] = operator{3, inferOneHot, computes, false}
	t["GridSample"] = operator{2, inferGrid, computes, false}
	t["DynamicQuantizeLinear"] = operator{1, inferDynamic, computes, false}
	t["QLinearConv"] = operator{8, inferQLinearConv, lowerWholeConv, false}
	t["ConvInteger"] = operator{2, inferConvInteger, lowerWholeConv, false}
	t["com.microsoft.FusedConv"] = operator{2, inferConv, lowerWholeConv, false}
	t["com.microsoft.FusedGemm"] = operator{2, inferGemm, lowerWholeGemm, false}
	t["MatMulInteger"] = operator{2, inferMatMulInteger, lowerWholeGemm, false}
	t["QLinearMatMul"] = operator{8, inferQLinearMatMul, lowerWholeGemm, false}
}

func inferRMSNorm(c *call) (shapes, error) {
	_, err := axis(c.int("axis", -1), len(c.args[0].dims))
	return shapes{c.args[0].dims}, err
}

// inferUnpool infers MaxUnpool, the inverse of MaxPool: its third input, if it is there, is the output's dimensions.
func inferUnpool(c *call) (shapes, error) {
	in := c.args[0].dims
	if c.has(2) {
		out, _, err := c.list("", 2)
		if err == nil && len(out) != len(in) {
			err = fmt.Errorf("unpools %v to %v", in, out)
		}
		return shapes{out}, err
	}
	s, err := c.pool()
	if err != nil {
		return nil, err
	}
	out := slices.Clone(in)
	for i, w := range s {
		out[i+2] = (in[i+2]-1)*int64(w.SH) + int64(w.KH-w.PadTop-w.PadBottom)
		if out[i+2] < 1 {
			return nil, fmt.Errorf("unpools %v to nothing", in)
		}
	}
	return shapes{out}, nil
}

func inferOneHot(c *call) (shapes, error) {
	index := c.args[0].dims
	depth, _, err := c.list("", 1)
	if err != nil || len(depth) != 1 || depth[0] < 1 {
		return nil, first(err, fmt.Errorf("its depth is no positive number"))
	}
	c.kind = c.args[2].kind
	k, err := axis(c.int("axis", -1), len(index)+1)
	return shapes{slices.Insert(slices.Clone(index), min(k, len(index)), depth[0])}, err
}

// inferGrid infers GridSample: an input N×C×…, sampled at the places of a grid N×…×D.
func inferGrid(c *call) (shapes, error) {
	in, grid := c.args[0].dims, c.args[1].dims
	if len(in) < 3 || len(grid) != len(in) || grid[0] != in[0] || grid[len(grid)-1] != int64(len(in)-2) {
		return nil, fmt.Errorf("samples %v at a grid of dimensions %v", in, grid)
	}
	return shapes{slices.Concat(in[:2], grid[1:len(grid)-1])}, nil
}

// inferDynamic infers DynamicQuantizeLinear: the quantised input, its scale and its zero point.
func inferDynamic(c *call) (shapes, error) {
	c.kind, c.more = Uint8, []DataType{Float, Uint8}
	return shapes{c.args[0].dims, {}, {}}[:min(3, len(c.out))], nil
}

func inferQLinearConv(c *call) (shapes, error) {
	dims, err := c.convDims(c.args[3].dims)
	c.kind = c.args[7].kind
	return dims, err
}

func inferConvInteger(c *call) (shapes, error) {
	c.kind = Int32
	return inferConv(c)
}

func inferMatMulInteger(c *call) (shapes, error) {
	c.kind = Int32
	return inferMatMul(c)
}

func inferQLinearMatMul(c *call) (shapes, error) {
	c.kind = c.args[7].kind
	return matMulDims(c.args[0].dims, c.args[3].dims)
}

// lowerWholeConv lowers the kinds of convolutions that are not cut.
func lowerWholeConv(c *call, dims shapes) error {
	w := c.args[1]
	if c.fn == "QLinearConv" {
		w = c.args[3]
	}
	n, err := product(dims[0])
	if err != nil {
		return err
	}
	macs, err := times(append([]int64{n}, w.dims[1:]...)...)
	c.opaque(dims, workloads.Layer{Class: convClass(w.dims, c.int("group", 1)), MACs: macs, FLOPs: 2*macs + n})
	return err
}

// lowerWholeGemm lowers matrix products that are not cut.
func lowerWholeGemm(c *call, dims shapes) error {
	n, err := product(dims[0])
	if err != nil {
		return err
	}
	a := c.args[0].dims
	k := a[len(a)-1]
	if c.int("transA", 0) != 0 {
		k = a[0]
	}
	macs, err := times(n, k)
	c.opaque(dims, workloads.Layer{Class: workloads.ClassFC, MACs: macs, FLOPs: 2*macs + n})
	return err
}

// einsum is the equation of an Einsum: the labels of each operand's axes and of the output's, and the extent of each label.
// An ellipsis stands for labels of its own, as many as the operand has axes left.
type einsum struct {
	in     [][]string
	out    []string
	extent map[string]int64
}

// inferEinsum infers Einsum from its equation.
func inferEinsum(c *call) (shapes, error) {
	e, err := c.einsum()
	if err != nil {
		return nil, err
	}
	dims := []int64{}
	for _, label := range e.out {
		n, there := e.extent[label]
		if !there {
			return nil, fmt.Errorf("its equation %s has the label %s in the output only", quote(c.text("equation", "")), label)
		}
		dims = append(dims, n)
	}
	return shapes{dims}, nil
}

func (c *call) einsum() (*einsum, error) {
	text := strings.ReplaceAll(c.text("equation", ""), " ", "")
	left, right, explicit := strings.Cut(text, "->")
	terms := strings.Split(left, ",")
	e := &einsum{extent: map[string]int64{}}
	if len(terms) != len(c.args) {
		return nil, fmt.Errorf("its equation %s has %d operands, the node %d", quote(text), len(terms), len(c.args))
	}
	count := map[string]int{}
	wide := 0 // axes of the widest ellipsis
	for i, term := range terms {
		if c.args[i] == nil {
			return nil, fmt.Errorf("one of its inputs is left out")
		}
		dims := c.args[i].dims
		labels, dots, ok := einsumLabels(term, len(dims))
		if !ok {
			return nil, fmt.Errorf("its equation %s does not fit an operand of dimensions %v", quote(text), dims)
		}
		wide = max(wide, dots)
		for k, label := range labels {
			count[label]++
			if have := max(1, e.extent[label]); have != 1 && dims[k] != 1 && have != dims[k] {
				return nil, fmt.Errorf("its equation %s gives the label %s the extents %d and %d", quote(text), label, have, dims[k])
			}
			e.extent[label] = max(e.extent[label], dims[k])
		}
		e.in = append(e.in, labels)
	}
	if !explicit {
		right = impliedOutput(count)
	}
	labels, _, ok := einsumLabels(right, len(strings.ReplaceAll(right, "...", ""))+wide*strings.Count(right, "..."))
	if !ok {
		return nil, fmt.Errorf("its equation %s is not understood", quote(text))
	}
	e.out = labels
	return e, nil
}

// einsumLabels returns the labels of rank axes, and how many an ellipsis stands for: those are numbered from the right.
func einsumLabels(term string, rank int) (labels []string, dots int, ok bool) {
	before, after, ellipsis := strings.Cut(term, "...")
	if ellipsis {
		dots = rank - len(before) - len(after)
	}
	if dots < 0 || !ellipsis && len(before) != rank {
		return nil, 0, false
	}
	for _, r := range before + after {
		if r < 'A' || r > 'z' || r > 'Z' && r < 'a' {
			return nil, 0, false
		}
	}
	for _, r := range before {
		labels = append(labels, string(r))
	}
	for i := range dots {
		labels = append(labels, fmt.Sprintf("…%d", dots-1-i))
	}
	for _, r := range after {
		labels = append(labels, string(r))
	}
	return labels, dots, true
}

// impliedOutput is the output of an equation that does not say it: the ellipsis and all labels that are there once, in order.
func impliedOutput(count map[string]int) string {
	var once []string
	ellipsis := ""
	for label, n := range count {
		if strings.HasPrefix(label, "…") {
			ellipsis = "..."
		} else if n == 1 {
			once = append(once, label)
		}
	}
	slices.Sort(once)
	return ellipsis + strings.Join(once, "")
}

// lowerEinsum counts one multiply-accumulate for each combination of all labels, if there are several operands.
func lowerEinsum(c *call, dims shapes) error {
	e, err := c.einsum()
	if err != nil {
		return err
	}
	var extents []int64
	for _, n := range e.extent {
		extents = append(extents, n)
	}
	slices.Sort(extents)
	n, err := times(extents...)
	if err != nil {
		return err
	}
	l := workloads.Layer{Class: workloads.ClassElementwise, FLOPs: n}
	if len(c.args) > 1 {
		l = workloads.Layer{Class: workloads.ClassFC, MACs: n, FLOPs: 2 * n}
	}
	c.opaque(dims, l)
	return nil
}
