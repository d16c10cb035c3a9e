// Package trace holds what happened in a run as plain data: every op on every cluster, every transfer, every phase of every
// request. The simulator writes it in virtual time and an agent in real time; laws are checked on it and pictures drawn from it.
//
// Reading order: trace.go, the records; part.go, those of some requests; ledger.go, busy time and energy added up from them.
package trace

import (
	"cmp"
	"slices"
	"time"

	"hidp/strategies/plan"
)

// Trace is the records of one run, each list in the order in which its records were completed. It is bounded: what comes after
// Limit records of a kind is counted in Lost and not kept.
type Trace struct {
	Computes  []Compute
	Transfers []Transfer
	Phases    []Phase
	Requests  []Request
	Plans     []*plan.Plan // distinct plans in the order of their first use; Request.Plan is an index

	Limit int   // most records of each kind; 0 means no limit
	Lost  int64 // records not kept
}

// Compute is one op on one cluster.
type Compute struct {
	Request       int64
	Op            int32 // of the request's plan
	Node, Cluster int32
	Ready         time.Duration // it entered the queue
	Start, End    time.Duration
	Work          time.Duration // what it takes on an otherwise idle node
	Wasted        bool          // its request failed meanwhile, or its node was lost
}

// Transfer is one message.
type Transfer struct {
	Request    int64
	Op         int32
	From, To   int32
	Bytes      int64
	Ready      time.Duration // the sender began to prepare it
	Start, End time.Duration // first and last byte on the network
	Arrive     time.Duration // the receiver has it
	Wasted     bool          // its request failed before it arrived; End or Arrive is when that happened
}

// Phase is the time that a request spent in one state of a node (see package sim/node).
type Phase struct {
	Request    int64
	Node       int32
	Name       string
	Start, End time.Duration
}

// Request is one inference from arrival to result.
type Request struct {
	ID      int64
	Model   int32
	Leader  int32
	Plan    int32         // index in Trace.Plans; -1 if it failed before it had one
	Arrival time.Duration // it reached the leader
	Planned time.Duration // its plan was ready
	Finish  time.Duration // its result was complete, or it failed
	Failed  string        // why it failed; empty if it did not
}

// AddCompute appends a record unless the limit is reached; so do the others.
func (t *Trace) AddCompute(c Compute) { t.Computes = add(t, t.Computes, c) }

// AddTransfer appends a record unless the limit is reached.
func (t *Trace) AddTransfer(x Transfer) { t.Transfers = add(t, t.Transfers, x) }

// AddPhase appends a record unless the limit is reached.
func (t *Trace) AddPhase(p Phase) { t.Phases = add(t, t.Phases, p) }

// AddRequest appends a record unless the limit is reached.
func (t *Trace) AddRequest(r Request) { t.Requests = add(t, t.Requests, r) }

func add[T any](t *Trace, list []T, x T) []T {
	if t.Limit > 0 && len(list) >= t.Limit {
		t.Lost++
		return list
	}
	return append(list, x)
}

// Sort brings the records into an order that does not depend on the order of recording, so that traces of different executors
// can be compared: computes and transfers by (start, node, request, op), phases by (start, node, request), requests by id.
func (t *Trace) Sort() {
	slices.SortStableFunc(t.Computes, func(a, b Compute) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.Node, b.Node), cmp.Compare(a.Request, b.Request), cmp.Compare(a.Op, b.Op))
	})
	slices.SortStableFunc(t.Transfers, func(a, b Transfer) int {
		return cmp.Or(cmp.Compare(a.Ready, b.Ready), cmp.Compare(a.From, b.From), cmp.Compare(a.Request, b.Request), cmp.Compare(a.Op, b.Op))
	})
	slices.SortStableFunc(t.Phases, func(a, b Phase) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.Node, b.Node), cmp.Compare(a.Request, b.Request))
	})
	slices.SortFunc(t.Requests, func(a, b Request) int { return cmp.Compare(a.ID, b.ID) })
}
