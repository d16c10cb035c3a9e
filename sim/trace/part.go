package trace

import "time"

// Part returns the records of some requests, in the same order, with times that count from origin.
func (t *Trace) Part(origin time.Duration, of func(request int64) bool) *Trace {
	out := &Trace{Plans: t.Plans}
	t.copyTo(out, -origin, func(request int64) (int64, bool) { return request, of(request) })
	return out
}

// Append adds the records of another trace, later by a duration and with requests numbered from first on.
func (t *Trace) Append(other *Trace, later time.Duration, first int64) {
	other.copyTo(t, later, func(request int64) (int64, bool) { return request + first, true })
}

// copyTo adds records to another trace, later by a duration: those of requests that have a number there.
func (t *Trace) copyTo(out *Trace, later time.Duration, number func(request int64) (there int64, has bool)) {
	var has bool
	for _, x := range t.Requests {
		if x.ID, has = number(x.ID); has {
			x.Arrival, x.Planned, x.Finish = x.Arrival+later, x.Planned+later, x.Finish+later
			out.AddRequest(x)
		}
	}
	for _, x := range t.Computes {
		if x.Request, has = number(x.Request); has {
			x.Ready, x.Start, x.End = x.Ready+later, x.Start+later, x.End+later
			out.AddCompute(x)
		}
	}
	for _, x := range t.Transfers {
		if x.Request, has = number(x.Request); has {
			x.Ready, x.Start, x.End, x.Arrive = x.Ready+later, x.Start+later, x.End+later, x.Arrive+later
			out.AddTransfer(x)
		}
	}
	for _, x := range t.Phases {
		if x.Request, has = number(x.Request); has {
			x.Start, x.End = x.Start+later, x.End+later
			out.AddPhase(x)
		}
	}
	out.Lost += t.Lost
}
