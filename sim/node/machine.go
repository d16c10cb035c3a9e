package node

import (
	"fmt"

	"hidp/devices"
	"hidp/internal/lines"
)

// Handle names a request inside one machine, from Receive or Join to its Finish, Fail or Drop; handles are small and are used
// again afterwards.
type Handle int32

// none is the handle of a cluster that is free, or busy with an op whose request was dropped.
const (
	none   Handle = -1
	orphan Handle = -2
)

// What a request's waits say of a send or an arrival; of compute ops they say nothing.
const (
	waiting = int32(1)
	handed  = int32(-1) // a send handed over, an arrival here
)

// Machine is the state of one node. Make it with New; it is not safe for concurrent use and not to be copied.
type Machine struct {
	masks   []uint32 // physical clusters of every cluster
	queues  []fifo   // by physical cluster
	running []job    // by cluster
	busy    uint32   // physical clusters at work
	waiting uint32   // physical clusters with a queue

	requests []request // by handle
	free     []Handle
	ready    []job    // steps that became ready since the last Next
	ended    []Handle // requests whose part got done since then
	failing  []Action // requests that a lost node has stopped
	pending  []Action // what observers are told
	observed bool

	first first
}

// first is the first memory of a machine's lists. It lies together, for they are used together, and most of them stay short.
type first struct {
	masks    [4]uint32
	queues   [4]fifo
	rings    [4][8]job
	running  [4]job
	requests [4]request
	free     [16]Handle
	ready    [16]job
	ended    [16]Handle
}

// job is a step of a request.
type job struct {
	h    Handle
	step int32
}

// request is what a machine keeps of a request under way.
type request struct {
	id    int64
	part  *Part   // nil until admitted
	left  int32   // steps that are not done
	waits []int32 // see Part.waits
	phase Phase
	live  bool

	failing bool // a Fail was or will be reported
}

// New returns the machine of node n, with nothing to do. If observed, Next also reports queueing and changes of phase.
func New(n *devices.Node, observed bool) *Machine {
	m := new(Machine)
	m.Reset(n, observed)
	return m
}

// Reset makes m what New returns, whatever it was, in the memory that it has.
func (m *Machine) Reset(n *devices.Node, observed bool) {
	if m.masks == nil {
		m.useFirst()
	}
	m.masks, m.running, m.queues = m.masks[:0], m.running[:0], lines.Resized(m.queues, n.Physical)
	for c := range m.queues {
		m.queues[c].first, m.queues[c].n = 0, 0
	}
	m.requests, m.free, m.ready, m.ended = m.requests[:0], m.free[:0], m.ready[:0], m.ended[:0]
	m.failing, m.pending = m.failing[:0], m.pending[:0]
	m.busy, m.waiting, m.observed = 0, 0, observed
	for k := range n.Clusters {
		m.masks = append(m.masks, n.Clusters[k].Mask)
		m.running = append(m.running, job{h: none})
	}
}

func (m *Machine) useFirst() {
	f := &m.first
	m.masks, m.queues, m.running, m.requests = f.masks[:0], f.queues[:], f.running[:0], f.requests[:0]
	m.free, m.ready, m.ended = f.free[:0], f.ready[:0], f.ended[:0]
	for c := range m.queues {
		m.queues[c].ring = f.rings[c][:]
	}
}

// Busy returns the physical clusters at work.
func (m *Machine) Busy() uint32 { return m.busy }

// Phase returns the state that request h is in on this node.
func (m *Machine) Phase(h Handle) Phase { return m.requests[h].phase }

// Live appends the handles of the requests under way to dst, ascending.
func (m *Machine) Live(dst []Handle) []Handle {
	for h := range m.requests {
		if m.requests[h].live {
			dst = append(dst, Handle(h))
		}
	}
	return dst
}

// Receive takes in a new request at the node that leads it: it begins to analyse. The id orders requests that compete at one
// instant; the lower goes first.
func (m *Machine) Receive(id int64) Handle {
	h := m.newHandle(id)
	m.enter(h, Analyse)
	return h
}

// Explore says that the planning of request h begins.
func (m *Machine) Explore(h Handle) { m.enter(h, Explore) }

// Admit gives the leader its part of the plan that was found for request h. Ops and sends that wait for nothing become ready.
func (m *Machine) Admit(h Handle, part *Part) {
	m.enter(h, Offload)
	m.bind(h, part)
}

// Join takes in a request at a node that follows another.
func (m *Machine) Join(id int64, part *Part) Handle {
	h := m.newHandle(id)
	m.enter(h, Idle)
	m.bind(h, part)
	return h
}

func (m *Machine) newHandle(id int64) Handle {
	var h Handle
	if k := len(m.free); k > 0 {
		h = m.free[k-1]
		m.free = m.free[:k-1]
	} else {
		h = Handle(len(m.requests))
		m.requests = oneMore(m.requests)
	}
	r := &m.requests[h]
	r.id, r.part, r.live, r.failing = id, nil, true, false
	return h
}

// oneMore adds a request to the list: one that was there before a Reset, whose memory is used again, or a new one.
func oneMore(list []request) []request {
	if n := len(list); n < cap(list) {
		list = list[:n+1]
		list[n] = request{waits: list[n].waits[:0]}
		return list
	}
	return append(list, request{})
}

func (m *Machine) bind(h Handle, part *Part) {
	r := &m.requests[h]
	r.part, r.left = part, int32(len(part.steps))
	r.waits = lines.Resized(r.waits, len(part.waits))
	copy(r.waits, part.waits)
	for _, s := range part.initial {
		m.ready = append(m.ready, job{h, s})
	}
	if r.left == 0 {
		m.ended = append(m.ended, h)
	}
}

// OpDone says that the op that runs on cluster k is done. It panics if none does.
func (m *Machine) OpDone(k int) {
	j := m.running[k]
	if j.h == none {
		panic(fmt.Sprintf("node: nothing runs on cluster %d", k))
	}
	m.running[k].h = none
	m.busy &^= m.masks[k]
	if j.h != orphan {
		m.complete(j)
	}
}

// Expects reports whether the tensor of send op of the plan is still to arrive here for request h: what a driver that hears from
// others than itself asks before TensorArrived.
func (m *Machine) Expects(h Handle, op int) bool {
	if h < 0 || int(h) >= len(m.requests) || m.requests[h].part == nil {
		return false
	}
	r := &m.requests[h]
	if op < 0 || op >= len(r.part.landing) {
		return false
	}
	s := r.part.landing[op]
	return s != nowhere && r.waits[s] == waiting
}

// TensorArrived says that the tensor of send op of the plan is here for request h, and returns whether Next has something to say
// now; most tensors are one of several that a step waits for. It panics if Expects does not hold.
func (m *Machine) TensorArrived(h Handle, op int) bool {
	if !m.Expects(h, op) {
		refuse(h, op)
	}
	r := &m.requests[h]
	s := r.part.landing[op]
	r.waits[s] = handed
	if r.phase == Idle {
		m.enter(h, Map)
	}
	m.complete(job{h, s})
	return len(m.ready) > 0 || len(m.ended) > 0 || len(m.pending) > 0
}

func refuse(h Handle, op int) {
	panic(fmt.Sprintf("node: request %d does not expect the tensor of op %d", h, op))
}

// complete counts a step as done and wakes those that waited for nothing else any more.
func (m *Machine) complete(j job) {
	r := &m.requests[j.h]
	for _, n := range r.part.steps[j.step].opens {
		if n >= 0 {
			m.ready = append(m.ready, job{j.h, n})
		} else if left := &r.waits[len(r.part.steps)+int(^n)]; *left > 1 {
			*left--
		} else {
			*left = 0
			for _, n := range r.part.gates[^n] {
				m.ready = append(m.ready, job{j.h, n})
			}
		}
	}
	m.count(r, j.h)
}

// count notes that one more step of request h is done.
func (m *Machine) count(r *request, h Handle) {
	if r.left--; r.left == 0 {
		m.ended = append(m.ended, h)
	}
}

// NodeLost says that another node is gone. Requests that wait here for a tensor from it, or have one to send to it, cannot go
// on: Next reports each once with a Fail action. The driver then drops them everywhere.
func (m *Machine) NodeLost(lost int) {
	for h := range m.requests {
		if r := &m.requests[h]; r.live && r.part != nil && !r.failing && r.needs(int32(lost)) {
			r.failing = true
			m.failing = append(m.failing, Action{Kind: Fail, Handle: Handle(h), Node: int32(lost)})
		}
	}
}

// needs reports whether any step of the request that is not done deals with the given node.
func (r *request) needs(node int32) bool {
	for s := range r.part.steps {
		if st := &r.part.steps[s]; st.kind != compute && st.peer == node && r.waits[s] != handed {
			return true
		}
	}
	return false
}

// Drop forgets request h: what is queued is taken out; what runs goes on to its end and counts for nothing.
func (m *Machine) Drop(h Handle) {
	for k := range m.running {
		if m.running[k].h == h {
			m.running[k].h = orphan
		}
	}
	for c := range m.queues {
		m.queues[c].remove(h)
		if m.queues[c].n == 0 {
			m.waiting &^= 1 << c
		}
	}
	m.ready = without(m.ready, func(j job) bool { return j.h == h })
	m.ended = without(m.ended, func(e Handle) bool { return e == h })
	m.pending = without(m.pending, func(a Action) bool { return a.Handle == h })
	m.failing = without(m.failing, func(a Action) bool { return a.Handle == h })
	m.release(h)
}

func (m *Machine) release(h Handle) {
	m.requests[h].live, m.requests[h].part = false, nil
	m.free = append(m.free, h)
}

// without removes the elements that match, in place.
func without[T any](list []T, match func(T) bool) []T {
	keep := list[:0]
	for _, x := range list {
		if !match(x) {
			keep = append(keep, x)
		}
	}
	return keep
}
