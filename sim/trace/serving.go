package trace

import "time"

// Serving returns for how long each of the nodes took part in some request until end: from the arrival of each request to its end,
// overlaps once. A request's leader takes part, and every node of its plan; an op that a failed request left running counts as
// taking part until it stops. It needs a trace that lost no records.
func (t *Trace) Serving(nodes int, end time.Duration) []time.Duration {
	spans := make([][]Span, nodes)
	for i := range t.Requests {
		r := &t.Requests[i]
		in := Span{min(r.Arrival, end), min(r.Finish, end)}
		for j := range t.participants(r) {
			spans[j] = append(spans[j], in)
		}
	}
	for i := range t.Computes {
		if c := &t.Computes[i]; c.Wasted {
			spans[c.Node] = append(spans[c.Node], Span{min(c.Start, end), min(c.End, end)})
		}
	}
	out := make([]time.Duration, nodes)
	for j := range out {
		out[j] = Covered(spans[j])
	}
	return out
}

// participants returns the nodes that take part in a request.
func (t *Trace) participants(r *Request) map[int]bool {
	all := map[int]bool{int(r.Leader): true}
	if r.Plan < 0 {
		return all
	}
	for i := range t.Plans[r.Plan].Ops {
		op := &t.Plans[r.Plan].Ops[i]
		all[op.Node], all[op.End()] = true, true
	}
	return all
}
