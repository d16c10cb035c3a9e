package flow

import "time"

// State is a network written down as plain data: enough to go on in another process, to the last bit.
type State struct {
	Now       time.Duration
	Started   uint64 // flows started so far
	Resources []ResourceState
	Flows     []FlowState // by name, those that have ended included
	Free      []FlowID    // names that are free, in the order in which they were freed
	Schedule  []Completion
}

// ResourceState is the state of a resource. The flows across it are Members where some cross others too or have a limit, and the
// Line of a pool else.
type ResourceState struct {
	Capacity, Carried    float64
	Binding              int32
	Members              []MemberState
	Line                 []WaiterState
	Served, Rate, Weight float64
	Since                time.Duration
	Place                int32
	Relaxed, Slack       bool
}

// MemberState is one crossing: hop Hop of flow Flow.
type MemberState struct {
	Flow FlowID
	Hop  int32
}

// WaiterState is a flow in a pool.
type WaiterState struct {
	Tag   float64
	Order uint64
	Flow  FlowID
}

// FlowState is the state of a flow. Of one that has ended only Active counts.
type FlowState struct {
	Active, Pooled           bool
	Path                     []Hop
	Places                   []int32
	Bytes, Limit, Left, Rate float64
	Settled, Completes       time.Duration
	Order                    uint64
	Place                    int32
}

// Completion is an entry of the schedule.
type Completion struct {
	At    time.Duration
	Order uint64
	Who   int32
}

// Snapshot copies the state of the network, having computed the rates that are out of date.
func (n *Network) Snapshot() State {
	n.settleRates()
	s := State{Now: n.now, Started: n.order, Free: append([]FlowID(nil), n.freeIDs...)}
	for i := range n.resources {
		r := &n.resources[i]
		x := ResourceState{Capacity: r.capacity, Carried: r.carried, Binding: r.binding, Served: r.served, Rate: r.rate,
			Weight: r.weight, Since: r.since, Place: r.place, Relaxed: r.relaxed, Slack: r.slack}
		for _, m := range r.members {
			x.Members = append(x.Members, MemberState{m.flow, m.hop})
		}
		for _, w := range r.line {
			x.Line = append(x.Line, WaiterState{w.tag, w.order, w.flow})
		}
		s.Resources = append(s.Resources, x)
	}
	for i := range n.flows {
		f := &n.flows[i]
		x := FlowState{Active: f.active}
		if f.active {
			x = FlowState{true, f.pooled, append([]Hop(nil), f.path...), append([]int32(nil), f.places...), f.bytes, f.limit, f.left,
				f.rate, f.settled, f.completes, f.order, f.place}
		}
		s.Flows = append(s.Flows, x)
	}
	for _, c := range n.pending {
		s.Schedule = append(s.Schedule, Completion{c.at, c.order, c.who})
	}
	return s
}

// Restore returns a network in state s, which must come from Snapshot.
func Restore(s State) *Network {
	n := &Network{now: s.Now, order: s.Started, freeIDs: append([]FlowID(nil), s.Free...)}
	for _, x := range s.Resources {
		r := resource{capacity: x.Capacity, carried: x.Carried, binding: x.Binding, slackness: slackness{relaxed: x.Relaxed, slack: x.Slack}}
		r.pool = pool{served: x.Served, rate: x.Rate, weight: x.Weight, since: x.Since, place: x.Place}
		for _, m := range x.Members {
			r.members = append(r.members, member{m.Flow, m.Hop})
		}
		for _, w := range x.Line {
			r.line = append(r.line, waiter{w.Tag, w.Order, w.Flow})
		}
		n.resources = append(n.resources, r)
	}
	for _, x := range s.Flows {
		n.flows = append(n.flows, flow{path: append([]Hop(nil), x.Path...), places: append([]int32(nil), x.Places...), bytes: x.Bytes,
			limit: x.Limit, left: x.Left, rate: x.Rate, settled: x.Settled, completes: x.Completes, order: x.Order, place: x.Place,
			active: x.Active, pooled: x.Pooled})
	}
	for _, c := range s.Schedule {
		n.pending = append(n.pending, completion{c.At, c.Order, c.Who})
	}
	n.restoreSlack()
	return n
}
