package laws

import (
	"slices"
	"time"

	"hidp/devices"
	"hidp/sim/trace"
	"hidp/strategies/plan"
)

// ServingEnergy returns the joules that each node draws while it takes part in some request, as an integral of its power over the
// trace: at every moment the idle power, the active power of every busy cluster, that of the network interface, and that of the
// first CPU cluster if the node plans and this cluster is idle. Planning is what a plan takes, the same for all; ends says when each
// node's run ends. It needs a trace that lost no records.
func ServingEnergy(t *trace.Trace, p *devices.Platform, planning time.Duration, ends []time.Duration) []float64 {
	joules := make([]float64, len(p.Nodes))
	for j := range p.Nodes {
		m := meter{node: &p.Nodes[j], j: int32(j)}
		m.gather(t, planning)
		times := []time.Duration{ends[j]}
		for _, list := range [][]interval{m.serving, m.network, m.planning, m.clusters} {
			for _, x := range list {
				times = append(times, x.from, x.to)
			}
		}
		slices.Sort(times)
		for i := 1; i < len(times) && times[i] <= ends[j]; i++ {
			joules[j] += m.power(times[i-1], times[i]) * (times[i] - times[i-1]).Seconds()
		}
	}
	return joules
}

// interval is a time in which something goes on, on a cluster where that matters.
type interval struct {
	from, to time.Duration
	cluster  int
}

// meter is what goes on at a node.
type meter struct {
	node                                 *devices.Node
	j                                    int32
	serving, network, planning, clusters []interval
}

func (m *meter) gather(t *trace.Trace, planning time.Duration) {
	for i := range t.Requests {
		r := &t.Requests[i]
		if m.takesPart(t, r) {
			m.serving = append(m.serving, interval{r.Arrival, r.Finish, 0})
		}
		if r.Leader == m.j && r.Plan >= 0 {
			m.planning = append(m.planning, interval{r.Planned - planning, r.Planned, 0})
		}
	}
	m.unplanned(t, planning)
	for i := range t.Computes {
		if c := &t.Computes[i]; c.Node == m.j {
			m.clusters = append(m.clusters, interval{c.Start, c.End, int(c.Cluster)})
			if c.Wasted {
				m.serving = append(m.serving, interval{c.Start, c.End, 0})
			}
		}
	}
	for i := range t.Transfers {
		if x := &t.Transfers[i]; x.From == m.j || x.To == m.j {
			m.network = append(m.network, interval{x.Start, x.End, 0})
		}
	}
}

// unplanned adds the planning of requests that failed before they had a plan, or whose plan named a lost node: each began when the
// one before it was planned, or at its arrival.
func (m *meter) unplanned(t *trace.Trace, planning time.Duration) {
	var led []trace.Request
	for _, r := range t.Requests {
		if r.Leader == m.j {
			led = append(led, r)
		}
	}
	slices.SortFunc(led, func(a, b trace.Request) int { return int(a.ID - b.ID) })
	free := time.Duration(0)
	for _, r := range led {
		begin := max(free, r.Arrival)
		if r.Plan >= 0 {
			begin = r.Planned - planning
		} else if begin < r.Finish {
			m.planning = append(m.planning, interval{begin, min(begin+planning, r.Finish), 0})
		}
		free = begin + planning
	}
}

func (m *meter) takesPart(t *trace.Trace, r *trace.Request) bool {
	if r.Leader == m.j {
		return true
	}
	return r.Plan >= 0 && slices.ContainsFunc(t.Plans[r.Plan].Ops, func(o plan.Op) bool {
		return o.Node == int(m.j) || o.Kind == plan.Send && o.To == int(m.j)
	})
}

// power returns the watts between two moments between which nothing changes, if the node takes part in a request then.
func (m *meter) power(from, to time.Duration) float64 {
	during := func(list []interval, cluster int) bool {
		return slices.ContainsFunc(list, func(x interval) bool { return x.from <= from && to <= x.to && x.cluster == cluster })
	}
	if from == to || !during(m.serving, 0) {
		return 0
	}
	watts := m.node.IdlePower
	var busy uint32
	for k := range m.node.Clusters {
		if during(m.clusters, k) {
			watts += m.node.Clusters[k].ActivePower
			busy |= m.node.Clusters[k].Mask
		}
	}
	if during(m.network, 0) {
		watts += m.node.NICPower
	}
	if first := slices.IndexFunc(m.node.Clusters, func(c devices.Cluster) bool { return c.Kind == devices.CPU }); during(m.planning, 0) {
		if c := m.node.Clusters[max(first, 0)]; busy&c.Mask == 0 {
			watts += c.ActivePower
		}
	}
	return watts
}
