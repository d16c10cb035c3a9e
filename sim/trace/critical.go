package trace

import (
	"fmt"
	"time"

	"hidp/strategies/plan"
)

// Part is what a request's time goes to.
type Part string

// The parts of a request's time.
const (
	Planning  Part = "planning"  // the leader makes the plan, or waits to make it
	Computing Part = "computing" // an op on its cluster, as long as it takes on an otherwise idle node
	Slowdown  Part = "slowdown"  // what it takes longer, because other clusters of the node compute at the same time
	Queueing  Part = "queueing"  // an op or a message waits for others before it at its cluster or its network card
	Wire      Part = "wire"      // bytes on the network, shared with other transfers
	Messaging Part = "messaging" // what a message costs beside its bytes: work at both ends, latency
)

// Parts lists the parts in the order in which they are shown.
func Parts() []Part { return []Part{Computing, Slowdown, Wire, Messaging, Queueing, Planning} }

// Step is one stretch of a request's critical path.
type Step struct {
	Part       Part
	Op         int32 // of the request's plan; -1: planning
	Node       int32 // where it computes, or the sender
	Cluster    int32 // of computing, slowdown, and queueing before a cluster; else -1
	To         int32 // the receiver of a message; else -1
	Start, End time.Duration
}

// Critical returns the critical path of a request that was served: a chain of steps without gaps from its arrival to its end, of
// which each could begin only when the one before it had ended. Where several ops that an op waited for ended at the same time,
// the path follows the first of them. The trace must hold all records of the request.
func (t *Trace) Critical(request int64) ([]Step, error) {
	r := t.find(request)
	switch {
	case r == nil:
		return nil, fmt.Errorf("request %d is not in the trace", request)
	case r.Failed != "":
		return nil, fmt.Errorf("request %d failed: %s", request, r.Failed)
	}
	plan := t.Plans[r.Plan]
	w := walk{plan: plan, computes: make([]*Compute, len(plan.Ops)), transfers: make([]*Transfer, len(plan.Ops))}
	for i := range t.Computes {
		if c := &t.Computes[i]; c.Request == request {
			w.computes[c.Op] = c
		}
	}
	for i := range t.Transfers {
		if x := &t.Transfers[i]; x.Request == request {
			w.transfers[x.Op] = x
		}
	}
	return w.back(r)
}

func (t *Trace) find(request int64) *Request {
	for i := range t.Requests {
		if t.Requests[i].ID == request {
			return &t.Requests[i]
		}
	}
	return nil
}

// walk goes from the end of a request to its arrival.
type walk struct {
	plan      *plan.Plan
	computes  []*Compute  // by op
	transfers []*Transfer // by op
	steps     []Step      // last first
	at        time.Duration
	next      Step // where the op is whose steps come last so far
}

func (w *walk) back(r *Request) ([]Step, error) {
	w.at, w.next = r.Finish, Step{Op: -1, Node: r.Leader, Cluster: -1, To: -1}
	all := make([]int, len(w.plan.Ops))
	for i := range all {
		all[i] = i
	}
	for op := w.last(all); op >= 0; op = w.last(w.plan.Ops[op].After) {
		if w.computes[op] == nil && w.transfers[op] == nil {
			return nil, fmt.Errorf("the trace has lost op %d of request %d", op, r.ID)
		}
		w.add(op)
	}
	w.part(w.next, Queueing, r.Planned)
	w.step(Step{Part: Planning, Op: -1, Node: r.Leader, Cluster: -1, To: -1, Start: r.Arrival})
	for i, j := 0, len(w.steps)-1; i < j; i, j = i+1, j-1 {
		w.steps[i], w.steps[j] = w.steps[j], w.steps[i]
	}
	return w.steps, nil
}

// last returns the op of a list that ended last, or -1 if the list is empty.
func (w *walk) last(ops []int) int {
	best := -1
	for _, op := range ops {
		if best < 0 || w.end(op) > w.end(best) {
			best = op
		}
	}
	return best
}

func (w *walk) end(op int) time.Duration {
	if c := w.computes[op]; c != nil {
		return c.End
	}
	if x := w.transfers[op]; x != nil {
		return x.Arrive
	}
	return 0
}

// add puts the steps of one op before those that are there. What lies between its end and the beginning of the next op is queueing
// of the next op.
func (w *walk) add(op int) {
	if c := w.computes[op]; c != nil {
		place := Step{Op: int32(op), Node: c.Node, Cluster: c.Cluster, To: -1}
		w.part(w.next, Queueing, c.End)
		w.part(place, Slowdown, c.Start+min(c.Work, c.End-c.Start))
		w.part(place, Computing, c.Start)
		w.part(place, Queueing, c.Ready)
		w.next = place
		return
	}
	x := w.transfers[op]
	place := Step{Op: int32(op), Node: x.From, Cluster: -1, To: x.To}
	w.part(w.next, Queueing, x.Arrive)
	w.part(place, Messaging, x.End)
	w.part(place, Wire, x.Start)
	w.part(place, Messaging, x.Ready)
	w.next = place
}

func (w *walk) part(s Step, p Part, start time.Duration) {
	s.Part, s.Start = p, start
	w.step(s)
}

// step adds a step that ends where the path has come to, unless it is empty.
func (w *walk) step(s Step) {
	if s.Start >= w.at {
		return
	}
	s.End, w.at = w.at, s.Start
	w.steps = append(w.steps, s)
}
