package node

import (
	"math/bits"

	"hidp/internal/lines"
)

// ActionKind says what a machine asks of its driver.
type ActionKind uint8

// The kinds of actions.
const (
	StartOp    ActionKind = iota // run compute op Op of request Handle on Cluster; report OpDone(Cluster)
	SendTensor                   // move the tensor of send op Op of request Handle to its receiver; that machine hears TensorArrived
	Finish                       // the node's part of request Handle is done, at the leader its result is complete; the handle ends
	Fail                         // request Handle cannot go on: it needs Node, which is lost; Drop it everywhere
	QueueOp                      // observed machines: compute op Op became ready and was queued
	Enter                        // observed machines: the request entered Phase
)

// Action is one thing that a machine asks of its driver.
type Action struct {
	Kind    ActionKind
	Phase   Phase
	Handle  Handle
	Op      int32
	Cluster int32
	Node    int32
}

// Next appends to dst what is to be done after the inputs since the last call, and returns it. Sends come first, in the order
// (request, op), then the ops that start, by cluster, then the requests whose part is done. When requests fail these are
// reported alone, and the driver drops them and calls Next again: nothing must start for them.
func (m *Machine) Next(dst []Action) []Action {
	if len(m.failing) > 0 {
		dst = append(dst, m.failing...)
		m.failing = m.failing[:0]
		return dst
	}
	if len(m.pending) > 0 {
		dst = append(dst, m.pending...)
		m.pending = m.pending[:0]
	}
	if len(m.ready) > 1 {
		m.sortReady()
	}
	for _, j := range m.ready {
		r := &m.requests[j.h]
		s := &r.part.steps[j.step]
		if s.kind == send {
			r.waits[j.step] = handed
			dst = lines.Append(dst, Action{})
			dst[len(dst)-1].set(SendTensor, j.h, s.op, 0)
			m.count(r, j.h)
			continue
		}
		m.enqueue(j, r, s)
		if m.observed {
			dst = append(dst, Action{Kind: QueueOp, Handle: j.h, Op: s.op, Cluster: s.cluster})
		}
	}
	m.ready = m.ready[:0]
	for c := m.waiting &^ m.busy; c != 0; c &= c - 1 {
		if k := bits.TrailingZeros32(c); m.waiting>>k&1 != 0 { // a group may have emptied it meanwhile
			if j, s := m.start(k); s != nil {
				dst = lines.Append(dst, Action{})
				dst[len(dst)-1].set(StartOp, j.h, s.op, s.cluster)
			}
		}
	}
	if m.observed {
		dst = append(dst, m.pending...)
		m.pending = m.pending[:0]
	}
	for _, h := range m.ended {
		dst = lines.Append(dst, Action{})
		dst[len(dst)-1].set(Finish, h, 0, 0)
		m.release(h)
	}
	m.ended = m.ended[:0]
	return dst
}

// sortReady orders what became ready by (request, op): an insertion sort, for there are hardly ever more than a few.
func (m *Machine) sortReady() {
	for i := 1; i < len(m.ready); i++ {
		j := m.ready[i]
		k := i
		for ; k > 0 && m.before(j, m.ready[k-1]); k-- {
			m.ready[k] = m.ready[k-1]
		}
		m.ready[k] = j
	}
}

func (m *Machine) before(a, b job) bool {
	if a.h != b.h {
		return m.requests[a.h].id < m.requests[b.h].id
	}
	return a.step < b.step
}

// enqueue puts an op that is ready into the queues of its clusters.
func (m *Machine) enqueue(j job, r *request, s *step) {
	if r.phase == Offload {
		m.enter(j.h, Map)
	}
	mask := m.masks[s.cluster]
	for c := mask; c != 0; c &= c - 1 {
		m.queues[bits.TrailingZeros32(c)].push(j)
	}
	m.waiting |= mask
}

// start begins the op at the head of physical cluster c and returns it, if it heads all its clusters and these are free.
func (m *Machine) start(c int) (job, *step) {
	j := m.queues[c].head()
	r := &m.requests[j.h]
	s := &r.part.steps[j.step]
	mask := m.masks[s.cluster]
	if m.busy&mask != 0 {
		return j, nil
	}
	for x := mask &^ (1 << c); x != 0; x &= x - 1 {
		if m.queues[bits.TrailingZeros32(x)].head() != j {
			return j, nil
		}
	}
	for x := mask; x != 0; x &= x - 1 {
		i := bits.TrailingZeros32(x)
		if m.queues[i].pop(); m.queues[i].n == 0 {
			m.waiting &^= 1 << i
		}
	}
	m.busy |= mask
	m.running[s.cluster] = j
	if r.phase == Map {
		m.enter(j.h, Execute)
	}
	return j, s
}

// set fills in an action in its place. Writing the fields of an Action and then copying the Action as a whole defeats the
// processor's store forwarding, and stalls.
func (a *Action) set(kind ActionKind, h Handle, op, cluster int32) {
	a.Kind, a.Handle, a.Op, a.Cluster = kind, h, op, cluster
}

// fifo is a queue of jobs in a ring.
type fifo struct {
	ring     []job // its length is a power of two
	first, n int
}

func (q *fifo) head() job { return q.ring[q.first] }

func (q *fifo) push(j job) {
	if q.n == len(q.ring) {
		grown := make([]job, max(8, 2*len(q.ring)))
		for i := range q.n {
			grown[i] = q.ring[(q.first+i)%len(q.ring)]
		}
		q.ring, q.first = grown, 0
	}
	q.ring[(q.first+q.n)&(len(q.ring)-1)] = j
	q.n++
}

func (q *fifo) pop() {
	q.first = (q.first + 1) & (len(q.ring) - 1)
	q.n--
}

// remove takes out all jobs of request h.
func (q *fifo) remove(h Handle) {
	kept := 0
	for i := range q.n {
		if j := q.ring[(q.first+i)%len(q.ring)]; j.h != h {
			q.ring[(q.first+kept)%len(q.ring)] = j
			kept++
		}
	}
	q.n = kept
}
