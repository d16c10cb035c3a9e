package sim

import (
	"math"
	"math/bits"
	"time"

	"hidp/internal/lines"
	"hidp/sim/engine"
	"hidp/sim/node"
)

// runningOp is the op that a cluster works on.
type runningOp struct {
	slot    int32 // its request, or vacant, or wasted
	op      int32
	gen     uint32        // that of the pending evOp which counts
	due     time.Duration // when it ends at the present speed
	pending time.Duration // when that evOp comes: at due, or before if the op was slowed since
	left    float64       // nanoseconds of work at full speed, as of since
	speed   float64       // 0 before it is set for the first time
	since   time.Duration
	started time.Duration
	work    float64
	request int64 // id, for the trace
	ready   time.Duration
}

// What runningOp.slot says when it is no request.
const (
	vacant int32 = -1 // the cluster is idle
	wasted int32 = -2 // the op's request has failed; it runs to its end all the same
)

// startOp puts an op on its cluster; adjustSpeeds schedules its end.
func (s *simulation) startOp(n *nodeState, a *node.Action) {
	slot := n.owner[a.Handle].slot
	r := &s.requests[slot]
	o := &n.ops[a.Cluster]
	o.slot, o.op, o.request = slot, a.Op, r.id
	o.work = r.prog.ops[a.Op].work
	o.left, o.speed, o.since, o.started = o.work, 0, s.now, s.now
	if s.trace != nil {
		o.ready = r.ready[a.Op]
	}
	n.active |= 1 << a.Cluster
	n.fresh = true
}

// adjustSpeeds gives every op of node j the speed that its neighbours leave it, and schedules the ends that move.
func (s *simulation) adjustSpeeds(n *nodeState, j int32, mask uint32) {
	quiet := n.steady && !n.fresh
	n.mask, n.fresh = mask, false
	if quiet {
		return
	}
	for a := n.active; a != 0; a &= a - 1 {
		k := bits.TrailingZeros64(a)
		o := &n.ops[k]
		speed := 1.0
		if !n.steady {
			speed = n.speed(k, mask)
		}
		if speed == o.speed {
			continue
		}
		first := o.speed == 0
		if !first {
			o.left = max(0, o.left-float64(o.speed*float64(s.now-o.since)))
		}
		o.speed, o.since = speed, s.now
		o.due = s.now + ceilNanoseconds(o.left/speed)
		if first || o.due < o.pending {
			o.gen++
			s.expectEnd(o, j, k)
		}
	}
}

// expectEnd schedules the event for an op's end. When an op slows down we leave its event in the queue. The event fires too
// early, sees that the op is not finished, and is scheduled again. Neighbours come and go, so most changes of speed need no
// event of their own.
func (s *simulation) expectEnd(o *runningOp, j int32, k int) {
	o.pending = o.due
	s.eng.Schedule(engine.Event{At: o.due, What: engine.What{Kind: evOp, A: j, B: int32(k), Gen: o.gen}})
}

// ceilNanoseconds rounds up, but for what float rounding may have added to a whole number.
func ceilNanoseconds(ns float64) time.Duration { return time.Duration(math.Ceil(ns - 1e-3)) }

// maxTable is the largest number of physical clusters for which a node's speeds are tabled.
const maxTable = 6

// speed is Node.Speed from a table where that is small.
func (n *nodeState) speed(k int, mask uint32) float64 {
	if n.spec.Physical > maxTable {
		return n.spec.Speed(k, mask)
	}
	if len(n.speeds) == 0 {
		for k := range n.spec.Clusters {
			for m := range uint32(1) << n.spec.Physical {
				n.speeds = lines.Append(n.speeds, n.spec.Speed(k, m))
			}
		}
	}
	return n.speeds[k<<n.spec.Physical|int(mask)]
}

// opDone ends the op on a cluster, unless the event is stale.
func (s *simulation) opDone(ev engine.Event) {
	n := &s.nodes[ev.A]
	k := int(ev.B)
	o := &n.ops[k]
	if o.gen != ev.Gen {
		return
	}
	if o.due > s.now {
		s.expectEnd(o, ev.A, k)
		return
	}
	if s.loaded && o.slot >= 0 {
		s.workDone(ev.A, o)
	}
	s.closeOp(ev.A, k)
	n.machine.OpDone(k)
	s.touch(ev.A)
}

// closeOp books what a cluster did and leaves it idle.
func (s *simulation) closeOp(j int32, k int) {
	n := &s.nodes[j]
	o := &n.ops[k]
	n.busy[k] += s.now - o.started
	if o.slot == wasted && !n.lost {
		n.serving.leave(s.now)
	}
	if s.trace != nil {
		s.traceOp(j, k, o.slot == wasted || n.lost)
	}
	o.slot = vacant
	n.active &^= 1 << k
}

// waste marks what runs for a failed request.
func (s *simulation) waste(slot int32) {
	r := &s.requests[slot]
	for _, p := range r.prog.Parts {
		n := &s.nodes[s.sites[r.site].node(p.Node)]
		for k := range n.ops {
			if n.ops[k].slot == slot {
				n.ops[k].slot = wasted
				if !n.lost {
					n.serving.join(s.now, s.older())
				}
			}
		}
	}
}
