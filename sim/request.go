package sim

import (
	"fmt"
	"time"

	"hidp/internal/lines"
	"hidp/sim/engine"
	"hidp/sim/node"
	"hidp/workloads"
)

// request is a request under way, in a slot that is used again when it ends.
type request struct {
	id      int64
	gen     uint32
	live    bool
	model   int32
	site    int32
	leader  int32 // in the run
	arrival time.Duration
	planned time.Duration
	took    time.Duration   // planning time
	lead    node.Handle     // on the leader's machine, until admitted
	prog    *program        // nil until planned
	left    int32           // parts that are not done
	handles []node.Handle   // by part
	load    []time.Duration // by program.load: believed work that is not done; only if the strategy looks at it
	ready   []time.Duration // by op: when it was queued; only if traced
	leading openPhase       // at the leader; only if traced
	phases  []openPhase     // by part, followers only; only if traced
}

// gone is the handle of a part that is done, or of a leader that has no part yet.
const gone node.Handle = -1

// start schedules the first arrival, or that of every client of a closed loop.
func (s *simulation) start() {
	if s.cfg.Clients == nil {
		for i := range s.sites {
			s.expectNext(int32(i))
		}
		return
	}
	for _, x := range s.cfg.Clients.Start() {
		s.expect(0, x, true)
	}
}

// expectNext schedules the next arrival at a site.
func (s *simulation) expectNext(i int32) {
	x, ok := s.sites[i].arrivals.Next()
	s.expect(i, x, ok)
}

// expect schedules an arrival, if there is one.
func (s *simulation) expect(i int32, x workloads.Arrival, ok bool) {
	if !ok {
		return
	}
	s.note(&s.sites[i], x)
	if x.Model < 0 || x.Model >= len(s.cfg.Models) {
		panic(fmt.Sprintf("sim: a request for model %d, of %d", x.Model, len(s.cfg.Models)))
	}
	s.expected++
	s.eng.Schedule(engine.Event{At: x.At, What: engine.What{Kind: evArrival, A: int32(x.Model), B: i}})
}

// note counts an arrival that was drawn, and adds it to the hash by which a resumed run knows its workload. What clients ask for
// depends on the answers, so theirs are only counted.
func (s *simulation) note(t *site, x workloads.Arrival) {
	const prime = 1099511628211 // of the 64-bit FNV-1a hash
	t.drawn++
	if s.cfg.Clients == nil {
		t.drawnHash = ((t.drawnHash^uint64(x.At))*prime ^ uint64(x.Model)) * prime
	}
}

// arrive takes in a request at a site's leader.
func (s *simulation) arrive(model, i int32) {
	s.expected--
	slot := s.newSlot()
	r := &s.requests[slot]
	t := &s.sites[i]
	r.id, r.model, r.site, r.leader = s.stats.arrived, model, i, t.node(t.class.leader(model))
	r.arrival, r.planned, r.took = s.now, s.now, 0
	r.prog, r.left, r.lead = nil, 0, gone
	s.stats.arrived++
	t.arrived++
	s.inFlight++
	if s.cfg.Clients == nil {
		s.expectNext(i)
	}
	s.joinLeader(r)
	n := &s.nodes[r.leader]
	if n.lost {
		s.fail(slot, s.lossOf(int(r.leader)))
		return
	}
	r.lead = n.machine.Receive(r.id)
	n.own(r.lead, part{slot, -1})
	if s.trace != nil {
		s.touch(r.leader)
	}
	s.plan(slot)
}

func (s *simulation) newSlot() int32 {
	var slot int32
	if k := len(s.freeSlot); k > 0 {
		slot = s.freeSlot[k-1]
		s.freeSlot = s.freeSlot[:k-1]
	} else {
		slot = int32(len(s.requests))
		s.requests = withRequest(s.requests)
	}
	s.requests[slot].live = true
	return slot
}

// own notes whose part handle h of the node's machine is.
func (n *nodeState) own(h node.Handle, p part) {
	for int(h) >= len(n.owner) {
		n.owner = append(n.owner, part{})
	}
	n.owner[h] = p
}

// admit hands the request's plan to all nodes that take part.
func (s *simulation) admit(slot int32) {
	r := &s.requests[slot]
	t := &s.sites[r.site]
	for i := range r.prog.Parts {
		if j := t.node(r.prog.Parts[i].Node); s.nodes[j].lost {
			s.fail(slot, s.lossOf(int(j)))
			return
		}
	}
	r.planned = s.now
	r.left = int32(len(r.prog.Parts))
	if s.trace != nil {
		s.noteAdmitted(r)
	}
	lead := r.lead
	r.lead = gone
	for i := range r.prog.Parts {
		p := &r.prog.Parts[i]
		j := t.node(p.Node)
		n := &s.nodes[j]
		h := lead
		if p.Leads {
			n.machine.Admit(h, p)
		} else {
			h = n.machine.Join(r.id, p)
		}
		n.own(h, part{slot, int32(i)})
		r.handles = lines.Append(r.handles, h)
		s.touch(j)
	}
	s.joinFollowers(r)
	s.occupy(r)
	s.addBacklog(r)
}

// partDone notes that a node has done its part of a request.
func (s *simulation) partDone(p part) {
	r := &s.requests[p.slot]
	r.handles[p.index] = gone
	if s.trace != nil {
		s.closePart(r, int(p.index))
	}
	if r.left--; r.left == 0 {
		s.complete(p.slot)
	}
}

// complete ends a request with its result.
func (s *simulation) complete(slot int32) {
	r := &s.requests[slot]
	s.vacate(r)
	s.stats.complete(s.now-r.arrival, r.took)
	t := &s.sites[r.site]
	t.completed++
	t.sum += s.now - r.arrival
	s.end(slot, nil)
}

// fail ends a request without one: it is dropped everywhere, and what it has on the network is taken off.
func (s *simulation) fail(slot int32, why error) {
	r := &s.requests[slot]
	s.dropAt(r.leader, r.lead)
	for i, h := range r.handles {
		s.dropAt(s.sites[r.site].node(r.prog.Parts[i].Node), h)
	}
	if s.trace != nil {
		s.closePhases(r)
	}
	for t := range s.transfers {
		if x := &s.transfers[t]; x.stage != idle && x.slot == slot {
			s.cancel(int32(t))
		}
	}
	if len(r.handles) > 0 {
		s.waste(slot)
		s.vacate(r)
		s.dropBacklog(r)
	}
	s.stats.fail(why)
	s.sites[r.site].failed++
	s.end(slot, why)
}

// dropAt makes a node forget a request, if it knows it.
func (s *simulation) dropAt(j int32, h node.Handle) {
	if n := &s.nodes[j]; h != gone && !n.lost {
		n.machine.Drop(h)
		s.touch(j)
	}
}

// end frees the request's slot, tells who wants to know and lets a closed-loop client go on.
func (s *simulation) end(slot int32, why error) {
	r := &s.requests[slot]
	s.inFlight--
	s.stats.last, s.sites[r.site].last = s.now, s.now
	if s.cfg.Observe.Request != nil || s.cfg.Records {
		s.record(r, why)
	}
	if s.trace != nil {
		s.noteRequest(r, why)
	}
	s.leaveAll(r)
	r.live, r.prog = false, nil
	r.handles = r.handles[:0]
	r.gen++
	s.freeSlot = lines.Append(s.freeSlot, slot)
	if c := s.cfg.Clients; c != nil {
		x, ok := c.Completed(s.now, int(r.model))
		s.expect(0, x, ok)
	}
}

// record hands out what a request was.
func (s *simulation) record(r *request, why error) {
	rec := Record{ID: r.id, Site: int(r.site), Model: int(r.model), Arrival: r.arrival, Planned: r.planned, Planning: r.took, Finish: s.now}
	if why != nil {
		rec.Failed = why.Error()
	}
	if f := s.cfg.Observe.Request; f != nil {
		f(rec)
	}
	if s.cfg.Records {
		s.stats.records = append(s.stats.records, rec)
	}
}
