package controller

import (
	"context"
	"fmt"
	"time"

	"hidp/testbed/agent"
	"hidp/testbed/control"
	"hidp/testbed/wire"
)

// exchanges is how often the clock of an agent is asked for; the quickest answer is believed.
const exchanges = 24

// prober compares clocks over the control channel: that of tensors may be shaped.
type prober struct {
	client control.AgentClient
	clock  wire.Clock
}

// Probe implements wire.Prober.
func (p prober) Probe(ctx context.Context, _ string) (wire.Sample, error) {
	sent := p.clock.Now()
	r, err := p.client.Clock(ctx, &control.ClockRequest{})
	returned := p.clock.Now()
	if err != nil {
		return wire.Sample{}, err
	}
	return wire.Sample{Sent: sent, Arrived: time.Duration(r.Arrived), Answered: time.Duration(r.Answered), Returned: returned}, nil
}

// clocks compares the clocks of all nodes that are not lost with the own one. The error joins a *NodeLostError for each that does
// not answer.
func (s *Session) clocks(ctx context.Context) ([]reading, error) {
	out, errs := make([]reading, len(s.streams)), make([]error, len(s.streams))
	for j, st := range s.streams {
		if st == nil || s.isLost(j) {
			continue
		}
		limit, cancel := context.WithTimeout(ctx, s.agents.options.Silence)
		clock := s.agents.options.Clock
		offset, err := wire.EstimateOffset(limit, prober{st.client, clock}, st.Node, exchanges)
		cancel()
		if err != nil {
			errs[j] = st.failed(ctx, err)
			continue
		}
		out[j] = reading{offset, clock.Now()}
	}
	return out, unique(errs)
}

// together reports which agent's clock is not the one of this machine, where a shaped network needs that.
func (s *Session) together() error {
	if s.agents.roster.Network.Kind != Shaped {
		return nil
	}
	var errs []error
	for j, st := range s.streams {
		if st != nil && newCourse(s.before[j], reading{}) != (course{}) {
			errs = append(errs, &RefusedError{Node: st.Node, Doing: "take part in a shaped network",
				Faults: []string{fmt.Sprintf("its clock is %v ahead of this machine's, so it runs elsewhere or in a time namespace", s.before[j].Offset.Offset)}})
		}
	}
	return unique(errs)
}

func (s *Session) isLost(j int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost[j] != nil
}

// Clock is how the clock of a node is related to the one that a Run is in.
type Clock struct {
	Ahead time.Duration // of the node's clock, before the one of the run, at the run's end
	Drift float64       // seconds that it gains per second, on the controller's
	Bound time.Duration // the truth lies within Ahead ± Bound, if clocks run alike
}

// course is how far a clock is ahead of the controller's in the course of a run: a straight line over the controller's time.
type course struct {
	at    time.Duration // by the controller's clock
	ahead time.Duration // then
	drift float64       // and how much more with time
	bound time.Duration
}

// newCourse draws the line through two comparisons. Clocks that are equal within the bounds of both are one: that of the machine.
func newCourse(before, after reading) course {
	same := func(r reading) bool { return r.Offset.Offset <= r.Bound && -r.Offset.Offset <= r.Bound }
	switch {
	case after.Samples == 0: // the node was lost
		after = before
	case before.Samples == 0:
		before = after
	}
	if same(before) && same(after) {
		return course{}
	}
	c := course{at: after.at, ahead: after.Offset.Offset, bound: max(before.Bound, after.Bound)}
	if span := after.at - before.at; span > 0 {
		c.drift = float64(after.Offset.Offset-before.Offset.Offset) / float64(span)
	}
	return c
}

// own returns the controller's time when the clock shows t.
func (c course) own(t time.Duration) time.Duration {
	return c.at + time.Duration(float64(t-c.ahead-c.at)/(1+c.drift))
}

// show returns what the clock shows at time t of the controller.
func (c course) show(t time.Duration) time.Duration {
	return t + c.ahead + time.Duration(float64(c.drift*float64(t-c.at)))
}

// shifts converts times of nodes to times of the reference node.
type shifts struct {
	nodes     []course
	reference int
}

// to converts time t of node j.
func (s *shifts) to(j int, t time.Duration) time.Duration { return s.between(j, s.reference, t) }

// from converts a time of the reference node to one of node j.
func (s *shifts) from(j int, t time.Duration) time.Duration { return s.between(s.reference, j, t) }

func (s *shifts) between(i, j int, t time.Duration) time.Duration {
	if s.nodes[i] == s.nodes[j] {
		return t
	}
	return s.nodes[j].show(s.nodes[i].own(t))
}

// report converts all times of the report of node j.
func (s *shifts) report(j int, r *agent.Report) *agent.Report {
	out := *r
	t := &out.Trace
	t.Computes, t.Phases, t.Requests, t.Transfers = clone(t.Computes), clone(t.Phases), clone(t.Requests), clone(t.Transfers)
	for i := range t.Computes {
		x := &t.Computes[i]
		x.Ready, x.Start, x.End = s.to(j, x.Ready), s.to(j, x.Start), s.to(j, x.End)
	}
	for i := range t.Phases {
		x := &t.Phases[i]
		x.Start, x.End = s.to(j, x.Start), s.to(j, x.End)
	}
	for i := range t.Requests {
		x := &t.Requests[i]
		x.Arrival, x.Planned, x.Finish = s.to(j, x.Arrival), s.to(j, x.Planned), s.to(j, x.Finish)
	}
	for i := range t.Transfers {
		x := &t.Transfers[i]
		x.Ready, x.End = s.to(j, x.Ready), s.to(j, x.End)
	}
	out.Arrivals = clone(out.Arrivals)
	for i := range out.Arrivals {
		x := &out.Arrivals[i]
		x.At, x.Sent = s.to(j, x.At), s.to(int(x.From), x.Sent)
	}
	return &out
}

func clone[T any](list []T) []T { return append([]T(nil), list...) }
