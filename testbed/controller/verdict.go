package controller

import (
	"fmt"
	"slices"
	"time"

	"hidp/testbed/agent/energy"
)

// What lag a run may have: it must not matter to what is measured.
const (
	leastTolerance = 2 * time.Millisecond
	toleranceShare = 0.02 // of the median latency
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

// late counts how late requests were begun as lag of their leaders.
func (r *Run) late() {
	due := map[int64]time.Duration{}
	for i := range r.Outcomes {
		due[r.Outcomes[i].ID] = r.Outcomes[i].Due
	}
	for j := range r.Nodes {
		n := &r.Nodes[j]
		if n.Measured == nil {
			continue
		}
		for _, x := range n.Measured.Report.Trace.Requests {
			if at, ok := due[x.ID]; ok && at > 0 {
				n.Lag = max(n.Lag, x.Arrival-at)
			}
		}
	}
}

// judge decides whether the run is valid. A tolerance of 0 means the rule's.
func (r *Run) judge(tolerance time.Duration) {
	r.Tolerance = tolerance
	if tolerance == 0 {
		r.Tolerance = max(leastTolerance, time.Duration(float64(toleranceShare*float64(median(r.Latencies)))))
	}
	for j := range r.Nodes {
		n := &r.Nodes[j]
		if n.Lag > r.Tolerance {
			r.Invalid = append(r.Invalid, fmt.Sprintf("node %s lagged by %v, more than %v", n.Node, n.Lag.Round(time.Microsecond), r.Tolerance.Round(time.Microsecond)))
		}
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
