package validation

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"hidp/sim/trace"
)

// phase is a phase of requests as a trace tells it, in the order of their arrival.
type phase struct {
	trace    *trace.Trace
	requests []trace.Request
}

// newPhase leaves out the first requests to arrive.
func newPhase(t *trace.Trace, skip int) phase {
	all := slices.SortedFunc(slices.Values(t.Requests), func(a, b trace.Request) int {
		return cmp.Or(cmp.Compare(a.Arrival, b.Arrival), cmp.Compare(a.ID, b.ID))
	})
	return phase{trace: t, requests: all[min(skip, len(all)):]}
}

// latencies returns the seconds from arrival to result of every request.
func (p phase) latencies() []float64 {
	var out []float64
	for _, r := range p.requests {
		out = append(out, (r.Finish - r.Arrival).Seconds())
	}
	return out
}

// typical returns the request whose latency is the nearest to the median.
func (p phase) typical() trace.Request {
	want := float64(newMedian(p.latencies()).Middle)
	return slices.MinFunc(p.requests, func(a, b trace.Request) int {
		off := func(r trace.Request) float64 { return math.Abs((r.Finish - r.Arrival).Seconds() - want) }
		return cmp.Or(cmp.Compare(off(a), off(b)), cmp.Compare(a.ID, b.ID))
	})
}

// mostOverlaps is the largest share of lone requests that may have met another: a straggler does not move a median.
const mostOverlaps = 0.1

// faults returns why a phase of a number of requests is not what was asked for.
func faults(name string, t *trace.Trace, requests int, lone bool) []string {
	if t == nil {
		return []string{name + ": nothing was measured"}
	}
	var out []string
	if len(t.Requests) != requests {
		out = append(out, fmt.Sprintf("%s: %d of %d requests are in the trace", name, len(t.Requests), requests))
	}
	if t.Lost > 0 {
		out = append(out, fmt.Sprintf("%s: the trace lost %d records", name, t.Lost))
	}
	for _, r := range t.Requests {
		if r.Failed != "" {
			out = append(out, fmt.Sprintf("%s: request %d failed: %s", name, r.ID, r.Failed))
		}
	}
	if n := overlaps(t); lone && float64(n) > mostOverlaps*float64(requests) {
		out = append(out, fmt.Sprintf("%s: %d requests began before the one before had ended", name, n))
	}
	return out
}

// overlaps counts the requests that arrived before an earlier one had finished.
func overlaps(t *trace.Trace) int {
	n := 0
	p := newPhase(t, 0)
	for i := 1; i < len(p.requests); i++ {
		if p.requests[i].Arrival < p.requests[i-1].Finish {
			n++
		}
	}
	return n
}

// rates returns the median rate of crowds.
func rates(crowds []*trace.Trace, steady int) float64 {
	var all []float64
	for _, t := range crowds {
		all = append(all, rate(t, steady))
	}
	return float64(newMedian(all).Middle)
}

// rate returns the requests per second that were finished after the first so many to finish; NaN if there are no more.
func rate(t *trace.Trace, steady int) float64 {
	var finishes []float64
	for _, r := range t.Requests {
		finishes = append(finishes, r.Finish.Seconds())
	}
	slices.Sort(finishes)
	n := len(finishes)
	if steady < 1 || n <= steady || finishes[n-1] <= finishes[steady-1] {
		return math.NaN()
	}
	return float64(n-steady) / (finishes[n-1] - finishes[steady-1])
}
