package trace

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/devices"
)

func TestCoveredIsTheLengthOfTheUnion(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		var spans []Span
		var under [100]bool
		for range rng.IntN(12) {
			from := rng.IntN(100)
			to := from + rng.IntN(100-from)
			spans = append(spans, Span{time.Duration(from), time.Duration(to)})
			for i := from; i < to; i++ {
				under[i] = true
			}
		}
		want := 0
		for _, u := range under {
			if u {
				want++
			}
		}
		require.Equal(t, time.Duration(want), Covered(spans))
	}
}

func TestLimitCountsWhatItDoesNotKeep(t *testing.T) {
	x := Trace{Limit: 2}
	for i := range int64(5) {
		x.AddCompute(Compute{Request: i})
		x.AddRequest(Request{ID: i})
	}
	require.Len(t, x.Computes, 2)
	require.Equal(t, int64(6), x.Lost)
}

func TestSortDoesNotDependOnTheOrderOfRecording(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	var a, b Trace
	for i := range int64(50) {
		a.AddCompute(Compute{Request: i, Start: time.Duration(rng.IntN(5)), Node: int32(rng.IntN(3))})
		a.AddTransfer(Transfer{Request: i, Ready: time.Duration(rng.IntN(5))})
		a.AddRequest(Request{ID: i})
	}
	for _, i := range rng.Perm(50) {
		b.AddCompute(a.Computes[i])
		b.AddTransfer(a.Transfers[i])
		b.AddRequest(a.Requests[i])
	}
	a.Sort()
	b.Sort()
	require.Equal(t, a, b)
}

func TestAccountsStopAtTheEnd(t *testing.T) {
	p := &devices.Platform{Nodes: []devices.Node{
		{IdlePower: 1, NICPower: 2, Clusters: []devices.Cluster{{ActivePower: 3}, {ActivePower: 5}}}, {Clusters: make([]devices.Cluster, 1)}}}
	x := Trace{Computes: []Compute{{End: time.Second}, {Cluster: 1, Start: time.Second, End: 5 * time.Second}},
		Transfers: []Transfer{{To: 1, End: time.Second}, {From: 1, To: 0, Start: time.Second / 2, End: 4 * time.Second}}}
	a := x.Accounts(p, 2*time.Second)
	require.Equal(t, []time.Duration{time.Second, time.Second}, a[0].Busy)
	require.Equal(t, 2*time.Second, a[1].NIC)
	require.InDelta(t, 2*1+2*2+3+5, a[0].Energy(&p.Nodes[0], 2*time.Second), 1e-12)
}
