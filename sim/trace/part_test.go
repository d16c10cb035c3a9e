package trace

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A part has the records of its requests only, with all their times moved alike; the whole is left as it is.
func TestPart(t *testing.T) {
	whole := func() *Trace {
		x := &Trace{Lost: 2}
		for id := range int64(3) {
			x.AddRequest(Request{ID: id, Arrival: 10, Planned: 11, Finish: 19})
			x.AddCompute(Compute{Request: id, Ready: 12, Start: 13, End: 14, Work: 1})
			x.AddTransfer(Transfer{Request: id, Ready: 14, Start: 15, End: 16, Arrive: 17})
			x.AddPhase(Phase{Request: id, Start: 18, End: 19})
		}
		return x
	}
	x := whole()
	require.Equal(t, &Trace{Lost: 2, Requests: []Request{{ID: 1, Arrival: 0, Planned: 1, Finish: 9}}, Computes: []Compute{{Request: 1, Ready: 2, Start: 3, End: 4, Work: 1}},
		Transfers: []Transfer{{Request: 1, Ready: 4, Start: 5, End: 6, Arrive: 7}}, Phases: []Phase{{Request: 1, Start: 8, End: 9}}},
		x.Part(10, func(id int64) bool { return id == 1 }))
	require.Equal(t, whole(), x)
	require.Equal(t, x, x.Part(0, func(int64) bool { return true }))
}

// What a trace was divided into adds up to it again.
func TestAppend(t *testing.T) {
	x := &Trace{}
	for id := range int64(4) {
		x.AddRequest(Request{ID: id, Arrival: 10, Planned: 11, Finish: 19})
		x.AddCompute(Compute{Request: id, Ready: 12, Start: 13, End: 14, Work: 1})
		x.AddTransfer(Transfer{Request: id, Ready: 14, Start: 15, End: 16, Arrive: 17})
		x.AddPhase(Phase{Request: id, Start: 18, End: 19})
	}
	again := x.Part(0, func(id int64) bool { return id < 2 })
	rest := x.Part(10, func(id int64) bool { return id >= 2 })
	for i := range rest.Requests {
		rest.Requests[i].ID -= 2
		rest.Computes[i].Request -= 2
		rest.Transfers[i].Request -= 2
		rest.Phases[i].Request -= 2
	}
	again.Append(rest, 10, 2)
	require.Equal(t, x, again)
}
