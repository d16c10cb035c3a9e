package trace

import (
	"slices"
	"time"

	"hidp/devices"
)

// Account is what one node's devices did until the end of a run, as the trace tells.
type Account struct {
	Busy []time.Duration // by cluster
	NIC  time.Duration   // with at least one transfer on the network from or to the node
}

// Energy returns the joules of the node over a run of the given length: idle power all the time, active power of the busy
// clusters and of the network interface on top.
func (a *Account) Energy(n *devices.Node, length time.Duration) float64 {
	joules := float64(n.IdlePower*length.Seconds()) + float64(n.NICPower*a.NIC.Seconds())
	for k, busy := range a.Busy {
		joules += float64(n.Clusters[k].ActivePower * busy.Seconds())
	}
	return joules
}

// Accounts adds up the trace by node of platform p, leaving out what lies after end. It needs a trace that lost no records.
func (t *Trace) Accounts(p *devices.Platform, end time.Duration) []Account {
	accounts := make([]Account, len(p.Nodes))
	for j := range accounts {
		accounts[j].Busy = make([]time.Duration, len(p.Nodes[j].Clusters))
	}
	for i := range t.Computes {
		c := &t.Computes[i]
		accounts[c.Node].Busy[c.Cluster] += min(c.End, end) - min(c.Start, end)
	}
	spans := make([][]Span, len(p.Nodes))
	for i := range t.Transfers {
		x := &t.Transfers[i]
		for _, j := range [2]int32{x.From, x.To} {
			spans[j] = append(spans[j], Span{min(x.Start, end), min(x.End, end)})
		}
	}
	for j := range accounts {
		accounts[j].NIC = Covered(spans[j])
	}
	return accounts
}

// Span is a half-open interval of time.
type Span struct{ Start, End time.Duration }

// Covered returns the length of the union of spans, which it sorts.
func Covered(spans []Span) time.Duration {
	slices.SortFunc(spans, func(a, b Span) int { return int(a.Start - b.Start) })
	var total, until time.Duration
	for _, s := range spans {
		if s.End > until {
			total += s.End - max(s.Start, until)
			until = s.End
		}
	}
	return total
}
