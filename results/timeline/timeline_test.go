package timeline

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/devices"
	"hidp/sim/trace"
	"hidp/strategies/plan"
)

// Two requests of different plans stand above each other on all that either of them uses, each with a bar for every op.
func TestLanesOfTwoRequests(t *testing.T) {
	p, err := devices.Open("rk3588-pair")
	require.NoError(t, err)
	at := func(ms int) time.Duration { return time.Duration(ms) * time.Millisecond }
	plans := []*plan.Plan{
		{Ops: []plan.Op{{Kind: plan.Send, To: 1}, {Kind: plan.Compute, Node: 1, Cluster: 1}, {Kind: plan.Send, Node: 1}}},
		{Ops: []plan.Op{{Kind: plan.Compute}}},
	}
	tr := &trace.Trace{Plans: plans,
		Requests: []trace.Request{{ID: 4, Arrival: at(10), Finish: at(40)}, {ID: 5, Plan: 1, Arrival: at(20), Finish: at(25)}, {ID: 6, Plan: -1}},
		Computes: []trace.Compute{{Request: 4, Op: 1, Start: at(15), End: at(30)}, {Request: 5, Start: at(20), End: at(25)}},
		Transfers: []trace.Transfer{{Request: 4, Op: 0, Ready: at(10), Arrive: at(15), Bytes: 12000},
			{Request: 4, Op: 2, Ready: at(30), Arrive: at(40), Bytes: 1.5e6}}}
	drawn, err := Draw("two", p, Request{Name: "a", Trace: tr, ID: 4}, Request{Name: "b", Trace: tr, ID: 5})
	require.NoError(t, err)
	type bar struct {
		group, lane string
		start, end  float64
		label       string
	}
	var got []bar
	for _, g := range drawn.Groups {
		for _, l := range g.Lanes {
			for _, b := range l.Bars {
				got = append(got, bar{g.Name, l.Name, b.Start, b.End, b.Label})
			}
		}
	}
	n := p.Nodes
	require.Equal(t, []bar{
		{n[0].Name + " " + n[0].Clusters[0].Name, "b", 0, 5, "0–-1"},
		{n[1].Name + " " + n[1].Clusters[1].Name, "a", 5, 20, "0–-1"},
		{n[0].Name + " → " + n[1].Name, "a", 0, 5, "12 kB"},
		{n[1].Name + " → " + n[0].Name, "a", 20, 30, "1.5 MB"},
	}, got)
	require.Equal(t, []float64{30, 5}, []float64{drawn.Marks[0].Value, drawn.Marks[1].Value})
	_, err = Draw("none", p, Request{Trace: tr, ID: 6})
	require.ErrorContains(t, err, "no plan of request 6")
	_, err = Draw("none", p, Request{Trace: tr, ID: 7})
	require.ErrorContains(t, err, "no plan of request 7")
	_, err = Draw("none", p)
	require.ErrorContains(t, err, "no request to draw")
}
