package trace

import "time"

// Part returns the records of some requests, in the same order, with times that count from origin.
func (t *Trace) Part(origin time.Duration, of func(request int64) bool) *Trace {
	out := &Trace{Plans: t.Plans, Lost: t.Lost}
	for _, x := range t.Requests {
		if of(x.ID) {
			x.Arrival, x.Planned, x.Finish = x.Arrival-origin, x.Planned-origin, x.Finish-origin
			out.AddRequest(x)
		}
	}
	for _, x := range t.Computes {
		if of(x.Request) {
			x.Ready, x.Start, x.End = x.Ready-origin, x.Start-origin, x.End-origin
			out.AddCompute(x)
		}
	}
	for _, x := range t.Transfers {
		if of(x.Request) {
			x.Ready, x.Start, x.End, x.Arrive = x.Ready-origin, x.Start-origin, x.End-origin, x.Arrive-origin
			out.AddTransfer(x)
		}
	}
	for _, x := range t.Phases {
		if of(x.Request) {
			x.Start, x.End = x.Start-origin, x.End-origin
			out.AddPhase(x)
		}
	}
	return out
}

// Append adds the records of another trace, later by a duration and with requests numbered from first on.
func (t *Trace) Append(other *Trace, later time.Duration, first int64) {
	x := other.Part(-later, func(int64) bool { return true })
	for i := range x.Requests {
		x.Requests[i].ID += first
		t.AddRequest(x.Requests[i])
	}
	for i := range x.Computes {
		x.Computes[i].Request += first
		t.AddCompute(x.Computes[i])
	}
	for i := range x.Transfers {
		x.Transfers[i].Request += first
		t.AddTransfer(x.Transfers[i])
	}
	for i := range x.Phases {
		x.Phases[i].Request += first
		t.AddPhase(x.Phases[i])
	}
	t.Lost += x.Lost
}
