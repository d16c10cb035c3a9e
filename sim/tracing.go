package sim

import (
	"time"

	"hidp/sim/node"
	"hidp/sim/trace"
)

// openPhase is a phase of a request that goes on at one node.
type openPhase struct {
	phase node.Phase
	since time.Duration
	open  bool
}

// noteAdmitted prepares what is traced of a request once its plan is known.
func (s *simulation) noteAdmitted(r *request) {
	if r.prog.index < 0 {
		r.prog.index = int32(len(s.trace.Plans))
		s.trace.Plans = append(s.trace.Plans, r.prog.plan)
	}
	r.ready = append(r.ready[:0], make([]time.Duration, len(r.prog.ops))...)
	r.phases = append(r.phases[:0], make([]openPhase, len(r.prog.Parts))...)
}

// noteQueued remembers when an op entered its queue.
func (s *simulation) noteQueued(n *nodeState, a *node.Action) {
	s.requests[n.owner[a.Handle].slot].ready[a.Op] = s.now
}

// notePhase ends the phase that a request was in at node j and begins the next.
func (s *simulation) notePhase(n *nodeState, j int32, a *node.Action) {
	owner := n.owner[a.Handle]
	r := &s.requests[owner.slot]
	p := &r.leading
	if j != r.leader {
		p = &r.phases[owner.index]
	}
	s.closePhase(r, j, p)
	*p = openPhase{a.Phase, s.now, true}
}

// closePhase ends a phase at node j, if one is open.
func (s *simulation) closePhase(r *request, j int32, p *openPhase) {
	if p.open {
		s.trace.AddPhase(trace.Phase{Request: r.id, Node: j, Name: p.phase.String(), Start: p.since, End: s.now})
		p.open = false
	}
}

// closePart ends the phase of a request on the node of one of its parts.
func (s *simulation) closePart(r *request, i int) {
	j := int32(r.prog.Parts[i].Node)
	if j == r.leader {
		s.closePhase(r, j, &r.leading)
	} else {
		s.closePhase(r, j, &r.phases[i])
	}
}

// noteTransfer traces a message that arrived, or was cut off.
func (s *simulation) noteTransfer(x *transfer, cut bool) {
	if s.trace == nil {
		return
	}
	r := &s.requests[x.slot]
	s.trace.AddTransfer(trace.Transfer{Request: r.id, Op: x.op, From: x.from, To: x.to, Bytes: r.prog.ops[x.op].bytes,
		Ready: x.ready, Start: x.start, End: x.end, Arrive: s.now, Wasted: cut})
}

// noteRequest traces a request that has ended.
func (s *simulation) noteRequest(r *request, why error) {
	x := trace.Request{ID: r.id, Model: r.model, Leader: r.leader, Plan: -1, Arrival: r.arrival, Planned: r.planned, Finish: s.now}
	if len(r.handles) > 0 {
		x.Plan = r.prog.index
	}
	if why != nil {
		x.Failed = why.Error()
	}
	s.trace.AddRequest(x)
}

// traceRest traces what is under way when the run ends, as far as it went.
func (s *simulation) traceRest() {
	for j := range s.nodes {
		for k := range s.nodes[j].ops {
			if o := &s.nodes[j].ops[k]; o.slot != vacant {
				s.traceOp(int32(j), k, true)
			}
		}
	}
	for t := range s.transfers {
		if x := &s.transfers[t]; x.stage != idle {
			if x.stage == flowing {
				x.end = s.now
			}
			s.noteTransfer(x, true)
		}
	}
	for slot := range s.requests {
		if r := &s.requests[slot]; r.live {
			s.closePhases(r)
		}
	}
}

// traceOp traces the op on a cluster, which ends now.
func (s *simulation) traceOp(j int32, k int, wasted bool) {
	o := &s.nodes[j].ops[k]
	s.trace.AddCompute(trace.Compute{Request: o.request, Op: o.op, Node: j, Cluster: int32(k), Ready: o.ready, Start: o.started,
		End: s.now, Work: time.Duration(o.work), Wasted: wasted})
}

// closePhases ends all phases of a request.
func (s *simulation) closePhases(r *request) {
	s.closePhase(r, r.leader, &r.leading)
	for i := range r.handles {
		s.closePart(r, i)
	}
}
