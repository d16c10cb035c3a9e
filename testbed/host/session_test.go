package host

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"hidp/strategies/plan"
	"hidp/testbed/agent"
	"hidp/testbed/control"
	"hidp/testbed/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// run begins n requests, a millisecond apart, and returns the outputs by request.
func (l *lab) run(t testing.TB, n int) map[int64]*control.Finished {
	input, err := put(t, l.boards[l.plan.Leader].client, wire.FloatBytes(l.input.Data), 1000)
	require.NoError(t, err)
	var list []*control.Due
	for i := range n {
		due := &control.Due{Request: int64(i), At: int64(i) * int64(time.Millisecond), Input: input, Output: true}
		for _, d := range l.input.Shape {
			due.Shape = append(due.Shape, int64(d))
		}
		list = append(list, due)
	}
	for j, c := range l.calls {
		if j != l.plan.Leader {
			c.send(&control.Command{What: &control.Command_Join{Join: &control.Join{Requests: list}}})
		}
	}
	leader := l.calls[l.plan.Leader]
	e := leader.ask(&control.Command{What: &control.Command_Schedule{Schedule: &control.Schedule{Requests: list}}})
	require.NotNil(t, e.GetScheduled(), "%v", e)
	got := map[int64]*control.Finished{}
	for range n {
		e := leader.note()
		require.NotNil(t, e.GetFinished(), "%v", e)
		got[e.GetFinished().Request] = e.GetFinished()
	}
	require.Len(t, got, n)
	return got
}

// reports closes all sessions.
func (l *lab) reports() (all []*control.Measured, reports []*agent.Report) {
	for _, c := range l.calls {
		m := c.close()
		all = append(all, m)
		reports = append(reports, m.Report)
	}
	return all, reports
}

// Requests that overlap give the answer of the plan executed in one process, on every kind of network; what the nodes report is a trace
// with all ops and messages.
func TestSessions(t *testing.T) {
	s := newScene(t, 3, 1)
	l := newLab(t, s, nil)
	clocks := socketDir(t) + "/clocks"
	for i, network := range []*control.NetworkSpec{nil, {Kind: control.NetworkSpec_SHAPED, Clocks: clocks, Checksum: true}, {Kind: control.NetworkSpec_DELAYED}} {
		if i > 0 {
			l.connect(t, func(_ int, o *control.Open) { o.Network = network })
		}
		const n = 3
		for id, f := range l.run(t, n) {
			require.Equal(t, s.want.Data, wire.BytesFloats(f.Output), "request %d", id)
			require.Len(t, f.Shape, 4)
		}
		measured, reports := l.reports()
		got := agent.Merge(s.platform, []agent.Plan{{Plan: s.plan, Graph: s.graph}}, reports, nil)
		require.Len(t, got.Requests, n)
		computes, sends := 0, 0
		for i := range s.plan.Ops {
			if s.plan.Ops[i].Kind == plan.Compute {
				computes++
			} else {
				sends++
			}
		}
		require.Len(t, got.Computes, n*computes)
		require.Len(t, got.Transfers, n*sends)
		for _, m := range measured {
			require.Zero(t, m.Report.LiveMemory)
			require.Positive(t, m.Resident)
			require.Positive(t, m.Processor)
			require.Positive(t, m.Transport.Sent)
		}
		require.Positive(t, measured[0].Late)
	}
}
