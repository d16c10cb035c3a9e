package sim

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"time"

	"hidp/internal/lines"
)

// What the leader knows of the load: it has handed out every plan, so it knows, per cluster, the believed work of all ops that
// were admitted and are not done, and since when the running ones run. Strategies see the sums rounded (see coarse), so that
// plans can be reused.

// addBacklog books the work of a request that is admitted.
func (s *simulation) addBacklog(r *request) {
	if !s.loaded {
		return
	}
	t := &s.sites[r.site]
	r.load = r.load[:0]
	for _, l := range r.prog.load {
		r.load = lines.Append(r.load, l.total)
		j := t.node(int(l.node))
		s.nodes[j].queued[l.cluster] += l.total
		if l.total > 0 {
			s.loads[j]++
		}
	}
}

// workDone takes an op that is done on node j out of the backlog.
func (s *simulation) workDone(j int32, o *runningOp) {
	r := &s.requests[o.slot]
	c := &r.prog.ops[o.op]
	if c.believed == 0 {
		return
	}
	s.nodes[j].queued[r.prog.load[c.load].cluster] -= c.believed
	if r.load[c.load] -= c.believed; r.load[c.load] == 0 {
		s.loads[j]--
	}
}

// dropBacklog takes out what is left of a request that failed.
func (s *simulation) dropBacklog(r *request) {
	if !s.loaded {
		return
	}
	for i, l := range r.prog.load {
		j := s.sites[r.site].node(int(l.node))
		if s.nodes[j].queued[l.cluster] -= r.load[i]; r.load[i] > 0 {
			s.loads[j]--
		}
	}
}

// backlog sets s.backlogs to the believed time until every cluster of a site is free, rounded, and reports whether some are not. A
// cluster is free when its own work and that of all groups it belongs to is done; a group, when all its members are.
func (s *simulation) backlog(t *site) (busy bool) {
	s.backlogs = s.backlogs[:0]
	for j := range t.class.Truth.Nodes {
		from := len(s.backlogs)
		for range t.class.Truth.Nodes[j].Clusters {
			s.backlogs = lines.Append(s.backlogs, 0)
		}
		if i := t.node(j); s.loads[i] > 0 { // most are idle: look at no more of them than that
			busy = s.nodes[i].backlog(s.now, s.requests, s.backlogs[from:]) || busy
		}
	}
	return busy
}

// backlog sets out, one number per cluster, which are 0, and reports whether any is not 0 afterwards.
func (n *nodeState) backlog(now time.Duration, requests []request, out []time.Duration) (busy bool) {
	var physical [32]time.Duration
	for k := range n.spec.Clusters {
		left := n.queued[k]
		if o := &n.ops[k]; o.slot >= 0 {
			left -= min(requests[o.slot].prog.ops[o.op].believed, now-o.started)
		}
		for m := n.spec.Clusters[k].Mask; m != 0; m &= m - 1 {
			physical[bits.TrailingZeros32(m)] += left
		}
	}
	for k := range n.spec.Clusters {
		for m := n.spec.Clusters[k].Mask; m != 0; m &= m - 1 {
			out[k] = max(out[k], physical[bits.TrailingZeros32(m)])
		}
		out[k] = coarse(out[k])
		busy = busy || out[k] > 0
	}
	return busy
}

// tellBacklog tells a class's belief the backlog of one of its sites, in memory of its own: plans may keep the belief.
func (k *class) tellBacklog(flat []time.Duration) {
	flat = slices.Clone(flat)
	out := make([][]time.Duration, len(k.Truth.Nodes))
	for j := range out {
		n := len(k.Truth.Nodes[j].Clusters)
		out[j], flat = flat[:n:n], flat[n:]
	}
	k.believed().Backlog = out
}

// coarse rounds a backlog to three significant bits, and to nothing below half a millisecond: a leader's knowledge is no
// better, and the states that a run goes through become few enough for plans to be reused.
func coarse(d time.Duration) time.Duration {
	if d < 500*time.Microsecond {
		return 0
	}
	shift := max(0, bits.Len64(uint64(d))-3)
	half := time.Duration(1) << shift >> 1
	return (d + half) >> shift << shift
}

// appendKey appends the key under which a plan for model under a backlog is kept.
func appendKey(key []byte, model int32, backlog []time.Duration) []byte {
	key = binary.AppendUvarint(key, uint64(model))
	for _, d := range backlog {
		key = binary.AppendUvarint(key, uint64(d))
	}
	return key
}

// modelOf returns the model of a key.
func modelOf(key string) int32 {
	m, _ := binary.Uvarint([]byte(key))
	return int32(m)
}
