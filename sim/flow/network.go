package flow

import (
	"fmt"
	"math"
	"time"

	"hidp/internal/lines"
)

// Weights beyond these bounds are taken for a mistake: they have no physical sense, and
// sums of weights further apart would lose the small ones.
const minWeight, maxWeight = 1e-3, 1e3

// Hop is one resource on the path of a flow.
type Hop struct {
	Resource int32   // index into the capacities given to New
	Weight   float64 // bytes of the resource used per byte of the flow, in [0.001, 1000]; usually 1
}

// Transfer describes a flow to start.
type Transfer struct {
	Bytes int64   // to deliver, ≥ 0; a flow of no bytes is complete at once and uses nothing
	Path  []Hop   // kept, not copied: it must not change before the flow ends
	Limit float64 // highest rate in bytes per second, > 0; or 0 for no limit. Needed when Path is empty
}

// FlowID names a flow from its Start to its Finish or Cancel. IDs are small and
// dense, so they may index a slice of the caller; they are used again afterwards.
type FlowID int32

// never is the completion time of a flow that stands still.
const never = time.Duration(math.MaxInt64)

// Network is a set of resources with the flows that cross them. Make it with New; it
// is not safe for concurrent use. The times passed to it must not decrease, and must
// not pass over a completion: both are bugs of the caller and panic.
type Network struct {
	resources []resource
	flows     []flow
	freeIDs   []FlowID
	order     uint64 // start number of the next flow
	pending   schedule
	now       time.Duration
	dirty     []int32 // resources touched since the rates were computed
	share     filling

	relaxes bool    // there are relaxed resources
	tight   []int32 // relaxed resources that are not slack
	over    []int32 // slack resources that rates may exceed
}

type resource struct {
	capacity float64  // bytes/s
	carried  float64  // bytes, of the flows that have ended
	binding  int32    // crossings by flows that cross others too, or have a limit
	members  []member // the flows that cross it, if it is bound to others; else they are in
	pool
	scratch
	slackness
}

// member is one crossing of a resource: path[hop] of the flow.
type member struct {
	flow FlowID
	hop  int32
}

type flow struct {
	path      []Hop
	places    []int32 // places[i] is the index of hop i among the members of its resource
	bytes     float64 // to deliver in all
	limit     float64 // bytes/s, +Inf for none
	left      float64 // bytes to deliver at the time settled; in a pool, see waiter
	rate      float64 // bytes/s since then
	settled   time.Duration
	completes time.Duration // when left is zero at this rate; never when it stands still
	order     uint64        // start number, decides between equal completion times
	place     int32         // index in schedule
	active    bool
	pooled    bool // it is in the pool of the one resource that it crosses
	shared    bool // it crosses a relaxed resource
	alone     bool // and no other
	fillMark
}

// New returns a network whose resource i has the capacity capacities[i] in bytes per
// second. A capacity of 0 is a link that is down: its flows stand still.
func New(capacities []float64) *Network {
	n := new(Network)
	n.Reset(capacities)
	return n
}

// Reset makes n what New returns, whatever it was, in the memory that it has.
func (n *Network) Reset(capacities []float64) {
	s := &n.share
	*n = Network{resources: lines.Resized(n.resources, len(capacities)), flows: n.flows[:0], freeIDs: n.freeIDs[:0], pending: n.pending[:0], dirty: n.dirty[:0],
		share: filling{flows: s.flows[:0], limited: s.limited[:0], resources: s.resources[:0]}}
	for i, c := range capacities {
		checkCapacity(int32(i), c)
		r := &n.resources[i]
		*r = resource{capacity: c, members: r.members[:0], pool: pool{line: r.line[:0], place: none}}
	}
}

func checkCapacity(r int32, c float64) {
	if !(c >= 0) || math.IsInf(c, 1) {
		panic(fmt.Sprintf("flow: resource %d: capacity %v is not a finite number ≥ 0", r, c))
	}
}

// Start adds a flow at time now and returns its name.
func (n *Network) Start(now time.Duration, t Transfer) FlowID {
	n.advance(now)
	n.check(&t)
	id := n.newID()
	f := &n.flows[id]
	f.path, f.limit = t.Path, t.Limit
	if t.Limit == 0 {
		f.limit = math.Inf(1)
	}
	f.bytes = float64(t.Bytes)
	f.left, f.rate, f.settled, f.completes = f.bytes, 0, now, never
	f.order, f.active, f.pooled = n.order, true, false
	n.order++
	if t.Bytes == 0 {
		f.path, f.completes = nil, now
	}
	if len(f.path) == 1 && t.Limit == 0 {
		if r := &n.resources[f.path[0].Resource]; r.binding == 0 && !r.relaxed { // what attach would do
			f.places, f.shared, f.alone = f.places[:0], false, false
			n.touch(f.path[0].Resource)
			n.join(r, id)
			return id
		}
	}
	n.attach(id)
	if len(t.Path) == 0 && t.Bytes > 0 {
		f.rate = f.limit
		f.completes = f.completion()
	}
	if !f.pooled {
		n.push(completion{f.completes, f.order, int32(id)})
	}
	return id
}

func (n *Network) check(t *Transfer) {
	if t.Bytes < 0 || !(t.Limit >= 0) {
		panic(fmt.Sprintf("flow: transfer of %d bytes with limit %v: neither may be negative", t.Bytes, t.Limit))
	}
	if len(t.Path) == 0 && (t.Limit == 0 || math.IsInf(t.Limit, 1)) {
		panic("flow: transfer with neither a path nor a limit has no rate")
	}
	for _, h := range t.Path {
		if h.Resource < 0 || int(h.Resource) >= len(n.resources) {
			panic(fmt.Sprintf("flow: no resource %d, there are %d", h.Resource, len(n.resources)))
		}
		if !(h.Weight >= minWeight && h.Weight <= maxWeight) {
			panic(fmt.Sprintf("flow: resource %d: weight %v is not between %v and %v", h.Resource, h.Weight, minWeight, maxWeight))
		}
	}
}

func (n *Network) newID() FlowID {
	if k := len(n.freeIDs); k > 0 {
		id := n.freeIDs[k-1]
		n.freeIDs = n.freeIDs[:k-1]
		return id
	}
	id := len(n.flows)
	if id < cap(n.flows) { // there may have been a flow before a Reset: its memory is used again
		n.flows = n.flows[:id+1]
		n.flows[id] = flow{places: n.flows[id].places[:0]}
	} else {
		n.flows = lines.Append(n.flows, flow{})
	}
	return FlowID(id)
}

// NextCompletion returns the flow that completes first, and when: its last byte
// arrives at that nanosecond or less than one before. Of several that complete
// together it is the one that would be first without rounding, then the one that
// started first. ok is false when no flow moves.
func (n *Network) NextCompletion() (at time.Duration, id FlowID, ok bool) {
	n.settleRates()
	if len(n.pending) == 0 || n.pending[0].at == never {
		return 0, 0, false
	}
	return n.pending[0].at, n.first(), true
}

// Moves reports whether bytes of a flow are being delivered, however slowly.
func (n *Network) Moves(id FlowID) bool {
	n.settleRates()
	f := &n.flows[id]
	if f.pooled {
		return n.resources[f.path[0].Resource].rate > 0
	}
	return f.rate > 0
}

// NextTime returns when the next flow completes, or math.MaxInt64 when none moves.
func (n *Network) NextTime() time.Duration {
	n.settleRates()
	if len(n.pending) == 0 {
		return never
	}
	return n.pending[0].at
}

// first returns the flow at the head of the schedule.
func (n *Network) first() FlowID {
	if who := n.pending[0].who; who >= 0 {
		return FlowID(who)
	} else {
		return n.resources[^who].line[0].flow
	}
}

// SetCapacity changes the capacity of a resource from time now on, in bytes per
// second. With 0 its flows stand still until it is set again.
func (n *Network) SetCapacity(now time.Duration, r int32, capacity float64) {
	n.advance(now)
	checkCapacity(r, capacity)
	if n.resources[r].capacity != capacity {
		n.resources[r].capacity = capacity
		n.touch(r)
		if n.resources[r].relaxed {
			n.resize(r)
		}
	}
}

// Rate returns the present rate of a flow in bytes per second.
func (n *Network) Rate(id FlowID) float64 {
	n.settleRates()
	f := n.flow(id)
	if f.pooled {
		return n.resources[f.path[0].Resource].rate
	}
	return f.rate
}

// Remaining returns the bytes that a flow has still to deliver at time now, which
// must not be before the last change nor after the next completion.
func (n *Network) Remaining(now time.Duration, id FlowID) float64 {
	n.settleRates()
	f := n.flow(id)
	if f.pooled {
		p := &n.resources[f.path[0].Resource].pool
		return p.left(now, p.tag(id))
	}
	return f.left - f.moved(now)
}

// Active returns the number of flows started and not yet ended.
func (n *Network) Active() int { return len(n.flows) - len(n.freeIDs) }

// Capacity returns the present capacity of a resource in bytes per second.
func (n *Network) Capacity(r int32) float64 { return n.resources[r].capacity }

// BytesCarried returns what a resource has carried up to time now: the bytes
// delivered by each flow across it times its weight there.
func (n *Network) BytesCarried(now time.Duration, r int32) float64 {
	n.settleRates()
	x := &n.resources[r]
	sum := x.carried
	for _, m := range x.members {
		f := &n.flows[m.flow]
		sum += float64((f.bytes - f.left + f.moved(now)) * f.path[m.hop].Weight)
	}
	for _, w := range x.line {
		f := &n.flows[w.flow]
		sum += float64((f.bytes - x.left(now, w.tag)) * f.path[0].Weight)
	}
	return sum
}

// flow returns an active flow by name.
func (n *Network) flow(id FlowID) *flow {
	if id < 0 || int(id) >= len(n.flows) || !n.flows[id].active {
		panic(fmt.Sprintf("flow: there is no flow %d", id))
	}
	return &n.flows[id]
}
