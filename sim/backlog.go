package sim

import (
	"encoding/binary"
	"math/bits"
	"time"
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
		r.load = append(r.load, l.total)
		s.nodes[t.node(int(l.node))].queued[l.cluster] += l.total
	}
}

// workDone takes an op that is done out of the backlog.
func (s *simulation) workDone(n *nodeState, o *runningOp) {
	r := &s.requests[o.slot]
	c := &r.prog.ops[o.op]
	n.queued[r.prog.load[c.load].cluster] -= c.believed
	r.load[c.load] -= c.believed
}

// dropBacklog takes out what is left of a request that failed.
func (s *simulation) dropBacklog(r *request) {
	if !s.loaded {
		return
	}
	for i, l := range r.prog.load {
		s.nodes[s.sites[r.site].node(int(l.node))].queued[l.cluster] -= r.load[i]
	}
}

// backlog returns the believed time until every cluster of a site is free, rounded. A cluster is free when its own work and that of all
// groups it belongs to is done; a group, when all its members are. The result is new each time: plans may keep the belief.
func (s *simulation) backlog(t *site) [][]time.Duration {
	out := make([][]time.Duration, len(t.class.Truth.Nodes))
	for j := range out {
		out[j] = s.nodes[t.node(j)].backlog(s.now, s.requests)
	}
	return out
}

func (n *nodeState) backlog(now time.Duration, requests []request) []time.Duration {
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
	out := make([]time.Duration, len(n.spec.Clusters))
	for k := range n.spec.Clusters {
		for m := n.spec.Clusters[k].Mask; m != 0; m &= m - 1 {
			out[k] = max(out[k], physical[bits.TrailingZeros32(m)])
		}
		out[k] = coarse(out[k])
	}
	return out
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
func appendKey(key []byte, model int32, backlog [][]time.Duration) []byte {
	key = binary.AppendUvarint(key, uint64(model))
	for j := range backlog {
		for _, d := range backlog[j] {
			key = binary.AppendUvarint(key, uint64(d))
		}
	}
	return key
}

// modelOf returns the model of a key.
func modelOf(key string) int32 {
	m, _ := binary.Uvarint([]byte(key))
	return int32(m)
}
