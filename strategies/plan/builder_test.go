package plan

import (
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/workloads"
	"hidp/workloads/tensor"
)

// rowsOf returns the whole output of layer l with rows [lo,hi).
func rowsOf(g *workloads.Graph, l, lo, hi int) tensor.Box {
	return g.Restrict(g.Tensor(l, 1), tensor.Row, workloads.Range{Lo: lo, Hi: hi}).Box
}

// A node that holds other rows of the tensor than those missing must be passed over when looking for sources.
func TestBuilderPassesOverHoldersOfOtherRows(t *testing.T) {
	g, b := testGraph(t), NewBelief(testPlatform())
	pb := NewBuilder("t", Problem{Graph: g, Batch: 1}, b)
	pb.Compute(1, 0, workloads.Slice{From: 1, To: 2, Out: rowsOf(g, 1, 0, 8)})
	pb.Compute(0, 0, workloads.Slice{From: 1, To: 2, Out: rowsOf(g, 1, 8, 32)})
	pb.Compute(0, 0, workloads.Slice{From: 2, To: 4, Out: g.Full(3, 1)})
	p, err := pb.Finish()
	require.NoError(t, err)
	require.NoError(t, Validate(p, g, b.Platform))
	require.Len(t, p.Ops, 5) // input rows to b, two computes, rows back to a, the rest
}

// Two neighbouring strips made on one node travel as one message.
func TestBuilderMergesNeighbouringRows(t *testing.T) {
	g, b := testGraph(t), NewBelief(testPlatform())
	pb := NewBuilder("t", Problem{Graph: g, Batch: 1}, b)
	cpu := pb.Compute(0, 0, workloads.Slice{From: 1, To: 2, Out: rowsOf(g, 1, 0, 8)})
	gpu := pb.Compute(0, 1, workloads.Slice{From: 1, To: 2, Out: rowsOf(g, 1, 8, 32)})
	pb.Compute(1, 1, workloads.Slice{From: 2, To: 4, Out: g.Full(3, 1)})
	p, err := pb.Finish()
	require.NoError(t, err)
	require.NoError(t, Validate(p, g, b.Platform))
	require.Equal(t, Send, p.Ops[2].Kind)
	require.Equal(t, []int{cpu, gpu}, p.Ops[2].After)
	require.Equal(t, g.Tensor(1, 1), p.Ops[2].Part)
}

func TestBuilderReportsWhatNobodyComputed(t *testing.T) {
	g, b := testGraph(t), NewBelief(testPlatform())
	pb := NewBuilder("t", Problem{Graph: g, Batch: 1}, b)
	pb.Compute(0, 0, workloads.Slice{From: 2, To: 4, Out: g.Full(3, 1)})
	_, err := pb.Finish()
	require.ErrorContains(t, err, "nobody has computed")
}

func TestMemoryFreesWhatIsRead(t *testing.T) {
	g, b := testGraph(t), NewBelief(testPlatform())
	pb := NewBuilder("t", Problem{Graph: g, Batch: 1}, b)
	for l := 1; l < 4; l++ {
		pb.Compute(0, 0, workloads.Slice{From: l, To: l + 1, Out: g.Full(l, 1)})
	}
	p, err := pb.Finish()
	require.NoError(t, err)
	m := Memory(p, g, 2)
	map1 := int64(4 * 32 * 32 * 4)
	require.Equal(t, g.WeightBytes(), m[0].Weights)
	require.LessOrEqual(t, m[0].Activations, 4*map1)
	require.GreaterOrEqual(t, m[0].Activations, 2*map1)
	require.Zero(t, m[1].Total())
}
