package agent

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/internal/parts"
	"hidp/strategies/conformance"
	"hidp/strategies/plan"
	"hidp/testbed/inference"
	"hidp/testbed/wire"
	"hidp/workloads"
)

// relay is a plan over three boards: the leader's input goes to the second, from there to the third, and back.
func relay(t *testing.T) *scenario {
	b := workloads.NewBuilder("relay", workloads.Shape{C: 3, H: 16, W: 16})
	at := 0
	for _, name := range []string{"a", "b", "c", "d"} {
		at = b.Conv(name, at, workloads.Conv{Out: 4, Window: workloads.Square(3, 1, 1)})
	}
	g, err := b.Build()
	require.NoError(t, err)
	s := &scenario{platform: conformance.Boards(1e6, 0.0001, 0.0002, 0.0003), graph: g, at: []time.Duration{0}}
	build := plan.NewBuilder("relay", plan.Problem{Graph: g, Batch: 1}, plan.NewBelief(s.platform))
	for l := 1; l <= 4; l++ {
		build.Compute((l-1)%3, 0, workloads.Slice{From: l, To: l + 1, Out: g.Full(l, 1)})
	}
	s.plan, err = build.Finish()
	require.NoError(t, err)
	return s
}

// drop drops a request everywhere, as whoever controls the run does when it fails.
func (x *session) drop(id int64, why error) {
	for _, r := range x.runtimes {
		r.Drop(id, why)
	}
}

// A node that dies in the middle of a request is named by those that exchange tensors with it, at once; the others end their session
// in good order, and serve the next one.
func TestANodeThatDiesIsNamed(t *testing.T) {
	for _, lost := range []int{1, 2} {
		synctest.Test(t, func(t *testing.T) {
			s := relay(t)
			x := open(t, s, setup{})
			name := s.platform.Nodes[lost].Name
			want := simulate(t, s)
			x.begin(0, x.input())
			require.NoError(t, x.clock.Sleep(t.Context(), want.Computes[lost].Start+1))
			killed := x.clock.Now()
			x.hub.Kill(name)
			require.Equal(t, name, <-x.lost)
			f := <-x.failed
			require.Equal(t, killed, x.clock.Now())
			var gone *NodeLostError
			require.ErrorAs(t, f.why, &gone)
			require.Equal(t, name, gone.Node)
			require.ErrorIs(t, f.why, wire.ErrPeerLost)
			x.drop(0, f.why)
			synctest.Wait()
			for j, r := range x.runtimes {
				if j != lost {
					require.Zero(t, r.Live())
					require.ErrorContains(t, r.Lost(), name)
					require.ErrorAs(t, r.beginAny(1), &gone, "the plan needs the lost node")
				}
			}
			for j, r := range x.close() {
				require.Zero(t, r.LiveMemory)
				if j != lost {
					require.Equal(t, []string{name}, r.Lost[:1])
				}
			}
			next := open(t, s, setup{}) // the board was started anew
			require.Equal(t, want, next.serve())
		})
	}
}

// beginAny begins or joins a request, whichever is the node's to do.
func (r *Runtime) beginAny(id int64) error {
	if r.recipes[0].part.Leads {
		return r.Begin(id, 0, content(r.recipes[0].Graph, r.recipes[0].input()))
	}
	return r.Join(id, 0)
}

// Nodes may die at any time: whoever still needs them says so, nobody waits for ever, and nothing is left behind.
func TestNodesMayDieAtAnyTime(t *testing.T) {
	told := 0
	for seed := uint64(0); told < 60; seed++ {
		s := newScenario(seed)
		if s == nil || len(s.platform.Nodes) < 2 {
			continue
		}
		rng := rand.New(rand.NewPCG(seed, 5))
		lost := rng.IntN(len(s.platform.Nodes))
		if lost == s.plan.Leader || !s.plan.Nodes(len(s.platform.Nodes))[lost] {
			continue
		}
		end := simulate(t, s).Requests[len(s.at)-1].Finish
		synctest.Test(t, func(t *testing.T) {
			x := open(t, s, setup{hollow: seed%2 == 0})
			go func() {
				_ = x.clock.Sleep(t.Context(), time.Duration(rng.Int64N(int64(end))))
				x.hub.Kill(s.platform.Nodes[lost].Name)
			}()
			left := map[int64]bool{}
			for id, at := range s.at {
				require.NoError(t, x.clock.Sleep(t.Context(), at))
				if x.tryBegin(int64(id)) == nil {
					left[int64(id)] = true
				}
			}
			for len(left) > 0 {
				select {
				case id := <-x.finished:
					delete(left, id)
				case f := <-x.failed:
					var gone *NodeLostError
					require.True(t, f.node == lost || errors.As(f.why, &gone) && gone.Node == s.platform.Nodes[lost].Name, "%v", f.why)
					x.drop(f.request, f.why)
					delete(left, f.request)
					told++
				}
			}
			synctest.Wait()
			for _, r := range x.close() {
				require.Zero(t, r.LiveMemory)
			}
		})
	}
}

// tryBegin begins a request everywhere, if that is possible.
func (x *session) tryBegin(id int64) error {
	for _, r := range x.runtimes {
		if p := r.recipes[0].part; p != nil && !p.Leads {
			if err := r.Join(id, 0); err != nil {
				x.drop(id, err)
				return err
			}
		}
	}
	return x.runtimes[x.s.plan.Leader].Begin(id, 0, x.input())
}

// When the session's context ends, requests under way fail with its cause and nothing new begins.
func TestCancelling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := relay(t)
		x := open(t, s, setup{})
		ctx, cancel := context.WithCancelCause(t.Context())
		cfg := x.runtimes[0].cfg
		x.runtimes[0].Close()
		require.ErrorContains(t, x.runtimes[0].Begin(1, 0, x.input()), "closed")
		var err error
		hub, err := wire.NewHub(x.clock, nil, wire.DefaultLimits())
		require.NoError(t, err)
		cfg.Transport, err = hub.Join(s.platform.Nodes[0].Name)
		require.NoError(t, err)
		r, err := Start(ctx, cfg)
		require.NoError(t, err)
		require.NoError(t, r.Begin(0, 0, x.input()))
		why := errors.New("enough")
		cancel(why)
		require.ErrorIs(t, (<-x.failed).why, why)
		require.ErrorIs(t, r.Begin(1, 0, x.input()), why)
		report := r.Close()
		require.Same(t, report, r.Close())
		require.Equal(t, why.Error(), report.Trace.Requests[0].Failed)
		x.close()
	})
}

// failing is a worker that cannot.
type failing struct{}

func (failing) Run(context.Context, *Task) (Done, error) {
	return Done{}, errors.New("the engine has no such operator")
}

// lazy is a worker that leaves out what it should make.
type lazy struct{}

func (lazy) Run(context.Context, *Task) (Done, error) { return Done{}, nil }

// An op that fails names itself and its node; the node goes on.
func TestAnOpThatFails(t *testing.T) {
	for worker, says := range map[Worker]string{failing{}: "no such operator", lazy{}: "0 tensors instead of 1"} {
		synctest.Test(t, func(t *testing.T) {
			s := relay(t)
			x := open(t, s, setup{only: func(cfg *Config) {
				if cfg.Node == 1 {
					cfg.Workers[0] = worker
				}
			}})
			for id := range int64(2) {
				x.begin(id, x.input())
				f := <-x.failed
				var op *OpError
				require.ErrorAs(t, f.why, &op)
				require.Equal(t, 1, f.node)
				require.Equal(t, s.platform.Nodes[1].Name, op.Node)
				require.ErrorContains(t, f.why, says)
				x.drop(id, f.why)
			}
			synctest.Wait()
			for _, r := range x.close() {
				require.Zero(t, r.LiveMemory)
			}
		})
	}
}

// Messages that no plan asks for end the trust in their sender, and nothing else: the node goes on and takes no more from it.
func TestHostilePeers(t *testing.T) {
	s := relay(t)
	good := firstMessage(s)
	for says, spoil := range map[string]func(m *wire.Message){
		"no part in such a plan": func(m *wire.Message) { m.Request |= 7 << planShift },
		"the plan has":           func(m *wire.Message) { m.Op = 10 },
		"sends nothing":          func(m *wire.Message) { m.Op = 0 },
		"it carries layer 3":     func(m *wire.Message) { m.Layer = 3 },
		"it carries layer 1":     func(m *wire.Message) { m.Region.Rows.Hi-- },
		"256 bytes of shape":     func(m *wire.Message) { m.Shape, m.Payload = []int{1, 4, 16, 1}, m.Payload[:256] },
		"1 requests are under":   func(m *wire.Message) { m.Request = 1 },
		"is here already":        func(m *wire.Message) {},
	} {
		synctest.Test(t, func(t *testing.T) {
			x := open(t, s, setup{foe: true, only: func(cfg *Config) { cfg.Most = 1 }})
			to := s.platform.Nodes[1].Name
			foe := x.pipes[0]
			require.NoError(t, foe.Send(t.Context(), to, &good))
			x.settle()
			require.Equal(t, 1, x.runtimes[0].Live())
			require.NoError(t, x.runtimes[0].Lost())
			bad := good
			spoil(&bad)
			require.NoError(t, foe.Send(t.Context(), to, &bad))
			x.settle()
			var refused *RefusedError
			require.ErrorAs(t, x.runtimes[0].Lost(), &refused, says)
			require.ErrorContains(t, refused, says)
			require.Equal(t, s.platform.Nodes[0].Name, refused.From)
			require.NoError(t, foe.Send(t.Context(), to, &good), "nobody listens")
			x.settle()
			require.NoError(t, foe.Close())
			x.close()
		})
	}
}

// firstMessage returns the message that node 0 begins request 0 with.
func firstMessage(s *scenario) wire.Message {
	op := 0
	for s.plan.Ops[op].Kind != plan.Send {
		op++
	}
	part := s.plan.Ops[op].Part
	t := content(s.graph, part)
	return wire.Message{Kind: wire.Tensor, Op: int32(op), Layer: int32(part.Layer), Region: regionOf(s.graph, part), DType: wire.Float32,
		Shape: t.Shape, Payload: payload(t)}
}

// settle lets everything happen that is under way, but for the work on what has arrived.
func (x *session) settle() {
	require.NoError(x.t, x.clock.Sleep(x.t.Context(), x.clock.Now()+20*time.Millisecond))
	synctest.Wait()
}

// Tensors of requests that were dropped are not missed, and those who have ended are not begun again.
func TestLateMessages(t *testing.T) {
	s := relay(t)
	good := firstMessage(s)
	synctest.Test(t, func(t *testing.T) {
		x := open(t, s, setup{foe: true})
		follower := x.runtimes[0]
		follower.Drop(0, errors.New("no more"))
		require.NoError(t, x.pipes[0].Send(t.Context(), s.platform.Nodes[1].Name, &good))
		x.settle()
		require.NoError(t, follower.Lost())
		require.NoError(t, follower.Join(0, 0))
		require.Zero(t, follower.Live())
		require.NoError(t, x.pipes[0].Close())
		x.close()
	})
}

// What is wrong with a session is said before it starts.
func TestSessionsThatCannotStart(t *testing.T) {
	s := relay(t)
	good := Config{Platform: s.platform, Plans: []Plan{{s.plan, s.graph}}, Clock: wire.NewTimers(), Workers: []Worker{lazy{}}, Transport: &wire.Pipe{}}
	small := *s.platform
	small.Nodes = append([]devices.Node(nil), small.Nodes...)
	small.Nodes[0].Memory = 1000
	faulty := *s.plan
	faulty.Leader = 17
	for says, spoil := range map[string]func(c *Config){
		"needs a clock":               func(c *Config) { c.Clock = nil },
		"one of its nodes":            func(c *Config) { c.Node = 3 },
		"0 workers for the 1 cluster": func(c *Config) { c.Workers = nil },
		"CPUs of 2 clusters":          func(c *Config) { c.CPUs = make([][]int, 2) },
		"needs a transport":           func(c *Config) { c.Transport = nil },
		"which has 0.0 MB":            func(c *Config) { c.Platform = &small },
		"leader 17":                   func(c *Config) { c.Plans = []Plan{{&faulty, s.graph}} },
	} {
		cfg := good
		spoil(&cfg)
		_, err := Start(t.Context(), cfg)
		require.ErrorContains(t, err, says)
	}
}

// What whoever controls the run may get wrong is an error, not a panic.
func TestRequestsThatCannotBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := relay(t)
		x := open(t, s, setup{})
		leader, follower := x.runtimes[0], x.runtimes[1]
		require.ErrorContains(t, leader.Begin(0, 1, x.input()), "no plan 1")
		require.ErrorContains(t, leader.Begin(-1, 0, x.input()), "request id -1")
		require.ErrorContains(t, leader.Begin(0, 0, inference.NewTensor(1, 3, 16, 15)), "input of request 0")
		require.ErrorContains(t, follower.Begin(0, 0, x.input()), "does not lead")
		require.ErrorContains(t, leader.Join(0, 0), "leads plan 0")
		x.begin(0, x.input())
		require.ErrorContains(t, leader.Begin(0, 0, x.input()), "a request 0 already")
		require.Equal(t, int64(0), <-x.finished)
		require.ErrorContains(t, leader.Begin(0, 0, x.input()), "a request 0 already")
		for _, r := range x.close() {
			require.Zero(t, r.LiveMemory)
		}
	})
}

// A node alone needs no transport; a thread that cannot be pinned is an error that names its cluster, and leaves nothing running.
func TestPinning(t *testing.T) {
	parts.Only(t, "threads can be pinned", "linux")
	cfg := Config{Platform: conformance.Boards(1e6, 1), Clock: wire.Monotonic(), Workers: []Worker{lazy{}}, CPUs: [][]int{{0}}}
	r, err := Start(t.Context(), cfg)
	require.NoError(t, err)
	require.Zero(t, r.Close().LiveMemory)
	cfg.CPUs = [][]int{{100_000}}
	_, err = Start(t.Context(), cfg)
	require.ErrorContains(t, err, "node n0, cluster cpu: pinning to CPUs [100000]")
}
