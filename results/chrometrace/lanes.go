package chrometrace

import (
	"cmp"
	"slices"
	"time"

	"hidp/devices"
	"hidp/sim/trace"
)

// lanes say where the slices of transfers are drawn: slices of one thread must not overlap, so every node has as many lanes as it
// has transfers at one time.
type lanes struct {
	count   []int // by node
	send    []int // by transfer: lane at the sender
	receive []int // by transfer: lane at the receiver
}

// assignLanes gives every slice the lowest lane that is free, in order of time.
func assignLanes(t *trace.Trace, p *devices.Platform) lanes {
	type slice struct {
		start, end time.Duration
		lane       *int
	}
	l := lanes{count: make([]int, len(p.Nodes)), send: make([]int, len(t.Transfers)), receive: make([]int, len(t.Transfers))}
	perNode := make([][]slice, len(p.Nodes))
	for i := range t.Transfers {
		m := &t.Transfers[i]
		perNode[m.From] = append(perNode[m.From], slice{m.Start, m.End, &l.send[i]})
		perNode[m.To] = append(perNode[m.To], slice{m.Start, m.Arrive, &l.receive[i]})
	}
	for j, list := range perNode {
		slices.SortStableFunc(list, func(a, b slice) int { return cmp.Compare(a.start, b.start) })
		var free []time.Duration // by lane
		for _, s := range list {
			k := slices.IndexFunc(free, func(at time.Duration) bool { return at <= s.start })
			if k < 0 {
				k = len(free)
				free = append(free, 0)
			}
			free[k] = s.end
			*s.lane = k
		}
		l.count[j] = len(free)
	}
	return l
}
