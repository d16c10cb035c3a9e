package controller

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"hidp/strategies/plan"
	"hidp/testbed/agent/energy"
)

// What lag a run may have. Medians and quartiles do not depend on a few requests that were disturbed.
const (
	leastTolerance = 2 * time.Millisecond
	toleranceShare = 0.05 // of the median latency: what validation may be off by in the mean
	disturbedShare = 0.25 // of the requests
)

// modelSource is what energies that nobody measured come from.
const modelSource = "the platform's power figures and the time that clusters and links were busy"

// account adds up what the nodes did.
func (r *Run) account(shift *shifts, origin time.Duration) {
	accounts := r.Trace.Accounts(r.Platform, r.Makespan)
	for i := range r.Trace.Transfers {
		x := &r.Trace.Transfers[i]
		r.Nodes[x.From].Sent += x.Bytes
		if !x.Wasted {
			r.Nodes[x.To].Received += x.Bytes
		}
	}
	for j := range r.Nodes {
		n, c := &r.Nodes[j], shift.nodes[j]
		n.Busy, n.NIC = accounts[j].Busy, accounts[j].NIC
		n.Clock = Clock{Ahead: shift.from(j, origin+r.Makespan) - origin - r.Makespan, Drift: c.drift, Bound: c.bound}
		model := energy.Amount{Joules: accounts[j].Energy(&r.Platform.Nodes[j], r.Makespan), Provenance: energy.Modelled, Source: modelSource}
		n.Energy = model
		if m := n.Measured; m != nil {
			n.PeakMemory = m.Report.PeakMemory
			n.Lag = max(m.Report.Lag.Max, m.Transport.MaxLag)
			n.Energy = energy.Of(m.Readings, m.Sampler, shift.from(j, origin), shift.from(j, origin+r.Makespan), model)
		}
	}
	r.late()
	for j := range r.Nodes {
		r.Lag = max(r.Lag, r.Nodes[j].Lag)
	}
}

// late tells how much lag every request had: how late it was begun, and then along the way through its plan on which most adds up. It sets
// the lag of nodes, too.
func (r *Run) late() {
	index := map[int64]int{}
	lags := make([]map[int]time.Duration, len(r.Outcomes)) // by op
	for i := range r.Outcomes {
		index[r.Outcomes[i].ID] = i
		lags[i] = map[int]time.Duration{}
	}
	for j := range r.Nodes {
		n := &r.Nodes[j]
		if n.Measured == nil {
			continue
		}
		for id, ops := range n.Measured.Report.Late {
			if i, ok := index[id]; ok {
				maps.Copy(lags[i], ops)
			}
		}
		for _, x := range n.Measured.Report.Trace.Requests {
			if i, ok := index[x.ID]; ok && r.Outcomes[i].Due > 0 {
				r.Outcomes[i].Lag = max(0, x.Arrival-r.Outcomes[i].Due)
				n.Lag = max(n.Lag, r.Outcomes[i].Lag)
			}
		}
	}
	for i := range r.Outcomes {
		r.Outcomes[i].Lag += longest(r.Plans[r.Outcomes[i].Plan], lags[i])
	}
}

// longest returns the largest sum of lags along any way through a plan.
func longest(p *plan.Plan, lag map[int]time.Duration) (worst time.Duration) {
	until := make([]time.Duration, len(p.Ops))
	for i := range p.Ops {
		for _, before := range p.Ops[i].After {
			until[i] = max(until[i], until[before])
		}
		until[i] += lag[i]
		worst = max(worst, until[i])
	}
	return worst
}

// Disturbed counts the requests with more lag than the tolerance, and tells whether they are too many for what is measured of all.
func Disturbed(outcomes []Outcome, tolerance time.Duration) (n int, tooMany bool) {
	for i := range outcomes {
		if outcomes[i].Lag > tolerance {
			n++
		}
	}
	return n, float64(n) > float64(disturbedShare*float64(len(outcomes)))
}

// judge decides whether the run is valid. A tolerance of 0 means the rule's.
func (r *Run) judge(tolerance time.Duration) {
	r.Tolerance = tolerance
	if tolerance == 0 {
		r.Tolerance = max(leastTolerance, time.Duration(float64(toleranceShare*float64(median(r.Latencies)))))
	}
	var tooMany bool
	if r.Disturbed, tooMany = Disturbed(r.Outcomes, r.Tolerance); tooMany {
		r.Invalid = append(r.Invalid, fmt.Sprintf("%d of %d requests lagged by more than %v; the most by %v", r.Disturbed, len(r.Outcomes),
			r.Tolerance.Round(time.Microsecond), worst(r.Outcomes).Round(time.Microsecond)))
	}
	for j := range r.Nodes {
		n := &r.Nodes[j]
		if n.Measured == nil {
			continue
		}
		if n.Measured.Report.Trace.Lost > 0 {
			r.Invalid = append(r.Invalid, fmt.Sprintf("node %s has lost %d records", n.Node, n.Measured.Report.Trace.Lost))
		}
		if n.Measured.Failure != "" && len(n.Measured.Readings) > 0 {
			r.Invalid = append(r.Invalid, fmt.Sprintf("node %s has holes in what its power was: %s", n.Node, n.Measured.Failure))
		}
	}
}

// median returns the middle of a list, 0 of none.
func median(list []time.Duration) time.Duration {
	if len(list) == 0 {
		return 0
	}
	return quantile(slices.Sorted(slices.Values(list)), 0.5)
}

// Median returns the median latency.
func (r *Run) Median() time.Duration { return median(r.Latencies) }

// worst returns the largest lag of any request.
func worst(outcomes []Outcome) (lag time.Duration) {
	for i := range outcomes {
		lag = max(lag, outcomes[i].Lag)
	}
	return lag
}
