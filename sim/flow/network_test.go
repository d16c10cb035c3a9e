package flow_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/sim/flow"
)

// over returns a path with weight 1 at each of the resources.
func over(resources ...int32) []flow.Hop {
	path := make([]flow.Hop, len(resources))
	for i, r := range resources {
		path[i] = flow.Hop{Resource: r, Weight: 1}
	}
	return path
}

// start starts a flow at time 0.
func start(n *flow.Network, bytes int64, path []flow.Hop) flow.FlowID {
	return n.Start(0, flow.Transfer{Bytes: bytes, Path: path})
}

// requireNext checks the next completion.
func requireNext(t *testing.T, n *flow.Network, at time.Duration, id flow.FlowID) {
	t.Helper()
	gotAt, gotID, ok := n.NextCompletion()
	require.True(t, ok, "no flow moves")
	require.Equal(t, at, gotAt)
	require.Equal(t, id, gotID)
}

func TestRatesComputedByHand(t *testing.T) {
	up, down := func(i int32) int32 { return i }, func(i int32) int32 { return 5 + i }
	star := []float64{10, 10, 10, 10, 10, 10, 10, 10, 10, 10}
	relayed := []flow.Hop{{Resource: 0, Weight: 2}}
	cases := []struct {
		name       string
		capacities []float64
		paths      [][]flow.Hop
		limits     []float64
		want       []float64
	}{
		{"one flow gets the whole link", []float64{10}, [][]flow.Hop{over(0)}, nil, []float64{10}},
		{"a bottleneck is shared equally", []float64{12}, [][]flow.Hop{over(0), over(0), over(0)}, nil, []float64{4, 4, 4}},
		{"the slowest resource of a path decides", []float64{10, 3, 7}, [][]flow.Hop{over(0, 1, 2)}, nil, []float64{3}},
		{"a long flow and two short ones on a line", []float64{10, 4}, [][]flow.Hop{over(0, 1), over(0), over(1)}, nil, []float64{2, 8, 2}},
		{"a medium with relayed frames", []float64{12}, [][]flow.Hop{relayed, relayed, relayed}, nil, []float64{2, 2, 2}},
		{"direct and relayed frames get the same rate", []float64{12}, [][]flow.Hop{relayed, over(0)}, nil, []float64{4, 4}},
		{"a star: fan-in to node 0, others unhindered", star,
			[][]flow.Hop{over(up(1), down(0)), over(up(2), down(0)), over(up(3), down(4)), over(up(2), down(3))},
			nil, []float64{5, 5, 10, 5}},
		{"a limit leaves the rest to others", []float64{12}, [][]flow.Hop{over(0), over(0), over(0)}, []float64{2, 0, 0}, []float64{2, 5, 5}},
		{"a limit above the share has no effect", []float64{12}, [][]flow.Hop{over(0), over(0)}, []float64{7, 0}, []float64{6, 6}},
		{"only a limit", nil, [][]flow.Hop{nil}, []float64{3}, []float64{3}},
		{"a resource crossed twice counts twice", []float64{12}, [][]flow.Hop{over(0, 0), over(0)}, nil, []float64{4, 4}},
		{"a link that is down", []float64{0, 10}, [][]flow.Hop{over(0, 1), over(1)}, nil, []float64{0, 10}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			n := flow.New(c.capacities)
			for i, path := range c.paths {
				transfer := flow.Transfer{Bytes: 1000, Path: path}
				if c.limits != nil {
					transfer.Limit = c.limits[i]
				}
				n.Start(0, transfer)
			}
			for i, want := range c.want {
				require.Equal(t, want, n.Rate(flow.FlowID(i)), "flow %d", i)
			}
		})
	}
}

func TestCompletionsAreExactAcrossChanges(t *testing.T) {
	n := flow.New([]float64{10e6})
	a := start(n, 3_000_000, over(0)) // alone at first: 10 MB/s
	requireNext(t, n, 300*time.Millisecond, a)
	b := n.Start(100*time.Millisecond, flow.Transfer{Bytes: 500_000, Path: over(0)})
	requireNext(t, n, 200*time.Millisecond, b) // 5 MB/s each
	require.Equal(t, 250_000.0, n.Remaining(150*time.Millisecond, b))
	require.Equal(t, 1_500_000.0, n.BytesCarried(150*time.Millisecond, 0))
	n.Finish(200*time.Millisecond, b)
	requireNext(t, n, 350*time.Millisecond, a) // 1.5 MB left
	n.SetCapacity(250*time.Millisecond, 0, 0)
	_, _, ok := n.NextCompletion()
	require.False(t, ok, "a link that is down completes nothing")
	n.SetCapacity(time.Second, 0, 1e6)
	requireNext(t, n, 2*time.Second, a) // 1 MB left
	n.Finish(2*time.Second, a)
	require.Equal(t, 3_500_000.0, n.BytesCarried(2*time.Second, 0))
	require.Zero(t, n.Active())
}

func TestCompletionIsRoundedUp(t *testing.T) {
	n := flow.New([]float64{3, 1e9})
	requireNext(t, n, 333_333_334, start(n, 1, over(0)))
	n.Finish(333_333_334, 0)
	id := n.Start(333_333_334, flow.Transfer{Bytes: 100e9, Path: over(1)})
	requireNext(t, n, 333_333_334+100*time.Second, id) // whole nanoseconds stay as they are
}

func TestSimultaneousCompletionsComeInStartOrder(t *testing.T) {
	n := flow.New([]float64{100, 100, 100})
	first, second := start(n, 100, over(0)), start(n, 100, over(1))
	n.Cancel(0, first)
	third := start(n, 100, over(2)) // takes the ID of first, yet started last
	require.Equal(t, first, third)
	requireNext(t, n, time.Second, second)
	n.Finish(time.Second, second)
	requireNext(t, n, time.Second, third)
}

// Shares such as a third of 10 MB/s are no exact floats, yet a completion that falls
// on a whole nanosecond must be neither late by one nor leave a residue that a link
// failing at that very instant would strand.
func TestResiduesOfFloatsNeitherDelayNorStrandAFlow(t *testing.T) {
	for count := range 60 {
		n := flow.New([]float64{10e6})
		for range count + 1 {
			start(n, 600_000, over(0))
		}
		at := time.Duration(count+1) * 60 * time.Millisecond
		requireNext(t, n, at, 0)
		n.SetCapacity(at/3, 0, 5e6) // two thirds are left, at half the rate
		n.SetCapacity(at/3+10, 0, 10e6)
		at += 5
		requireNext(t, n, at, 0)
		n.SetCapacity(at, 0, 0)
		for id := range flow.FlowID(count + 1) {
			requireNext(t, n, at, id)
			n.Finish(at, id)
		}
	}
}

func TestFlowOfNoBytesUsesNothing(t *testing.T) {
	n := flow.New([]float64{10})
	a, empty := start(n, 10, over(0)), start(n, 0, over(0))
	requireNext(t, n, 0, empty)
	require.Equal(t, 10.0, n.Rate(a))
	n.Finish(0, empty)
	requireNext(t, n, time.Second, a)
}

func TestMisusePanics(t *testing.T) {
	fresh := func() *flow.Network {
		n := flow.New([]float64{10})
		start(n, 10, over(0))
		return n
	}
	second := time.Second
	cases := map[string]func(){
		"finished at 500ms with 5 bytes": func() { fresh().Finish(second/2, 0) },
		"was not finished":               func() { fresh().SetCapacity(2*second, 0, 1) },
		"after a change at 500ms":        func() { n := fresh(); n.SetCapacity(second/2, 0, 1); n.Cancel(0, 0) },
		"there is no flow 1":             func() { fresh().Rate(1) },
		"there is no flow 0":             func() { n := fresh(); n.Cancel(0, 0); n.Cancel(0, 0) },
		"neither may be negative":        func() { start(fresh(), -1, over(0)) },
		"no resource 1":                  func() { start(fresh(), 1, over(1)) },
		"weight 0 is not between":        func() { start(fresh(), 1, []flow.Hop{{}}) },
		"neither a path nor a limit":     func() { start(fresh(), 1, nil) },
		"capacity -1 is not a finite":    func() { flow.New([]float64{-1}) },
		"resource 0: capacity NaN is no": func() { fresh().SetCapacity(0, 0, nan()) },
	}
	for message, misuse := range cases {
		t.Run(message, func(t *testing.T) {
			defer func() { require.Contains(t, recover(), message) }()
			misuse()
		})
	}
}

func nan() float64 { zero := 0.0; return zero / zero }
