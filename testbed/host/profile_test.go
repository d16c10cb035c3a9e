package host

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/internal/parts"
	"hidp/strategies/plan"
	"hidp/testbed/agent"
	"hidp/testbed/agent/energy"
	"hidp/testbed/control"
	"hidp/testbed/inference"
	"hidp/testbed/submodel"
	"hidp/testbed/wire"
)

// work measures an op.
func (c *call) work(p *control.Profile) int64 {
	e := c.ask(&control.Command{What: &control.Command_Profile{Profile: p}})
	require.NotNil(c.t, e.GetProfiled(), "%v", e)
	return e.GetProfiled().Work
}

// Modelled sessions take the work that they are told, in requests and in profiles, and move no tensors; networks are charged all the
// same.
func TestModelledSession(t *testing.T) {
	s := newScene(t, 2, 1)
	network := &control.NetworkSpec{Kind: control.NetworkSpec_SHAPED, Clocks: socketDir(t) + "/clocks", Seed: 3}
	l := newLab(t, s, func(_ int, o *control.Open) {
		o.Modelled, o.Network = true, network
		for _, op := range o.Plans[0].Ops {
			op.Model, op.Repeat = nil, 0
		}
	})
	require.EqualValues(t, 1e6, l.calls[0].work(&control.Profile{Op: firstOp(s)}))
	e := l.calls[0].ask(&control.Command{What: &control.Command_Schedule{Schedule: &control.Schedule{Requests: []*control.Due{{Request: 5, Output: true}}}}})
	require.NotNil(t, e.GetScheduled())
	f := l.calls[0].note().GetFinished()
	require.EqualValues(t, 5, f.GetRequest())
	require.Empty(t, f.Output)
	measured, reports := l.reports()
	trace := agent.Merge(s.platform, []agent.Plan{{Plan: s.plan, Graph: s.graph}}, reports, nil)
	for _, c := range trace.Computes {
		require.Equal(t, time.Millisecond, c.Work)
		require.GreaterOrEqual(t, c.End-c.Start, c.Work)
	}
	for i, x := range trace.Transfers {
		require.GreaterOrEqual(t, x.Arrive-x.Ready, s.platform.Transfer(int(x.From), int(x.To), x.Bytes)-time.Microsecond, "transfer %d", i)
	}
	for _, m := range measured {
		require.Zero(t, m.Transport.Sent)
		require.Positive(t, m.Transport.Messages)
	}
}

// Every op can be measured where it is deployed; on a cluster that is emulated slower it takes that much longer.
func TestProfile(t *testing.T) {
	s := newScene(t, 2, 1)
	const slowdown = 50
	l := newLab(t, s, func(j int, o *control.Open) {
		if j == 1 {
			for _, c := range o.Clusters {
				c.Slowdown, c.Cpus = slowdown, []int32{0}
			}
		}
	})
	for i := range s.plan.Ops {
		op := &s.plan.Ops[i]
		if op.Kind != plan.Compute {
			e := l.calls[0].ask(&control.Command{What: &control.Command_Profile{Profile: &control.Profile{Op: int32(i)}}})
			require.Contains(t, e.GetRefused().GetFaults()[0], "computes nothing on node n0")
			continue
		}
		before := l.boards[op.Node].host.clock.Now()
		work := l.calls[op.Node].work(&control.Profile{Op: int32(i)})
		took := int64(l.boards[op.Node].host.clock.Now() - before)
		longer := int64(1)
		if op.Node == 1 {
			longer = slowdown // told, not waited for
		}
		require.LessOrEqual(t, work, longer*took)
		require.Positive(t, work)
	}
	for _, f := range l.run(t, 1) {
		require.Equal(t, s.want.Data, wire.BytesFloats(f.Output), "measuring leaves nothing behind")
	}
	_, reports := l.reports()
	for _, c := range reports[1].Trace.Computes {
		require.GreaterOrEqual(t, c.End-c.Start, c.Work)
	}
}

// While requests are under way nothing is measured.
func TestProfileApartFromRequests(t *testing.T) {
	s := newScene(t, 1, 1)
	b := boot(t, Options{})
	o := s.opening(t, 0, b)
	o.Modelled = true
	for _, op := range o.Plans[0].Ops {
		op.Work = int64(time.Minute)
	}
	c := dial(t, b)
	c.open(o)
	c.ask(&control.Command{What: &control.Command_Schedule{Schedule: &control.Schedule{Requests: []*control.Due{{Request: 1}}}}})
	require.Eventually(t, func() bool {
		e := c.ask(&control.Command{What: &control.Command_Profile{Profile: &control.Profile{Op: 99}}})
		return e.GetRefused() != nil
	}, time.Second, time.Millisecond)
	time.Sleep(20 * time.Millisecond)
	e := c.ask(&control.Command{What: &control.Command_Profile{Profile: &control.Profile{Op: firstOp(s)}}})
	require.Contains(t, e.GetRefused().GetFaults()[0], "requests are under way")
}

// lamp is a sampler that counts.
type lamp struct{ samples atomic.Int64 }

func (l *lamp) Name() string          { return "lamp" }
func (l *lamp) Period() time.Duration { return time.Millisecond }
func (l *lamp) Sample(context.Context) (energy.Reading, error) {
	l.samples.Add(1)
	return energy.Reading{Board: 2}, nil
}

// Power is read while a session is open, unless it does not want that.
func TestPower(t *testing.T) {
	s := newScene(t, 1, 1)
	l := &lamp{}
	b := boot(t, Options{Sampler: l})
	o := s.opening(t, 0, b)
	c := dial(t, b)
	c.open(o)
	require.Eventually(t, func() bool { return l.samples.Load() > 3 }, 5*time.Second, time.Millisecond)
	m := c.close()
	require.Equal(t, "lamp", m.Sampler)
	require.Greater(t, len(m.Readings), 2)
	require.Equal(t, 2.0, m.Readings[0].Board)
	o.Energy = -1
	c = dial(t, b)
	c.open(o)
	m = c.close()
	require.Empty(t, m.Readings)
	require.Empty(t, m.Sampler)
	d, err := b.client.Describe(within(t), &control.DescribeRequest{})
	require.NoError(t, err)
	require.Equal(t, "lamp", d.Monitor)
}

// With ONNX Runtime and two threads, of which the worker is one, the engine's other threads are found and measured; the answer is that
// of one thread.
func TestRealEngine(t *testing.T) {
	library, err := inference.FindLibrary("", "../..")
	parts.Need(t, parts.ONNXRuntime, err)
	s := newScene(t, 2, 1)
	l := &lab{scene: s}
	for range s.platform.Nodes {
		l.boards = append(l.boards, boot(t, Options{Library: library, Engine: mustORT(t, library)}))
	}
	threads := int32(min(2, len(allowedCPUs())))
	l.connect(t, func(_ int, o *control.Open) {
		for _, c := range o.Clusters {
			c.Slowdown, c.Threads = 5, threads
		}
	})
	for _, f := range l.run(t, 2) {
		a, err := s.source.Compare(s.want, inference.Tensor{Shape: s.want.Shape, Data: wire.BytesFloats(f.Output)})
		require.NoError(t, err)
		require.True(t, a.OK(), a.String())
	}
	for _, m := range first(l.reports()) {
		for _, c := range m.Report.Trace.Computes {
			require.Positive(t, c.Work)
			require.GreaterOrEqual(t, c.End-c.Start, c.Work)
		}
	}
}

// The engine's threads are told from those of Go.
func TestThreadsOfTheEngine(t *testing.T) {
	library, err := inference.FindLibrary("", "../..")
	parts.Need(t, parts.ONNXRuntime, err)
	engine, s := mustORT(t, library), newScene(t, 1, 1)
	sub, err := s.source.Cut(s.plan.Ops[firstOp(s)].Slice)
	require.NoError(t, err)
	data, err := sub.Bytes(submodel.Inline{})
	require.NoError(t, err)
	for n := 1; n <= 3; n++ {
		var session inference.Session
		threads, err := agent.Spawned(func() (err error) {
			session, err = engine.Load(inference.Model{Bytes: data}, inference.Options{Threads: n})
			return err
		})
		require.NoError(t, err)
		require.Len(t, threads, n-1)
		require.NoError(t, session.Close())
	}
}

func first[A, B any](a A, _ B) A { return a }

func mustORT(t *testing.T, library string) inference.Engine {
	e, err := inference.OpenORT(library)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	return e
}
