package chrometrace

import (
	"cmp"
	"slices"
	"time"

	"hidp/sim/trace"
)

// change is a step of a counter.
type change struct {
	at time.Duration
	by float64
}

// steps calls emit with the counter's value after every moment at which it changes. Values are sums of what is under way, counted
// anew from zero whenever nothing is, so that float rounding cannot pile up.
func steps(changes []change, emit func(at time.Duration, value float64)) {
	slices.SortStableFunc(changes, func(a, b change) int { return cmp.Compare(a.at, b.at) })
	value, open := 0.0, 0
	for i, c := range changes {
		value += c.by
		if c.by > 0 {
			open++
		} else {
			open--
		}
		if open == 0 {
			value = 0
		}
		if i+1 == len(changes) || changes[i+1].at != c.at {
			emit(c.at, value)
		}
	}
}

func during(changes []change, start, end time.Duration, by float64) []change {
	if end <= start || by == 0 {
		return changes
	}
	return append(changes, change{start, by}, change{end, -by})
}

// power is the counter of a node's watts: idle, plus its busy clusters, plus its network interface.
func (x *export) power(j int) {
	n := &x.p.Nodes[j]
	var changes []change
	for i := range x.t.Computes {
		if c := &x.t.Computes[i]; int(c.Node) == j {
			changes = during(changes, c.Start, c.End, n.Clusters[c.Cluster].ActivePower)
		}
	}
	for _, s := range x.onNetwork(j) {
		changes = during(changes, s.Start, s.End, n.NICPower)
	}
	x.e.counter("power", "W", j, 0, n.IdlePower)
	steps(changes, func(at time.Duration, value float64) { x.e.counter("power", "W", j, at, n.IdlePower+value) })
}

// onNetwork returns the disjoint times with at least one transfer at node j.
func (x *export) onNetwork(j int) []trace.Span {
	var spans []trace.Span
	for i := range x.t.Transfers {
		if m := &x.t.Transfers[i]; int(m.From) == j || int(m.To) == j {
			spans = append(spans, trace.Span{Start: m.Start, End: m.End})
		}
	}
	slices.SortFunc(spans, func(a, b trace.Span) int { return cmp.Compare(a.Start, b.Start) })
	merged := spans[:0]
	for _, s := range spans {
		if k := len(merged) - 1; k >= 0 && s.Start <= merged[k].End {
			merged[k].End = max(merged[k].End, s.End)
		} else {
			merged = append(merged, s)
		}
	}
	return merged
}

// queue is the counter of ops that wait for a cluster of node j.
func (x *export) queue(j int) {
	var changes []change
	for i := range x.t.Computes {
		if c := &x.t.Computes[i]; int(c.Node) == j {
			changes = during(changes, c.Ready, c.Start, 1)
		}
	}
	steps(changes, func(at time.Duration, value float64) { x.e.counter("queue", "ops", j, at, value) })
}
