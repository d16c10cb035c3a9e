package submodel

import (
	"fmt"
	"slices"
	"strings"

	"hidp/workloads/onnx"
)

// Tolerance says by how much the answer of a network in pieces may differ from that of the network whole.
type Tolerance struct {
	Relative float64 // of the scale: see Source.Compare
	Reason   string  // what the network computes in, and what rounds differently

	least float64 // smallest scale: what the step of a quantised answer would be 1/128 of; 0 where the answer is not quantised
}

// String returns the tolerance with its reason.
func (t Tolerance) String() string { return fmt.Sprintf("%.2g: %s", t.Relative, t.Reason) }

// What the numbers of a network may differ by, relative to the largest magnitude.
//
// A number of float16 is rounded to 2^-11 of itself, one of bfloat16 to 2^-8. Engines keep float32 between the operators that they
// join, and a network in pieces is joined elsewhere, so that a number is rounded once more or once less at each of some layers. Such
// errors are independent; eight of the same sign are more than was ever seen.
//
// A step of 8 bits is 1/127.5 of the largest magnitude if zero is in the middle. Sums that are added in another order fall on the other
// side of a step now and then. Such a step moves the next layer by a part of a step. Two steps are allowed.
const (
	float32Tolerance  = 1e-4
	float16Tolerance  = 8.0 / (1 << 11)
	bfloat16Tolerance = 8.0 / (1 << 8)
	int8Tolerance     = 2 / halfRange
	halfRange         = 127.5 // steps of 8 bits from the middle of their range to its end
)

// Tolerance returns by how much answers of the network may differ: what the coarsest arithmetic asks for that its file has for data.
// Weights that are stored in fewer bits and computed with in float32 do not matter, since whole and pieces have the same.
func (s *Source) Tolerance() Tolerance {
	worst := Tolerance{Relative: float32Tolerance, Reason: "float32, sums are added in another order"}
	coarser := func(by float64, reason string) {
		if by > worst.Relative {
			worst.Relative, worst.Reason = by, reason
		}
	}
	if s.Model == nil {
		return worst
	}
	for i := range s.Model.Nodes {
		n := &s.Model.Nodes[i]
		switch s.arithmetic(n) {
		case onnx.Float16:
			coarser(float16Tolerance, "float16, numbers are rounded to 2^-11 at other places")
		case onnx.BFloat16:
			coarser(bfloat16Tolerance, "bfloat16, numbers are rounded to 2^-8 at other places")
		case onnx.Int8:
			coarser(int8Tolerance, "int8, sums in another order fall on the other side of a quantisation step")
		}
	}
	if step := s.answerStep(); step > 0 {
		worst.least = float64(halfRange * step)
	}
	return worst
}

// arithmetic returns what a node rounds data to: Float16, BFloat16, Int8 for all that is quantised, or Float.
func (s *Source) arithmetic(n *onnx.Node) onnx.DataType {
	if len(n.Inputs) == 0 || s.constant(n.Inputs[0]) {
		return onnx.Float
	}
	if quantises(n.OpType) {
		return onnx.Int8
	}
	for _, out := range n.Outputs {
		if v, known := s.views.Last(out); known && !v.Constant && (v.Type == onnx.Float16 || v.Type == onnx.BFloat16) {
			return v.Type
		}
	}
	return onnx.Float
}

// quantises reports whether an operator rounds data to the steps of a scale.
func quantises(op string) bool {
	return op == "QuantizeLinear" || op == "DynamicQuantizeLinear" || strings.HasPrefix(op, "QLinear")
}

// answerStep returns the largest step that numbers of the answer were quantised by, 0 if they were not or if it is not known.
// Operators are looked through that only move numbers or choose among them.
func (s *Source) answerStep() (step float64) {
	movers := []string{"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Identity", "Concat", "Slice", "Split", "Relu", "MaxPool", "Cast"}
	seen := map[string]bool{}
	var from func(name string)
	from = func(name string) {
		i, made := s.maker[name]
		if !made || seen[name] || s.constant(name) {
			return
		}
		seen[name] = true
		n := &s.Model.Nodes[i]
		switch {
		case (n.OpType == "DequantizeLinear" || n.OpType == "QuantizeLinear") && len(n.Inputs) > 1:
			scales, _ := s.views.Last(n.Inputs[1])
			for _, scale := range scales.Values {
				step = max(step, scale)
			}
		case slices.Contains(movers, n.OpType):
			for _, in := range n.Inputs {
				from(in)
			}
		}
	}
	for _, out := range s.Model.Outputs {
		from(out.Name)
	}
	return step
}
