package controller

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/strategies/plan"
	"hidp/testbed/control"
	"hidp/testbed/inference"
	"hidp/testbed/wire"
)

// holding makes a leader take requests and not finish them.
func holding(f *fake, then func(c *control.Schedule, reply func(*control.Event))) {
	f.answer = func(c *control.Command, reply func(*control.Event)) bool {
		s := c.GetSchedule()
		if s == nil {
			return false
		}
		reply(&control.Event{Number: c.Number, What: &control.Event_Scheduled{Scheduled: &control.Scheduled{Zero: int64(wire.Monotonic().Now())}}})
		if then != nil {
			then(s, reply)
		}
		return true
	}
}

// Leaders are told when requests are due, who follows is told of them, and numbers go on from call to call.
func TestServe(t *testing.T) {
	p := three(t)
	list := fakes(p)
	s := hollow(t, p, Options{}, list)
	outcomes, err := s.Serve(t.Context(), []Request{{At: 3 * time.Millisecond}, {At: time.Millisecond}}, inference.Tensor{})
	require.NoError(t, err)
	require.Equal(t, []int64{1, 0}, []int64{outcomes[0].ID, outcomes[1].ID}, "the earlier one goes first")
	require.Equal(t, 5*time.Millisecond, outcomes[0].Latency())
	again, err := s.Serve(t.Context(), []Request{{}}, inference.Tensor{})
	require.NoError(t, err)
	require.Equal(t, int64(2), again[0].ID)
	require.Len(t, told[toldSchedule](list[0]), 2)
	require.Empty(t, told[toldSchedule](list[1]))
	for _, f := range list[1:] { // which are told, but not asked for an answer
		require.Eventually(t, func() bool { return len(told[toldJoin](f)) == 2 }, 5*time.Second, time.Millisecond)
		require.Len(t, told[toldJoin](f)[0].Join.Requests, 2)
	}
	require.Empty(t, told[toldJoin](list[0]))
	r, err := s.Close(t.Context())
	require.NoError(t, err)
	require.NoError(t, r.Err())
	require.Equal(t, []time.Duration{5e6, 5e6, 5e6}, r.Latencies)
}

// Leaders whose clocks differ begin at the same moment.
func TestServeSeveralLeaders(t *testing.T) {
	p := three(t)
	list := fakes(p)
	list[1].ahead = -time.Hour
	s := hollow(t, p, Options{}, list, 1)
	outcomes, err := s.Serve(t.Context(), []Request{{Plan: 0}, {Plan: 1}}, inference.Tensor{})
	require.NoError(t, err)
	apart := outcomes[0].Due - outcomes[1].Due
	require.InDelta(t, float64(time.Hour), float64(apart), float64(s.before[0].Bound+s.before[1].Bound))
	r, err := s.Close(t.Context())
	require.NoError(t, err)
	require.InDelta(t, float64(-time.Hour), float64(r.Nodes[1].Clock.Ahead), float64(10*time.Millisecond))
	require.Positive(t, r.Nodes[1].Clock.Bound)
}

// A node that vanishes, that falls silent, or that another one cannot reach ends the call with its name and drops the requests.
func TestServeLosesNode(t *testing.T) {
	p := three(t)
	for name, test := range map[string]struct {
		break_ func(list []*fake, reply func(*control.Event))
		from   string
		why    string
	}{
		"vanishes": {break_: func(list []*fake, _ func(*control.Event)) { go list[2].server.Stop() }},
		"hangs":    {break_: func(list []*fake, _ func(*control.Event)) { list[2].mute.Store(true) }, why: "has not answered for"},
		"is unreachable": {break_: func(_ []*fake, reply func(*control.Event)) {
			reply(&control.Event{What: &control.Event_Lost{Lost: &control.Lost{Node: p.Nodes[2].Name, Why: "no route"}}})
		}, from: p.Nodes[0].Name, why: "no route"},
		"fails requests": {break_: func(_ []*fake, reply func(*control.Event)) {
			reply(&control.Event{What: &control.Event_Failed{Failed: &control.Failed{Request: 0, Why: "it died", Lost: p.Nodes[2].Name}}})
		}, from: p.Nodes[0].Name, why: "it died"},
	} {
		t.Run(name, func(t *testing.T) {
			list := fakes(p)
			holding(list[0], func(_ *control.Schedule, reply func(*control.Event)) { test.break_(list, reply) })
			silence := time.Minute // is not what finds the others
			if name == "hangs" {
				silence = time.Second
			}
			s := hollow(t, p, Options{Silence: silence}, list)
			start := time.Now()
			outcomes, err := s.Serve(t.Context(), make([]Request, 3), inference.Tensor{})
			require.Less(t, time.Since(start), 30*time.Second)
			var lost *NodeLostError
			require.ErrorAs(t, err, &lost)
			require.Equal(t, p.Nodes[2].Name, lost.Node)
			require.Equal(t, test.from, lost.From)
			require.ErrorContains(t, err, test.why)
			for _, o := range outcomes {
				require.ErrorIs(t, o.Err, err)
			}
			require.Eventually(t, func() bool { return len(told[toldDrop](list[1])) == 1 }, 5*time.Second, time.Millisecond)
			require.Equal(t, []int64{0, 1, 2}, told[toldDrop](list[1])[0].Drop.Requests)
			_, err = s.Serve(t.Context(), make([]Request, 1), inference.Tensor{})
			require.ErrorAs(t, err, &lost, "it stays lost")
			r, err := s.Close(t.Context())
			require.NoError(t, err)
			require.ErrorAs(t, r.Err(), &lost)
			require.NotNil(t, r.Nodes[0].Measured)
			require.Equal(t, test.from == "", r.Nodes[2].Measured == nil)
		})
	}
}

// A request that fails by itself does not stop the others.
func TestServeRequestFails(t *testing.T) {
	p := three(t)
	list := fakes(p)
	holding(list[0], func(s *control.Schedule, reply func(*control.Event)) {
		for i, due := range s.Requests {
			e := &control.Event{What: &control.Event_Finished{Finished: &control.Finished{Request: due.Request, At: 1 << 60}}}
			if i == 1 {
				e.What = &control.Event_Failed{Failed: &control.Failed{Request: due.Request, Why: "an op went wrong"}}
			}
			reply(e)
			reply(e) // said twice, counted once
		}
	})
	s := hollow(t, p, Options{}, list)
	outcomes, err := s.Serve(t.Context(), make([]Request, 3), inference.Tensor{})
	var failed *RequestError
	require.ErrorAs(t, err, &failed)
	require.EqualError(t, err, "request 1 failed on node "+list[0].node+": an op went wrong")
	require.NoError(t, outcomes[2].Err)
	require.Eventually(t, func() bool { return len(told[toldDrop](list[2])) == 1 }, 5*time.Second, time.Millisecond)
	require.Empty(t, s.Lost())
}

// What never ends is ended by patience, or by whoever waits.
func TestServeEnds(t *testing.T) {
	p := three(t)
	list := fakes(p)
	holding(list[0], nil)
	s := hollow(t, p, Options{Patience: 200 * time.Millisecond}, list)
	var late *TimeoutError
	_, err := s.Serve(t.Context(), []Request{{}, {At: time.Second / 4}}, inference.Tensor{})
	require.ErrorAs(t, err, &late)
	require.ErrorContains(t, err, "2 of 2 requests have not ended")
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("enough")
	time.AfterFunc(20*time.Millisecond, func() { cancel(stop) })
	_, err = s.Serve(ctx, make([]Request, 1), inference.Tensor{})
	require.ErrorIs(t, err, stop)
	require.Eventually(t, func() bool { return len(told[toldDrop](list[1])) == 2 }, 5*time.Second, time.Millisecond)
}

// Requests that make no sense are refused before anything happens.
func TestServeRefuses(t *testing.T) {
	p := three(t)
	list := fakes(p)
	s := hollow(t, p, Options{}, list)
	for _, requests := range [][]Request{nil, {{Plan: 1}}, {{Plan: -1}}, {{At: -1}}, make([]Request, mostRequests+1)} {
		_, err := s.Serve(t.Context(), requests, inference.Tensor{})
		var job *JobError
		require.ErrorAs(t, err, &job)
	}
	require.Empty(t, told[toldJoin](list[1]))
	list[0].answer = func(c *control.Command, reply func(*control.Event)) bool {
		reply(&control.Event{Number: c.Number, What: &control.Event_Refused{Refused: &control.Refused{Faults: []string{"too many"}}}})
		return c.GetSchedule() != nil
	}
	_, err := s.Serve(t.Context(), make([]Request, 1), inference.Tensor{})
	require.ErrorContains(t, err, "cannot schedule requests: too many")
}

// Identical ops are measured once in a pass, the first pass is for nothing, and no op has its next turn before all had one.
func TestProfile(t *testing.T) {
	p := three(t)
	list := fakes(p)
	s := hollow(t, p, Options{}, list, 1)
	calls := 0
	profile, err := s.Profile(t.Context(), ProfileOptions{Passes: 4, Progress: func(int, int) { calls++ }})
	require.NoError(t, err)
	asked, turns := 0, map[[2]int32]int{}
	for _, f := range list {
		for _, c := range told[toldProfile](f) {
			turns[[2]int32{c.Profile.Plan, c.Profile.Op}]++
			asked++
		}
	}
	require.Len(t, turns, 5, "three strips, and the rest at two leaders")
	require.Equal(t, 5*5, asked)
	require.Equal(t, asked, calls)
	first, turned := profile.Ops[0][0], s.job.Plans[1]
	same := slices.IndexFunc(turned.Ops, func(o plan.Op) bool { return o.Kind == plan.Compute && o.Node == 0 })
	require.Same(t, first, profile.Ops[1][same])
	require.Len(t, first.Passes, 4)
	require.Equal(t, 2500*time.Microsecond, first.Median)
	require.Equal(t, 1750*time.Microsecond, first.Low)
	require.Equal(t, first.Median, profile.Work(turned, same))
	require.Panics(t, func() { profile.Work(nil, 0) })
}

// Strips that a request computes at the same time are measured at the same time, whether their input must be sent or not.
func TestProfileTogether(t *testing.T) {
	p := three(t)
	list := fakes(p)
	s := hollow(t, p, Options{}, list)
	var under, most atomic.Int32
	for _, f := range list {
		f.answer = func(c *control.Command, reply func(*control.Event)) bool {
			if c.GetProfile() == nil {
				return false
			}
			n := under.Add(1)
			for seen := most.Load(); n > seen && !most.CompareAndSwap(seen, n); seen = most.Load() {
			}
			time.AfterFunc(200*time.Millisecond, func() {
				under.Add(-1)
				reply(&control.Event{Number: c.Number, What: &control.Event_Profiled{Profiled: &control.Profiled{Work: 1}}})
			})
			return true
		}
	}
	_, err := s.Profile(t.Context(), ProfileOptions{Passes: 1})
	require.NoError(t, err)
	require.EqualValues(t, len(p.Nodes), most.Load())
}

func TestDepthsCountComputation(t *testing.T) {
	compute, send := plan.Compute, plan.Send
	p := &plan.Plan{Ops: []plan.Op{{Kind: compute}, {Kind: send}, {Kind: compute, After: []int{1}}, {Kind: send, After: []int{2}},
		{Kind: compute, After: []int{0, 3}}, {Kind: compute, After: []int{4}}}}
	require.Equal(t, []int{0, 0, 0, 1, 1, 2}, depthsOf(p))
}

// A control link that is cut for two seconds is no lost node.
func TestServeSurvivesCut(t *testing.T) {
	p := three(t)
	list := fakes(p)
	r := serve(t, p, nil, list...)
	var cut atomic.Bool
	r.Agents[0].Address = proxied(t, r.Agents[0].Address, &cut)
	holding(list[0], func(s *control.Schedule, reply func(*control.Event)) {
		cut.Store(true)
		time.AfterFunc(2*time.Second, func() { cut.Store(false) })
		time.AfterFunc(100*time.Millisecond, func() {
			reply(&control.Event{What: &control.Event_Finished{Finished: &control.Finished{Request: 0, At: 1}}})
		})
	})
	a, err := Dial(t.Context(), r, Options{})
	require.NoError(t, err)
	defer a.Close()
	src := small(t)
	s, err := a.Deploy(t.Context(), Job{Graph: src.Graph, Modelled: func(int, int) time.Duration { return 1 }, Plans: []*plan.Plan{spread(t, src.Graph, p, 0)}})
	require.NoError(t, err)
	defer s.Abort()
	_, err = s.Serve(t.Context(), make([]Request, 1), inference.Tensor{})
	require.NoError(t, err)
}

// proxied returns the address of a way to a socket that carries nothing while it is cut.
func proxied(t *testing.T, address string, cut *atomic.Bool) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	carry := func(to, from net.Conn) {
		defer to.Close()
		b := make([]byte, 1<<16)
		for {
			n, err := from.Read(b)
			for cut.Load() {
				time.Sleep(time.Millisecond)
			}
			if _, failed := to.Write(b[:n]); err != nil || failed != nil {
				return
			}
		}
	}
	go func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("unix", strings.TrimPrefix(address, unixPrefix))
			if err != nil {
				in.Close()
				continue
			}
			go carry(in, out)
			go carry(out, in)
		}
	}()
	return listener.Addr().String()
}
