package flow

import (
	"fmt"
	"math"
	"time"
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
}

type resource struct {
	capacity float64  // bytes/s
	carried  float64  // bytes, without what its flows have moved since they were settled
	members  []member // the flows that cross it
	scratch
}

// member is one crossing of a resource: path[hop] of the flow.
type member struct {
	flow FlowID
	hop  int32
}

type flow struct {
	path      []Hop
	places    []int32 // places[i] is the index of hop i among the members of its resource
	limit     float64 // bytes/s, +Inf for none
	left      float64 // bytes to deliver at the time settled
	rate      float64 // bytes/s since then
	settled   time.Duration
	completes time.Duration // when left is zero at this rate; never when it stands still
	order     uint64        // start number, decides between equal completion times
	heapPlace int32         // index in schedule
	active    bool
	fillMark
}

// New returns a network whose resource i has the capacity capacities[i] in bytes per
// second. A capacity of 0 is a link that is down: its flows stand still.
func New(capacities []float64) *Network {
	n := &Network{resources: make([]resource, len(capacities))}
	for i, c := range capacities {
		checkCapacity(int32(i), c)
		n.resources[i].capacity = c
	}
	return n
}

func checkCapacity(r int32, c float64) {
	if !(c >= 0) || math.IsInf(c, 1) {
		panic(fmt.Sprintf("flow: resource %d: capacity %v is not a finite number ≥ 0", r, c))
	}
}

// Start adds a flow at time now and returns its name.
func (n *Network) Start(now time.Duration, t Transfer) FlowID {
	n.advance(now)
	n.check(t)
	id := n.newID()
	f := &n.flows[id]
	f.path, f.limit = t.Path, t.Limit
	if t.Limit == 0 {
		f.limit = math.Inf(1)
	}
	f.left, f.rate, f.settled, f.completes = float64(t.Bytes), 0, now, never
	f.order, f.active = n.order, true
	n.order++
	if t.Bytes == 0 {
		f.path, f.completes = nil, now
	}
	n.attach(id)
	if len(t.Path) == 0 && t.Bytes > 0 {
		f.rate = f.limit
		f.completes = f.completion()
	}
	n.pending.push(n.flows, id)
	return id
}

func (n *Network) check(t Transfer) {
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
	n.flows = append(n.flows, flow{})
	return FlowID(len(n.flows) - 1)
}

// attach enters a flow at the resources of its path.
func (n *Network) attach(id FlowID) {
	f := &n.flows[id]
	f.places = f.places[:0]
	for i, h := range f.path {
		r := &n.resources[h.Resource]
		f.places = append(f.places, int32(len(r.members)))
		r.members = append(r.members, member{id, int32(i)})
		n.touch(h.Resource)
	}
}

// detach is the reverse of attach.
func (n *Network) detach(id FlowID) {
	f := &n.flows[id]
	for i, h := range f.path {
		r := &n.resources[h.Resource]
		last := len(r.members) - 1
		moved := r.members[last]
		r.members[f.places[i]] = moved
		n.flows[moved.flow].places[moved.hop] = f.places[i]
		r.members = r.members[:last]
		n.touch(h.Resource)
	}
}

// NextCompletion returns the flow that completes first, of several at one instant
// the one that started first, and when: its last byte arrives at that nanosecond or
// less than one before. ok is false when no flow moves.
func (n *Network) NextCompletion() (at time.Duration, id FlowID, ok bool) {
	n.settleRates()
	if len(n.pending) == 0 || n.pending[0].at == never {
		return 0, 0, false
	}
	return n.pending[0].at, n.pending[0].flow, true
}

// Finish ends a flow that is complete at time now. To end another flow is a bug of
// the caller and panics.
func (n *Network) Finish(now time.Duration, id FlowID) {
	n.advance(now)
	f := n.flow(id)
	if f.completes > now {
		n.settleRates()
		if f.completes > now {
			panic(fmt.Sprintf("flow: flow %d finished at %v with %v bytes left", id, now, n.Remaining(now, id)))
		}
	}
	n.end(now, id)
}

// Cancel ends a flow before its time. What it has moved so far stays counted.
func (n *Network) Cancel(now time.Duration, id FlowID) {
	n.advance(now)
	n.flow(id)
	n.end(now, id)
}

func (n *Network) end(now time.Duration, id FlowID) {
	n.settle(now, id)
	n.detach(id)
	f := &n.flows[id]
	n.pending.remove(n.flows, f.heapPlace)
	f.active, f.path = false, nil
	n.freeIDs = append(n.freeIDs, id)
}

// SetCapacity changes the capacity of a resource from time now on, in bytes per
// second. With 0 its flows stand still until it is set again.
func (n *Network) SetCapacity(now time.Duration, r int32, capacity float64) {
	n.advance(now)
	checkCapacity(r, capacity)
	if n.resources[r].capacity != capacity {
		n.resources[r].capacity = capacity
		n.touch(r)
	}
}

// Rate returns the present rate of a flow in bytes per second.
func (n *Network) Rate(id FlowID) float64 {
	n.settleRates()
	return n.flow(id).rate
}

// Remaining returns the bytes that a flow has still to deliver at time now, which
// must not be before the last change nor after the next completion.
func (n *Network) Remaining(now time.Duration, id FlowID) float64 {
	n.settleRates()
	f := n.flow(id)
	return f.left - f.moved(now)
}

// Active returns the number of flows started and not yet ended.
func (n *Network) Active() int { return len(n.pending) }

// Capacity returns the present capacity of a resource in bytes per second.
func (n *Network) Capacity(r int32) float64 { return n.resources[r].capacity }

// BytesCarried returns what a resource has carried up to time now: the bytes
// delivered by each flow across it times its weight there.
func (n *Network) BytesCarried(now time.Duration, r int32) float64 {
	n.settleRates()
	sum := n.resources[r].carried
	for _, m := range n.resources[r].members {
		f := &n.flows[m.flow]
		sum += float64(f.moved(now) * f.path[m.hop].Weight)
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
