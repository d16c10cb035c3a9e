package node

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Steps that wait for the same several steps share a gate; those that wait for one step, or for others, do not.
func TestStepsThatWaitForTheSameShareAGate(t *testing.T) {
	prog := compile(t, op(0, 0), op(0, 1), message(0, 1, 0, 1), op(0, 0, 0, 1), op(0, 1, 0), op(0, 0, 1, 3), op(0, 1, 0, 1))
	part := &prog.Parts[0]
	require.Equal(t, [][]int32{{2, 3, 6}, {5}}, part.gates)
	require.Equal(t, []int32{2, 2}, part.waits[len(part.steps):])
	require.Equal(t, []int32{^0, 4}, part.steps[0].opens)

	m := New(board(), false)
	h := begin(m, 0, prog)
	require.Equal(t, []string{"start 0.0 on 0", "start 0.1 on 1"}, say(m.Next(nil)))
	m.OpDone(1)
	require.Empty(t, say(m.Next(nil)), "only one of the two that the gate waits for")
	m.OpDone(0)
	require.Equal(t, []string{"send 0.2", "start 0.3 on 0", "start 0.4 on 1"}, say(m.Next(nil)))
	m.OpDone(0)
	require.Equal(t, []string{"start 0.5 on 0"}, say(m.Next(nil)))
	m.OpDone(1)
	m.OpDone(0)
	require.Equal(t, []string{"start 0.6 on 1"}, say(m.Next(nil)))
	m.OpDone(1)
	require.Equal(t, []string{"finish 0"}, say(m.Next(nil)))
	require.False(t, m.Expects(h, 0), "the request has ended")
}

// An op that is named twice in After counts twice, on both sides.
func TestAnOpMayBeWaitedForTwice(t *testing.T) {
	m := New(board(), false)
	begin(m, 0, compile(t, op(0, 0), op(0, 1, 0, 0)))
	require.Equal(t, []string{"start 0.0 on 0"}, say(m.Next(nil)))
	m.OpDone(0)
	require.Equal(t, []string{"start 0.1 on 1"}, say(m.Next(nil)))
}
