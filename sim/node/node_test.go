package node

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/strategies/plan"
)

// board has clusters 0 and 1, and 2 is the group of both.
func board() *devices.Node {
	return &devices.Node{Name: "board", Physical: 2, Clusters: []devices.Cluster{{Mask: 1}, {Mask: 2}, {Mask: 3}}}
}

func op(node, cluster int, after ...int) plan.Op {
	return plan.Op{Kind: plan.Compute, Node: node, Cluster: cluster, After: after}
}

func message(from, to int, after ...int) plan.Op {
	return plan.Op{Kind: plan.Send, Node: from, To: to, After: after}
}

func compile(t *testing.T, ops ...plan.Op) *Program {
	prog, err := Compile(&plan.Plan{Ops: ops})
	require.NoError(t, err)
	return prog
}

// say writes the actions down, one word each.
func say(actions []Action) []string {
	words := []string{}
	for _, a := range actions {
		switch a.Kind {
		case StartOp:
			words = append(words, fmt.Sprintf("start %d.%d on %d", a.Handle, a.Op, a.Cluster))
		case SendTensor:
			words = append(words, fmt.Sprintf("send %d.%d", a.Handle, a.Op))
		case Finish:
			words = append(words, fmt.Sprintf("finish %d", a.Handle))
		case Fail:
			words = append(words, fmt.Sprintf("fail %d for %d", a.Handle, a.Node))
		case QueueOp:
			words = append(words, fmt.Sprintf("queue %d.%d", a.Handle, a.Op))
		case Enter:
			words = append(words, fmt.Sprintf("%d enters %v", a.Handle, a.Phase))
		}
	}
	return words
}

// begin admits a request of which this machine's node leads.
func begin(m *Machine, id int64, prog *Program) Handle {
	h := m.Receive(id)
	m.Explore(h)
	m.Admit(h, &prog.Parts[prog.Leader])
	return h
}

func TestFirstComeFirstServed(t *testing.T) {
	m := New(board(), false)
	prog := compile(t, op(0, 0), op(0, 1), op(0, 0, 0))
	a, b := begin(m, 0, prog), begin(m, 1, prog)
	require.Equal(t, []string{"start 0.0 on 0", "start 0.1 on 1"}, say(m.Next(nil)))
	require.Equal(t, uint32(3), m.Busy())
	m.OpDone(0)
	require.Equal(t, []string{"start 1.0 on 0"}, say(m.Next(nil)), "request 1 queued before op 2 of request 0 was ready")
	m.OpDone(1)
	require.Equal(t, []string{"start 1.1 on 1"}, say(m.Next(nil)))
	m.OpDone(0)
	require.Equal(t, []string{"start 0.2 on 0"}, say(m.Next(nil)))
	m.OpDone(0)
	require.Equal(t, []string{"start 1.2 on 0", "finish 0"}, say(m.Next(nil)))
	m.OpDone(0)
	m.OpDone(1)
	require.Equal(t, []string{"finish 1"}, say(m.Next(nil)))
	require.Zero(t, m.Busy())
	require.Equal(t, []Handle{0, 1}, []Handle{a, b})
	require.Empty(t, m.Live(nil))
}

// Of ops that become ready together the earlier request goes first, then the lower op, in whatever order the inputs came.
func TestTiesGoByRequestThenOp(t *testing.T) {
	m := New(board(), false)
	prog := compile(t, op(0, 0), op(0, 0))
	begin(m, 9, prog)
	begin(m, 4, prog)
	var started []string
	for range 4 {
		started = append(started, say(m.Next(nil))[0])
		m.OpDone(0)
	}
	require.Equal(t, []string{"start 1.0 on 0", "start 1.1 on 0", "start 0.0 on 0", "start 0.1 on 0"}, started)
}

func TestAGroupWaitsForAllItsClusters(t *testing.T) {
	m := New(board(), false)
	first, group, later := compile(t, op(0, 0)), compile(t, op(0, 2)), compile(t, op(0, 1))
	begin(m, 0, first)
	require.Equal(t, []string{"start 0.0 on 0"}, say(m.Next(nil)))
	begin(m, 1, group)
	require.Empty(t, say(m.Next(nil)))
	begin(m, 2, later)
	require.Empty(t, say(m.Next(nil)), "cluster 1 is free but the group is first in its queue")
	m.OpDone(0)
	require.Equal(t, []string{"start 1.0 on 2", "finish 0"}, say(m.Next(nil)))
	require.Equal(t, uint32(3), m.Busy())
	m.OpDone(2)
	require.Equal(t, []string{"start 2.0 on 1", "finish 1"}, say(m.Next(nil)))
}

func TestLeaderAndFollowerPhases(t *testing.T) {
	prog := compile(t, message(0, 1), op(1, 0, 0), message(1, 0, 1), op(0, 0, 2))
	leader, follower := New(board(), true), New(board(), true)
	h := leader.Receive(0)
	require.Equal(t, []string{"0 enters analyse"}, say(leader.Next(nil)))
	leader.Explore(h)
	require.Equal(t, []string{"0 enters explore"}, say(leader.Next(nil)))
	leader.Admit(h, &prog.Parts[0])
	f := follower.Join(0, &prog.Parts[1])
	require.Equal(t, []string{"0 enters offload", "send 0.0"}, say(leader.Next(nil)))
	require.Equal(t, []string{"0 enters idle"}, say(follower.Next(nil)))
	require.True(t, follower.Expects(f, 0))
	require.False(t, follower.Expects(f, 2), "it sends that one")
	require.False(t, follower.Expects(f, 99))
	require.False(t, follower.Expects(7, 0))
	follower.TensorArrived(f, 0)
	require.False(t, follower.Expects(f, 0))
	require.Equal(t, []string{"0 enters map", "queue 0.1", "start 0.1 on 0", "0 enters execute"}, say(follower.Next(nil)))
	follower.OpDone(0)
	require.Equal(t, []string{"send 0.2", "finish 0"}, say(follower.Next(nil)))
	leader.TensorArrived(h, 2)
	require.Equal(t, []string{"queue 0.3", "start 0.3 on 0", "0 enters map", "0 enters execute"}, say(leader.Next(nil)))
	require.Equal(t, Execute, leader.Phase(h))
	leader.OpDone(0)
	require.Equal(t, []string{"finish 0"}, say(leader.Next(nil)))
}

func TestALostNodeFailsRequestsThatStillNeedIt(t *testing.T) {
	m := New(board(), false)
	prog := compile(t, message(0, 1), op(1, 0, 0), message(1, 0, 1), op(0, 0, 2), message(0, 2, 3), op(2, 0, 4), message(2, 0, 5))
	h := begin(m, 0, prog)
	m.Next(nil)
	m.NodeLost(3)
	require.Empty(t, say(m.Next(nil)))
	m.TensorArrived(h, 2)
	m.Next(nil)
	m.NodeLost(1)
	require.Empty(t, say(m.Next(nil)), "node 1 has done its part")
	m.NodeLost(2)
	m.NodeLost(2)
	require.Equal(t, []string{"fail 0 for 2"}, say(m.Next(nil)), "once")
	m.Drop(h)
	require.Empty(t, m.Live(nil))
	require.Equal(t, uint32(1), m.Busy(), "what runs goes on")
	begin(m, 1, compile(t, op(0, 0)))
	require.Empty(t, say(m.Next(nil)))
	m.OpDone(0)
	require.Equal(t, []string{"start 0.0 on 0"}, say(m.Next(nil)))
}

// What became ready together with the loss does not start.
func TestFailuresComeFirst(t *testing.T) {
	m := New(board(), false)
	prog := compile(t, message(0, 1), op(1, 0, 0), message(1, 0, 1), op(0, 0, 2), message(0, 1, 3))
	h := begin(m, 0, prog)
	m.Next(nil)
	m.TensorArrived(h, 2)
	m.NodeLost(1)
	require.Equal(t, []string{"fail 0 for 1"}, say(m.Next(nil)))
	m.Drop(h)
	require.Empty(t, say(m.Next(nil)))
	require.Zero(t, m.Busy())
}

func TestDropTakesOpsOutOfTheQueues(t *testing.T) {
	m := New(board(), false)
	first, group, later := compile(t, op(0, 0)), compile(t, op(0, 2)), compile(t, op(0, 1))
	begin(m, 0, first)
	g := begin(m, 1, group)
	begin(m, 2, later)
	require.Equal(t, []string{"start 0.0 on 0"}, say(m.Next(nil)))
	m.Drop(g)
	require.Equal(t, []string{"start 2.0 on 1"}, say(m.Next(nil)))
}

func TestCompileNamesWaitsAcrossNodes(t *testing.T) {
	_, err := Compile(&plan.Plan{Ops: []plan.Op{op(0, 0), op(1, 0, 0), message(1, 1, 0), op(0, 0, 7)}})
	require.EqualError(t, err, "op 1: starts on node 1 but waits for op 0, which ends on node 0; a send must tell it\n"+
		"op 2: node 1 sends to itself\nop 2: starts on node 1 but waits for op 0, which ends on node 0; a send must tell it\n"+
		"op 3: waits for op 7, which is not an earlier op")
}

func TestMisuseByTheDriverPanics(t *testing.T) {
	m := New(board(), false)
	require.Panics(t, func() { m.OpDone(0) })
	h := begin(m, 0, compile(t, op(0, 0)))
	require.Panics(t, func() { m.TensorArrived(h, 0) })
}
