package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"hidp/devices"
	"hidp/sim/trace"
	"hidp/strategies/plan"
	"hidp/testbed/agent"
	"hidp/testbed/agent/energy"
	"hidp/testbed/control"
	"hidp/workloads"
)

// Run is what was measured in a session, without warm-ups. Times are from when the first request was due, by the clock of node
// Reference.
type Run struct {
	Platform  *devices.Platform
	Graph     *workloads.Graph
	Plans     []*plan.Plan
	Modelled  bool
	Reference int // the leader of the first plan

	Trace      *trace.Trace // Request.Model and Request.Plan are indices in Plans
	Outcomes   []Outcome    // Due and Finished as Serve returned them, by the clocks of leaders
	Latencies  []time.Duration
	Makespan   time.Duration // until the last request ended
	Throughput float64       // completed requests per second of the makespan

	Nodes     []NodeRun     // by node of the platform
	Lag       time.Duration // the largest of any node
	Tolerance time.Duration // of a request's lag
	Disturbed int           // requests with more
	Invalid   []string      // why the numbers are not to be trusted; empty if they are
	Lost      []*NodeLostError
	Checks    []Checked
}

// NodeRun is what one node did in a run.
type NodeRun struct {
	Node     string
	TookPart bool
	Measured *control.Measured // warm-ups included, by the node's clock; nil if it took no part or was lost

	Busy           []time.Duration // by cluster
	NIC            time.Duration   // with at least one transfer from or to it
	Sent, Received int64           // bytes of tensors
	PeakMemory     int64           // bytes of tensors at one time
	Lag            time.Duration   // how late something was that had a time: results that are held, messages of emulated links, requests that were due
	Clock          Clock
	Energy         energy.Amount // over the makespan
}

// Err returns why the run is not to be published: *NodeLostError, *DisagreementError, *InvalidRunError, joined; or nil.
func (r *Run) Err() error {
	var errs []error
	for _, e := range r.Lost {
		errs = append(errs, e)
	}
	for _, c := range r.Checks {
		errs = append(errs, c.err())
	}
	if len(r.Invalid) > 0 {
		errs = append(errs, &InvalidRunError{r.Invalid})
	}
	return unique(errs)
}

// closeWait is how long agents have for their reports: an op that is under way is waited for.
const closeWait = 30 * time.Second

// Close ends the session on all nodes and makes a Run of what they measured. Nodes that are lost have no report; the Run says which
// they are, and whether it is valid: see Run.Err. The error is ctx's, or that of a session that has ended already.
func (s *Session) Close(ctx context.Context) (*Run, error) {
	after, _ := s.clocks(ctx) // a node that does not answer now is lost, and will be named below
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return nil, errors.New("controller: the session has ended already")
	}
	s.ended = true
	s.mu.Unlock()
	measured, err := s.collect(ctx)
	s.release(abortWait)
	if err != nil {
		return nil, err
	}
	run := s.evaluate(measured, after)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.run = run
	return run, nil
}

// collect ends the session on every node and returns what it measured.
func (s *Session) collect(ctx context.Context) ([]*control.Measured, error) {
	limit, cancel := context.WithTimeout(ctx, closeWait)
	defer cancel()
	out := make([]*control.Measured, len(s.streams))
	var all sync.WaitGroup
	for j, st := range s.streams {
		if st == nil {
			continue
		}
		all.Go(func() {
			a, err := st.call(limit, "end the session", &control.Command{What: &control.Command_Close{Close: &control.Close{}}})
			if err == nil && a.measured != nil && !s.sound(j, a.measured.Report) {
				err = errors.New("its report does not fit the platform")
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			if err == nil {
				out[j] = a.measured
			} else if s.lost[j] == nil {
				s.lost[j] = &NodeLostError{Node: st.Node, Address: st.Address, Why: fmt.Errorf("no report: %w", err)}
			}
		})
	}
	all.Wait()
	return out, context.Cause(ctx)
}

// sound reports whether a report can be worked with: it came over a network.
func (s *Session) sound(j int, r *agent.Report) bool {
	n := len(s.platform.Nodes)
	node := func(i int32) bool { return i >= 0 && int(i) < n }
	cluster := func(c trace.Compute) bool {
		return int(c.Node) == j && c.Cluster >= 0 && int(c.Cluster) < len(s.platform.Nodes[j].Clusters)
	}
	return !slices.ContainsFunc(r.Trace.Computes, func(c trace.Compute) bool { return !cluster(c) }) &&
		!slices.ContainsFunc(r.Trace.Transfers, func(x trace.Transfer) bool { return !node(x.From) || !node(x.To) }) &&
		!slices.ContainsFunc(r.Trace.Phases, func(x trace.Phase) bool { return !node(x.Node) }) &&
		!slices.ContainsFunc(r.Trace.Requests, func(x trace.Request) bool { return !node(x.Leader) || x.Plan < -1 || int(x.Plan) >= len(s.job.Plans) }) &&
		!slices.ContainsFunc(r.Arrivals, func(a agent.Arrival) bool { return !node(a.From) })
}

// evaluate makes the Run.
func (s *Session) evaluate(measured []*control.Measured, after []reading) *Run {
	r := &Run{Platform: s.platform, Graph: s.job.Graph, Plans: s.job.Plans, Modelled: s.job.Modelled != nil, Reference: s.job.Plans[0].Leader, Checks: s.checks}
	shift := &shifts{nodes: make([]course, len(s.streams)), reference: r.Reference}
	r.Nodes = make([]NodeRun, len(s.streams))
	for j := range s.streams {
		shift.nodes[j] = newCourse(s.before[j], after[j])
		n := &r.Nodes[j]
		n.Node, n.TookPart, n.Measured = s.platform.Nodes[j].Name, s.streams[j] != nil, measured[j]
		if e := s.lost[j]; e != nil {
			r.Lost = append(r.Lost, e)
		}
	}
	origin := s.outcomes(r, shift)
	r.Trace = s.merge(measured, shift, origin)
	r.account(shift, origin)
	r.judge(s.agents.options.Tolerance)
	return r
}

// outcomes gathers what became of requests and returns when the first was due, by the reference clock.
func (s *Session) outcomes(r *Run, shift *shifts) time.Duration {
	var origin, last time.Duration
	completed := 0
	for _, w := range s.history {
		for _, o := range w.outcomes {
			if o.Warmup {
				continue
			}
			r.Outcomes = append(r.Outcomes, o)
			leader := s.job.Plans[o.Plan].Leader
			if due := shift.to(leader, o.Due); origin == 0 || due < origin {
				origin = due
			}
			if o.Err == nil && o.Finished > 0 {
				completed++
				last = max(last, shift.to(leader, o.Finished))
				r.Latencies = append(r.Latencies, o.Latency())
			}
		}
	}
	if completed > 0 && last > origin {
		r.Makespan = last - origin
		r.Throughput = float64(completed) / r.Makespan.Seconds()
	}
	return origin
}

// merge makes one trace, from origin on and without warm-ups.
func (s *Session) merge(measured []*control.Measured, shift *shifts, origin time.Duration) *trace.Trace {
	var plans []agent.Plan
	for _, p := range s.job.Plans {
		plans = append(plans, agent.Plan{Plan: p, Graph: s.job.Graph})
	}
	reports := make([]*agent.Report, len(measured))
	for j, m := range measured {
		if m != nil {
			reports[j] = shift.report(j, m.Report)
		}
	}
	warm := map[int64]bool{}
	for _, w := range s.history {
		for i := range w.outcomes {
			warm[w.outcomes[i].ID] = w.outcomes[i].Warmup
		}
	}
	return rebase(agent.Merge(s.platform, plans, reports, nil), origin, warm)
}

// rebase moves the origin of a trace, and leaves out some requests. A node that follows hears of a request before it is due; its
// phases begin with the request all the same.
func rebase(t *trace.Trace, origin time.Duration, without map[int64]bool) *trace.Trace {
	out := t.Part(origin, func(id int64) bool { return !without[id] })
	arrival := map[int64]time.Duration{}
	for _, x := range out.Requests {
		arrival[x.ID] = x.Arrival
	}
	for i := range out.Phases {
		if begin, known := arrival[out.Phases[i].Request]; known {
			x := &out.Phases[i]
			x.Start, x.End = max(x.Start, begin), max(x.End, begin)
		}
	}
	out.Sort()
	return out
}
