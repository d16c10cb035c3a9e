package sim

import (
	"slices"
	"time"

	"hidp/devices"
)

// span is a half-open interval of time.
type span struct{ from, to time.Duration }

// serving keeps account of the time in which a node takes part in requests: from the arrival of a request to its end, overlaps once.
// A node learns that it takes part only when the plan is ready, so the time since the arrival is added then.
type serving struct {
	requests int           // in which the node takes part; an op that a failed request left running counts as one
	since    time.Duration // when the stretch of time under way began, while requests > 0
	left     time.Duration // when the last stretch ended, while requests = 0
	length   time.Duration // of all stretches that have ended

	// gaps are between stretches, in order. A request that arrived before one of them and is planned after it covers it. They are
	// kept only while such a request may come.
	gaps []span
}

// join notes that the node takes part in a request that arrived at from. If older is true, requests that arrived before from may
// still join.
func (v *serving) join(from time.Duration, older bool) {
	v.cover(from)
	if v.requests == 0 {
		v.since = max(from, v.left)
		if older && v.since > v.left {
			v.gaps = append(v.gaps, span{v.left, v.since})
		}
	}
	if !older {
		v.gaps = v.gaps[:0]
	}
	v.requests++
}

// cover adds the part of the gaps that lies after from.
func (v *serving) cover(from time.Duration) {
	for k := len(v.gaps) - 1; k >= 0 && v.gaps[k].to > from; k-- {
		g := &v.gaps[k]
		v.length += g.to - max(g.from, from)
		if g.from < from {
			g.to = from
			return
		}
		v.gaps = v.gaps[:k]
	}
}

// leave notes that the node takes part in one request less.
func (v *serving) leave(now time.Duration) {
	if v.requests--; v.requests == 0 {
		v.length += now - v.since
		v.left = now
	}
}

// until returns the length of all stretches up to now.
func (v *serving) until(now time.Duration) time.Duration {
	if v.requests > 0 && now > v.since {
		return v.length + now - v.since
	}
	return v.length
}

func (v *serving) code(c *coder) {
	requests := int64(v.requests)
	c.all(&requests, &v.since, &v.left, &v.length)
	v.requests = int(requests)
	list(c, &v.gaps, func(c *coder, x *span) { c.all(&x.from, &x.to) })
}

// joinLeader notes that a request's leader takes part from now on.
func (s *simulation) joinLeader(r *request) {
	if n := &s.nodes[r.leader]; !n.lost {
		n.serving.join(s.now, s.older())
	}
	s.unplanned++
}

// older reports whether a request may still be planned that arrived before one that is planned already. A leader plans in the order
// of arrival, so that takes several leaders.
func (s *simulation) older() bool {
	return s.unplanned > 0 && (len(s.sites) > 1 || len(s.classes[0].Leaders) > 0)
}

// joinFollowers notes that the other nodes of a request's plan take part, since its arrival.
func (s *simulation) joinFollowers(r *request) {
	s.unplanned--
	older := s.older()
	for i := range r.prog.Parts {
		if p := &r.prog.Parts[i]; !p.Leads {
			v := &s.nodes[s.sites[r.site].node(p.Node)].serving
			if older && len(v.gaps) >= fewGaps && len(v.gaps) == cap(v.gaps) {
				v.forget(s.oldestUnplanned())
			}
			v.join(r.arrival, older)
		}
	}
}

// leaveAll notes that nobody takes part in a request any more.
func (s *simulation) leaveAll(r *request) {
	if len(r.handles) == 0 {
		s.unplanned--
	}
	s.leaveOne(r.leader)
	for i := range r.handles {
		if p := &r.prog.Parts[i]; !p.Leads {
			s.leaveOne(s.sites[r.site].node(p.Node))
		}
	}
}

// leaveOne takes a node out of one request. A lost node has left them all.
func (s *simulation) leaveOne(j int32) {
	if n := &s.nodes[j]; !n.lost {
		n.serving.leave(s.now)
	}
}

// fewGaps is how many gaps are kept without asking whether they are needed.
const fewGaps = 32

// forget drops the gaps that end before the oldest request that may still join, and makes room for as many again.
func (v *serving) forget(oldest time.Duration) {
	k := 0
	for k < len(v.gaps) && v.gaps[k].to <= oldest {
		k++
	}
	v.gaps = slices.Grow(slices.Delete(v.gaps, 0, k), len(v.gaps))
}

// oldestUnplanned returns when the oldest request arrived that has no plan yet.
func (s *simulation) oldestUnplanned() time.Duration {
	oldest := s.now
	for slot := range s.requests {
		if r := &s.requests[slot]; r.live && len(r.handles) == 0 {
			oldest = min(oldest, r.arrival)
		}
	}
	return oldest
}

// plannerUse keeps account of the time in which a node's planner works while nothing else keeps its cluster busy.
type plannerUse struct {
	cluster int           // the node's first CPU cluster
	since   time.Duration // when the time that is not counted yet began, while the planner is busy
	alone   time.Duration
}

// plannerCluster returns the cluster that plans: the first CPU cluster, or the first cluster of a node without one.
func plannerCluster(n *devices.Node) int {
	for k := range n.Clusters {
		if n.Clusters[k].Kind == devices.CPU {
			return k
		}
	}
	return 0
}

// notePlanner counts the planner's time up to now; mask is what was busy since the last call.
func (n *nodeState) notePlanner(now time.Duration) {
	if n.planner.busy && !n.lost && n.mask&n.spec.Clusters[n.use.cluster].Mask == 0 {
		n.use.alone += now - n.use.since
	}
	n.use.since = now
}

func (u *plannerUse) code(c *coder) { c.all(&u.since, &u.alone) }
