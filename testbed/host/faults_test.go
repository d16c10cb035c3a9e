package host

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"hidp/testbed/control"
	"hidp/testbed/inference"
	"hidp/testbed/wire"
)

// free waits until a board has no session and nothing of the last one.
func (b *board) free(t testing.TB) {
	require.Eventually(t, func() bool { return b.host.held() == "" }, 10*time.Second, time.Millisecond)
	require.Empty(t, storedIn(t, b.host.folder.dir, sessionsDir))
	for _, x := range b.host.folder.files {
		require.Zero(t, x.pins)
	}
}

// ended returns the status that a stream ends with, past all events.
func (c *call) ended() *status.Status {
	for {
		if _, err := c.stream.Recv(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return status.Convert(err)
		}
	}
}

// A second controller is refused and told who was first; when the first has gone, however it goes, there is room.
func TestOneSessionAtATime(t *testing.T) {
	s := newScene(t, 1, 1)
	b := boot(t, Options{})
	o := s.opening(t, 0, b)
	for name, leave := range map[string]func(c *call){
		"close":  func(c *call) { c.close() },
		"abort":  func(c *call) { c.send(&control.Command{What: &control.Command_Abort{Abort: &control.Abort{}}}) },
		"end":    func(c *call) { require.NoError(t, c.stream.CloseSend()) },
		"cancel": func(c *call) { c.cancel() },
	} {
		first := dial(t, b)
		first.open(o)
		second := dial(t, b)
		second.send(&control.Command{What: &control.Command_Open{Open: o}})
		why := second.ended()
		require.Equal(t, codes.ResourceExhausted, why.Code())
		require.Contains(t, why.Message(), `a session of "the test"`)
		d, err := b.client.Describe(within(t), &control.DescribeRequest{Protocol: control.Protocol})
		require.NoError(t, err)
		require.Equal(t, `"the test"`, d.Holder)
		leave(first)
		if name == "close" { // there is no gap in which the next could come too early
			dial(t, b).open(o)
			break
		}
		b.free(t)
	}
}

// A controller that vanishes in the middle of requests leaves nothing behind on any node.
func TestControllerVanishes(t *testing.T) {
	s := newScene(t, 2, 1)
	slow := func(_ int, o *control.Open) {
		o.Modelled = true
		for _, op := range o.Plans[0].Ops {
			op.Work = int64(time.Minute)
		}
	}
	l := newLab(t, s, slow)
	e := l.calls[0].ask(&control.Command{What: &control.Command_Schedule{Schedule: &control.Schedule{Requests: []*control.Due{{Request: 1}}}}})
	require.NotNil(t, e.GetScheduled(), "%v", e)
	time.Sleep(10 * time.Millisecond)
	for _, c := range l.calls {
		c.cancel()
	}
	for _, b := range l.boards {
		b.free(t)
	}
	l.connect(t, nil)
	l.run(t, 1)
	l.reports()
}

// When a node is gone the others say which, fail what needs it, and can be used again.
func TestNodeIsLost(t *testing.T) {
	s := newScene(t, 2, 1)
	l := newLab(t, s, func(_ int, o *control.Open) {
		o.Modelled = true
		for _, op := range o.Plans[0].Ops {
			op.Work = int64(time.Minute)
		}
	})
	l.calls[0].ask(&control.Command{What: &control.Command_Schedule{Schedule: &control.Schedule{Requests: []*control.Due{{Request: 1}}}}})
	time.Sleep(50 * time.Millisecond) // so that the request is under way, as a rule; else the node is known to be gone when it begins
	l.calls[1].send(&control.Command{What: &control.Command_Abort{Abort: &control.Abort{}}})
	var lost []string
	for failed := false; !failed; {
		e := l.calls[0].note()
		if f := e.GetFailed(); f != nil {
			require.Equal(t, "n1", f.Lost)
			failed = true
		}
		if x := e.GetLost(); x != nil {
			lost = append(lost, x.Node)
		}
	}
	m := l.calls[0].close()
	for _, e := range l.calls[0].notes {
		lost = append(lost, e.GetLost().GetNode())
	}
	require.Equal(t, lost, m.Report.Lost)
	l.connect(t, nil)
	l.run(t, 1)
	l.reports()
}

// An agent that is stopped ends its session and says why.
func TestAgentIsStopped(t *testing.T) {
	s := newScene(t, 1, 1)
	b := boot(t, Options{})
	c := dial(t, b)
	c.open(s.opening(t, 0, b))
	b.host.end(errStopping)
	why := c.ended()
	require.Equal(t, codes.Unavailable, why.Code())
	require.Contains(t, why.Message(), "being stopped")
}

// broken is an engine that panics: when loading, or when running for the second time, after the warm-up.
type broken struct {
	inference.Reference
	load bool
}

type brokenSession struct {
	inference.Session
	runs int
}

func (e broken) Load(m inference.Model, o inference.Options) (inference.Session, error) {
	if e.load {
		panic("no!")
	}
	s, err := e.Reference.Load(m, o)
	return &brokenSession{Session: s}, err
}

func (s *brokenSession) Run(in, into map[string]inference.Tensor) (map[string]inference.Tensor, error) {
	if s.runs++; s.runs > 1 {
		panic("no more!")
	}
	return s.Session.Run(in, into)
}

// A panic of the engine is an error of the session or the request, is logged, and does not end the agent.
func TestEnginePanics(t *testing.T) {
	s := newScene(t, 1, 1)
	var log strings.Builder
	b := boot(t, Options{Engine: broken{load: true}, Log: &log})
	e := dial(t, b).ask(&control.Command{What: &control.Command_Open{Open: s.opening(t, 0, b)}})
	require.Contains(t, e.GetRefused().GetFaults()[0], "the engine has a fault: no!")
	require.False(t, e.GetRefused().User)
	b.free(t)
	b.stop()
	require.Contains(t, log.String(), "panic: no!\ngoroutine")

	b = boot(t, Options{Engine: broken{}})
	c := dial(t, b)
	c.open(s.opening(t, 0, b))
	e = c.ask(&control.Command{What: &control.Command_Profile{Profile: &control.Profile{Op: firstOp(s)}}})
	require.Contains(t, e.GetRefused().GetFaults()[0], "no more!")
	c.close()
}

func firstOp(s *scene) int32 {
	for i := range s.plan.Ops {
		if s.plan.Ops[i].Slice.To > 0 {
			return int32(i)
		}
	}
	panic("no compute op")
}

// A session needs an Open soon, and an agent needs what its options say.
func TestOptions(t *testing.T) {
	_, err := New(Options{})
	require.ErrorContains(t, err, "folder")
	_, err = New(Options{Dir: t.TempDir(), Library: "/nowhere.so"})
	var missing *inference.MissingError
	require.True(t, errors.As(err, &missing), "%v", err)
	_, err = New(Options{Dir: t.TempDir(), TLSDir: t.TempDir()})
	require.ErrorContains(t, err, "needs its name")
	_, err = New(Options{Dir: t.TempDir(), TLSDir: t.TempDir(), Name: "a"})
	require.ErrorIs(t, err, os.ErrNotExist)
}

// Two agents' clocks are compared by Clock.
func TestClock(t *testing.T) {
	b := boot(t, Options{Version: "7", Name: "a"})
	before := wire.Monotonic().Now()
	r, err := b.client.Clock(context.Background(), &control.ClockRequest{})
	require.NoError(t, err)
	require.GreaterOrEqual(t, r.Arrived, int64(before))
	require.GreaterOrEqual(t, r.Answered, r.Arrived)
	d, err := b.client.Describe(within(t), &control.DescribeRequest{Protocol: 99})
	require.NoError(t, err)
	require.EqualValues(t, control.Protocol, d.Protocol)
	require.Equal(t, "7", d.Version)
	require.Equal(t, "a", d.Name)
	require.Equal(t, []string{"cpu"}, d.Providers)
	require.Positive(t, d.Cpus)
	require.Positive(t, d.Memory)
	require.Positive(t, d.Free)
	require.Len(t, d.Boot, 16)
	require.Empty(t, d.Holder)
	require.Equal(t, inference.Reference{}.Name(), d.Engine)
}
