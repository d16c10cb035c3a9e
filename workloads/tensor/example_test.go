package tensor_test

import (
	"fmt"

	. "hidp/workloads/tensor"
)

// The pixel shuffle of docs/add-a-split.md: four channels of the input become one of twice the rows and columns. One Access says what
// any box of the output needs, whichever axes it is cut along.
func ExampleAccess() {
	in := NewDims().Tensor(Channel, 32).Tensor(Row, 14).Tensor(Column, 14)
	out := NewDims().Tensor(Channel, 8).Tensor(Row, 28).Tensor(Column, 28)
	shuffle := Access{Axes: int32(in.Axes()), Maps: [MaxAxes]Map{
		Same(0, in.Size[0]),         // samples
		Blocks(1, 1, 4, in.Size[1]), // every channel is made of four
		Nearest(2, 2, in.Size[2]),   // two rows are made of one
		Nearest(3, 2, in.Size[3]),   // and so are two columns
	}}
	for _, cut := range []struct {
		axis Axis
		span Span
	}{{Channel, Span{2, 4}}, {Row, Span{9, 20}}, {Sample, Span{1, 2}}} {
		box := out.Full(2)
		box[out.Find(cut.axis)] = cut.span
		need := shuffle.Needs(&box)
		fmt.Printf("%s of the output need %s of the input\n", out.Describe(&box), in.Describe(&need))
	}
	// Output:
	// samples [0,2) channels [2,4) of the output need samples [0,2) channels [8,16) of the input
	// samples [0,2) rows [9,20) of the output need samples [0,2) rows [4,10) of the input
	// samples [1,2) of the output need samples [1,2) of the input
}
