package sim

import (
	"fmt"
	"math/bits"
	"time"

	"hidp/sim/engine"
)

// fault is a moment at which something breaks or is mended.
type fault struct {
	node     int // or -1
	resource int32
}

// scheduleFaults enters what Config.Faults announces into the queue.
func (s *simulation) scheduleFaults() {
	at := func(t time.Duration, f fault) {
		s.faults = append(s.faults, f)
		s.eng.Schedule(engine.Event{At: t, What: engine.What{Kind: evFault, A: int32(len(s.faults) - 1)}})
	}
	for _, f := range s.cfg.Faults.Nodes {
		at(f.At, fault{node: f.Node})
	}
	for _, f := range s.cfg.Faults.Resources {
		at(f.From, fault{node: -1, resource: int32(s.firstShared + f.Resource)})
		if f.To > 0 {
			at(f.To, fault{node: -1, resource: int32(s.firstShared + f.Resource)})
		}
	}
}

func (s *simulation) fault(i int) {
	if f := s.faults[i]; f.node >= 0 {
		s.lose(f.node)
	} else {
		s.net.SetCapacity(s.now, f.resource, s.capacity(int(f.resource)))
		s.netDirty = true
	}
}

// capacity returns what a resource has at present.
func (s *simulation) capacity(r int) float64 {
	c, changed := s.resources[r].Capacity, false
	for _, f := range s.cfg.Faults.Resources {
		if s.firstShared+f.Resource == r && f.From <= s.now && (f.To == 0 || s.now < f.To) {
			if !changed || f.Capacity < c {
				c = f.Capacity
			}
			changed = true
		}
	}
	return c
}

// lose takes a node out of the platform. Requests that it leads or has not done its part of fail at once; the machines of the
// other nodes say which of theirs need it.
func (s *simulation) lose(j int) {
	n := &s.nodes[j]
	if n.lost {
		return
	}
	if n.flows > 0 {
		n.nicBusy += s.now - n.flowing
	}
	n.notePlanner(s.now)
	n.serving = serving{length: n.serving.until(s.now)}
	n.lost, n.lostAt = true, s.now
	s.losses++
	for a := n.active; a != 0; a &= a - 1 {
		k := bits.TrailingZeros64(a)
		n.ops[k].gen++
		s.closeOp(int32(j), k)
	}
	s.forget(j)
	why := s.lossOf(j)
	for slot := range s.requests {
		if r := &s.requests[slot]; r.live && (int(r.leader) == j || r.unfinishedAt(j)) {
			s.fail(int32(slot), why)
		}
	}
	for i := range s.nodes {
		if other := &s.nodes[i]; !other.lost {
			other.machine.NodeLost(j)
			s.touch(int32(i))
		}
	}
}

// unfinishedAt reports whether the part of node j is not done.
func (r *request) unfinishedAt(j int) bool {
	for i, h := range r.handles {
		if h != gone && r.prog.Parts[i].Node == j {
			return true
		}
	}
	return false
}

// failFor fails a request that waits for something from a lost node.
func (s *simulation) failFor(slot int32, lost int) {
	if s.requests[slot].live {
		s.fail(slot, s.lossOf(lost))
	}
}

func (s *simulation) lossOf(j int) error {
	return &NodeLostError{Node: s.nodes[j].name, At: s.nodes[j].lostAt}
}

// deadlock describes why nothing can happen any more. A transfer that moves, but longer than the clock can count, is no deadlock.
func (s *simulation) deadlock() error {
	first := int32(-1)
	for slot := range s.requests {
		if r := &s.requests[slot]; r.live && (first < 0 || r.id < s.requests[first].id) {
			first = int32(slot)
		}
	}
	e := &DeadlockError{At: s.now, Unfinished: s.inFlight, Request: s.requests[first].id, Why: "waits for ops that never become ready"}
	for t := range s.transfers {
		if x := &s.transfers[t]; x.stage == flowing && x.slot == first {
			if s.net.Moves(x.flow) {
				return &HorizonError{Horizon: never, Unfinished: s.inFlight, Why: fmt.Sprintf(
					"the transfer from %s to %s is too slow to end within the 292 years that the clock can count", s.nodes[x.from].name, s.nodes[x.to].name)}
			}
			e.Why = fmt.Sprintf("waits for a transfer from %s to %s that stands still: the connection is cut",
				s.nodes[x.from].name, s.nodes[x.to].name)
			break
		}
	}
	return e
}
