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
	Difference float64 // the largest, of any element; infinite where only one is finite, or both are infinite or no number in other ways
	Scale      float64 // what it is measured by: see Source.Compare
	Tolerance  Tolerance
}

// Relative returns the difference as a fraction of the scale.
func (a Agreement) Relative() float64 {
	if a.Difference == 0 {
		return 0
	}
	return a.Difference / a.Scale
}

// OK reports whether the answers agree within the tolerance.
func (a Agreement) OK() bool { return a.Relative() <= a.Tolerance.Relative }

// String describes the agreement in a few words.
func (a Agreement) String() string {
	if a.Exact {
		return "bit-identical"
	}
	return fmt.Sprintf("largest difference %.2g of %.3g", a.Difference, a.Scale)
}

// Compare compares the output of a run with the one that is wanted, within Source.Tolerance. The scale is the largest finite magnitude
// of what is wanted, and at least
//
//   - 1 for a network that ends in a sigmoid, softmax or another function into [-1, 1]: engines compute such functions to an absolute
//     precision, and a detector that finds nothing answers with numbers that are hardly larger than that;
//   - half the range of a quantised answer: one step is the same for small numbers as for large ones.
//
// Infinite numbers agree with those of the same sign at the same place, what is no number (NaN) with what is none.
func (s *Source) Compare(want, got inference.Tensor) (Agreement, error) {
	if !slices.Equal(want.Shape, got.Shape) || len(want.Data) != len(got.Data) {
		return Agreement{}, fmt.Errorf("an output of shape %v instead of %v", got.Shape, want.Shape)
	}
	a := Agreement{Exact: true, Tolerance: s.Tolerance()}
	for i, w := range want.Data {
		if finite(w) {
			a.Scale = max(a.Scale, math.Abs(float64(w)))
		}
		if math.Float32bits(w) != math.Float32bits(got.Data[i]) {
			a.Exact = false
			a.Difference = max(a.Difference, apart(w, got.Data[i]))
		}
	}
	last := &s.Graph.Layers[s.Graph.Output()]
	switch {
	case last.Op == workloads.OpSoftmax, last.Act == workloads.Sigmoid, last.Act == workloads.HardSigmoid, last.Act == workloads.Tanh:
		a.Scale = max(a.Scale, 1)
	}
	a.Scale = max(a.Scale, a.Tolerance.least)
	return a, nil
}

func finite(x float32) bool { return !math.IsNaN(float64(x)) && !math.IsInf(float64(x), 0) }

// apart returns by how much two numbers differ.
func apart(want, got float32) float64 {
	switch {
	case finite(want) && finite(got):
		return math.Abs(float64(want) - float64(got))
	case want == got || want != want && got != got:
		return 0
	}
	return math.Inf(1)
}
