package submodel

import (
	"fmt"
	"math"
	"slices"

	"hidp/testbed/inference"
	"hidp/workloads"
)

// Agreement says how the answer of a partitioned run agrees with that of the network whole.
type Agreement struct {
	Exact      bool    // every bit is the same
	Difference float64 // the largest, of any element; infinite if one is not a number and the other is
	Scale      float64 // what it is measured by: see Source.Compare
}

// Tolerance is by how much the answers may differ, relative to the scale, where bits may differ: sums of few products are computed
// in another order than sums of many.
const Tolerance = 1e-4

// Relative returns the difference as a fraction of the scale.
func (a Agreement) Relative() float64 {
	if a.Difference == 0 {
		return 0
	}
	return a.Difference / a.Scale
}

// OK reports whether the answers agree within Tolerance.
func (a Agreement) OK() bool { return a.Relative() <= Tolerance }

// String describes the agreement in a few words.
func (a Agreement) String() string {
	if a.Exact {
		return "bit-identical"
	}
	return fmt.Sprintf("largest difference %.2g of %.3g", a.Difference, a.Scale)
}

// Compare compares the output of a run with the one that is wanted. The scale is the largest magnitude of what is wanted; but of a
// network that ends in a sigmoid, softmax or another function into [-1, 1], it is at least 1: engines compute such functions to an
// absolute precision, and a detector that finds nothing answers with numbers that are hardly larger than that.
func (s *Source) Compare(want, got inference.Tensor) (Agreement, error) {
	if !slices.Equal(want.Shape, got.Shape) || len(want.Data) != len(got.Data) {
		return Agreement{}, fmt.Errorf("an output of shape %v instead of %v", got.Shape, want.Shape)
	}
	a := Agreement{Exact: true}
	for i, w := range want.Data {
		a.Scale = max(a.Scale, math.Abs(float64(w)))
		if math.Float32bits(w) == math.Float32bits(got.Data[i]) {
			continue
		}
		a.Exact = false
		d := math.Abs(float64(w) - float64(got.Data[i]))
		if math.IsNaN(d) {
			d = math.Inf(1)
		}
		a.Difference = max(a.Difference, d)
	}
	last := &s.Graph.Layers[s.Graph.Output()]
	switch {
	case last.Op == workloads.OpSoftmax, last.Act == workloads.Sigmoid, last.Act == workloads.HardSigmoid, last.Act == workloads.Tanh:
		a.Scale = max(a.Scale, 1)
	}
	if math.IsNaN(a.Scale) || math.IsInf(a.Scale, 0) {
		a.Scale = math.MaxFloat64 // what is not a number cannot measure; a difference from it is infinite
	}
	return a, nil
}
