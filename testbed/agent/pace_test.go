package agent

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/sim/trace"
	"hidp/strategies/conformance"
	"hidp/testbed/wire"
)

// busy is a worker that computes for a while.
type busy struct {
	clock wire.Clock
	takes time.Duration
	fails error
}

func (b *busy) Run(ctx context.Context, _ *Task) (Done, error) {
	if err := b.clock.Sleep(ctx, b.clock.Now()+b.takes); err != nil {
		return Done{}, err
	}
	return Done{}, b.fails
}

// pair is a node with two clusters; the first is half as fast while the second works.
func pair() *devices.Node {
	return &devices.Node{Name: "pair", Physical: 2, Clusters: []devices.Cluster{{Name: "a", Mask: 1}, {Name: "b", Mask: 2}},
		Keep: [][]float64{{1, 0.5}, {1, 1}}}
}

func TestPaceHoldsTheResult(t *testing.T) {
	for _, c := range []struct {
		neighbour   [2]time.Duration // from, to
		alone       bool
		takes, lag  time.Duration
		slowdown    float64
		description string
	}{
		{takes: 50, slowdown: 5, description: "five times slower"},
		{neighbour: [2]time.Duration{20, 40}, takes: 60, slowdown: 5, description: "half speed from 20 to 40"},
		{neighbour: [2]time.Duration{2, 6}, takes: 52, slowdown: 5, description: "half speed while its time is not known"},
		{neighbour: [2]time.Duration{20, 40}, alone: true, takes: 50, slowdown: 5, description: "clusters that do not mind"},
		{takes: 10, lag: 5, slowdown: 0.5, description: "this machine is too slow"},
	} {
		synctest.Test(t, func(t *testing.T) {
			const unit = time.Millisecond
			clock := wire.NewTimers()
			p := NewPacer(clock, pair(), c.alone)
			p.Busy(1, clock.Now())
			w := &Pace{Worker: &busy{clock: clock, takes: 10 * unit}, Slowdown: c.slowdown, Pacer: p, CPU: clock.Now}
			if c.neighbour[1] > 0 {
				time.AfterFunc(c.neighbour[0]*unit, func() { p.Busy(3, clock.Now()) })
				time.AfterFunc(c.neighbour[1]*unit, func() { p.Busy(1, clock.Now()) })
			}
			d, err := w.Run(t.Context(), &Task{})
			require.NoError(t, err)
			require.Equal(t, c.takes*unit, clock.Now(), c.description)
			require.Equal(t, c.lag*unit, d.Lag, c.description)
			require.Equal(t, time.Duration(c.slowdown*float64(10*unit)), d.Work)
			time.Sleep(time.Second)
		})
	}
}

func TestPacePassesErrorsOnAndEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := wire.NewTimers()
		broken := errors.New("broken")
		w := &Pace{Worker: &busy{clock, time.Millisecond, broken}, Slowdown: 1000, Pacer: NewPacer(clock, pair(), false), CPU: clock.Now}
		_, err := w.Run(t.Context(), &Task{})
		require.ErrorIs(t, err, broken)
		require.Equal(t, time.Millisecond, clock.Now(), "a failure is not held")
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		w.Worker = &busy{clock, time.Millisecond, nil}
		_, err = w.Run(ctx, &Task{})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 11*time.Millisecond, clock.Now())
	})
}

func TestThreadCPUGrowsWithWork(t *testing.T) {
	before := ThreadCPU()
	x := 1.0
	for ThreadCPU() == before {
		x *= 1.0000001
	}
	require.Greater(t, ThreadCPU(), before)
}

// Clocks that are apart, and a node that was lost, leave a trace in one time.
func TestMergeShiftsClocks(t *testing.T) {
	p := conformance.Boards(1e6, 1, 1)
	const apart = time.Hour
	leader := &Report{Trace: trace.Trace{
		Transfers: []trace.Transfer{{Op: 0, From: 0, To: 1, Bytes: 8, Ready: 5, End: time.Second}, {Op: 2, From: 0, To: 1, Ready: 7, End: 9}},
		Requests:  []trace.Request{{Arrival: 1, Finish: 2 * time.Second}}}}
	follower := &Report{
		Trace:    trace.Trace{Computes: []trace.Compute{{Node: 1, Ready: apart + 1, Start: apart + 2, End: apart + 3}}, Phases: []trace.Phase{{Node: 1, Start: apart, End: apart + 3*time.Second}}},
		Arrivals: []Arrival{{Op: 0, From: 0, Bytes: 8, At: apart + 3*time.Millisecond}}}
	got := Merge(p, nil, []*Report{leader, follower}, []time.Duration{0, apart})
	require.Equal(t, []trace.Transfer{
		{Op: 0, From: 0, To: 1, Bytes: 8, Ready: 5, Start: 5, End: 2 * time.Millisecond, Arrive: 3 * time.Millisecond},
		{Op: 2, From: 0, To: 1, Ready: 7, Start: 7, End: 9, Arrive: 9, Wasted: true}}, got.Transfers)
	require.Equal(t, []trace.Compute{{Node: 1, Ready: 1, Start: 2, End: 3}}, got.Computes)
	require.Equal(t, 3*time.Second, got.Requests[0].Finish, "all have done their part")

	got = Merge(p, nil, []*Report{nil, follower}, []time.Duration{0, apart})
	require.Equal(t, 3*time.Millisecond, got.Transfers[0].Arrive, "the sender is gone, the tensor is not")
}
