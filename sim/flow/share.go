package flow

import (
	"math"

	"hidp/internal/lines"
)

// filling is the working memory of the rate computation.
type filling struct {
	epoch     uint64   // number of the present computation, compared with marks
	flows     []FlowID // of the component
	limited   []FlowID // those of them that have a limit and no rate yet
	resources []int32  // of the component; compacted as they are used up
}

// scratch is what filling keeps at a resource.
type scratch struct {
	mark     uint64  // epoch in which it was reached
	touched  bool    // it is in Network.dirty
	crossers int32   // crossings by flows without a rate yet
	pull     float64 // sum of their weights
	residual float64 // capacity not given away, bytes/s
}

// fillMark is what filling keeps at a flow.
type fillMark struct {
	reached uint64 // epoch in which it was reached
	filled  uint64 // epoch in which it got a rate
}

// touch notes that the flows of a resource need new rates.
func (n *Network) touch(r int32) {
	if !n.resources[r].touched {
		n.resources[r].touched = true
		n.dirty = lines.Append(n.dirty, r)
	}
}

// settleRates computes the rates that the changes at n.now have made out of date.
func (n *Network) settleRates() {
	if len(n.dirty) == 0 {
		return
	}
	if x := &n.resources[n.dirty[0]]; len(n.dirty) == 1 && x.binding == 0 && !n.relaxes {
		x.touched = false
		n.sharePool(x, n.dirty[0])
		n.dirty = n.dirty[:0]
		return
	}
	n.shareDirty()
	if n.relaxes {
		n.balance()
	}
}

// shareDirty computes the rates in the components of the dirty resources.
func (n *Network) shareDirty() {
	n.share.epoch++
	for _, r := range n.dirty {
		x := &n.resources[r]
		x.touched = false
		if x.slack {
			continue
		}
		if x.binding == 0 {
			n.sharePool(x, r)
		} else if x.mark != n.share.epoch && len(x.members) > 0 && !n.shareRoute(x) {
			n.collect(r)
			n.fill()
		}
	}
	n.dirty = n.dirty[:0]
}

// shareRoute computes the rates of a component in which all flows take one path, as they do when a flow is alone; it returns false
// if the component of resource r is another. As many flows on every resource as on r means that they are the same.
func (n *Network) shareRoute(r *resource) bool {
	if len(r.members) == 1 {
		return n.shareAlone(r.members[0].flow)
	}
	first := r.members[0]
	path := n.flows[first.flow].path
	for _, h := range path {
		if x := &n.resources[h.Resource]; len(x.members) != len(r.members) && !x.slack {
			return false
		}
	}
	for _, m := range r.members {
		f := &n.flows[m.flow]
		if m.hop != first.hop || len(f.path) != len(path) || &f.path[0] != &path[0] || !math.IsInf(f.limit, 1) {
			return false // or one that crosses r twice
		}
	}
	rate := math.Inf(1)
	for _, h := range path {
		x := &n.resources[h.Resource]
		if x.slack {
			continue
		}
		x.mark = n.share.epoch
		if most := x.capacity / float64(h.Weight*float64(len(r.members))); most < rate {
			rate = most
		}
	}
	for _, m := range r.members {
		n.setRate(m.flow, rate)
	}
	return true
}

// shareAlone is shareRoute where a single flow crosses the resource.
func (n *Network) shareAlone(id FlowID) bool {
	f := &n.flows[id]
	if !math.IsInf(f.limit, 1) {
		return false
	}
	rate := math.Inf(1)
	for i := range f.path {
		h := &f.path[i]
		x := &n.resources[h.Resource]
		if x.slack {
			continue
		}
		if len(x.members) != 1 {
			return false
		}
		if most := x.capacity / h.Weight; most < rate {
			rate = most
		}
	}
	for i := range f.path {
		n.resources[f.path[i].Resource].mark = n.share.epoch
	}
	n.setRate(id, rate)
	return true
}

// collect finds the component of a resource: what can be reached from it over flows.
func (n *Network) collect(start int32) {
	s := &n.share
	s.flows, s.limited, s.resources = s.flows[:0], s.limited[:0], lines.Append(s.resources[:0], start)
	n.resources[start].mark = s.epoch
	for i := 0; i < len(s.resources); i++ {
		r := &n.resources[s.resources[i]]
		r.residual, r.pull, r.crossers = r.capacity, 0, int32(len(r.members))
		for _, m := range r.members {
			f := &n.flows[m.flow]
			r.pull += f.path[m.hop].Weight
			if f.reached == s.epoch {
				continue
			}
			f.reached = s.epoch
			s.flows = lines.Append(s.flows, m.flow)
			if !math.IsInf(f.limit, 1) {
				s.limited = lines.Append(s.limited, m.flow)
			}
			for _, h := range f.path {
				if x := &n.resources[h.Resource]; x.mark != s.epoch && !x.slack {
					x.mark = s.epoch
					s.resources = lines.Append(s.resources, h.Resource)
				}
			}
		}
	}
}

// fill gives every flow of the component its max-min fair rate: step by step it
// finds the lowest rate at which a resource is full or a flow at its limit, and
// fixes the flows concerned.
func (n *Network) fill() {
	for {
		bottleneck, rate := n.bottleneck()
		if bottleneck < 0 {
			return
		}
		if id, limit := n.lowestLimit(); limit <= rate {
			n.fix(id, limit)
			continue
		}
		for _, m := range n.resources[bottleneck].members {
			if n.flows[m.flow].filled != n.share.epoch {
				n.fix(m.flow, rate)
			}
		}
	}
}

// bottleneck returns the resource that is full first when the flows without a rate
// grow together, and their rate then; of several the one with the lowest index, and
// -1 when all flows have a rate.
func (n *Network) bottleneck() (int32, float64) {
	s := &n.share
	best, lowest := int32(-1), math.Inf(1)
	kept := s.resources[:0]
	for _, i := range s.resources {
		r := &n.resources[i]
		if r.crossers == 0 {
			continue
		}
		kept = append(kept, i)
		rate := r.residual / r.pull
		if best < 0 || rate < lowest || rate == lowest && i < best {
			best, lowest = i, rate
		}
	}
	s.resources = kept
	return best, lowest
}

// lowestLimit returns the flow without a rate that has the lowest limit, of several
// the one that started first; +Inf when none has a limit.
func (n *Network) lowestLimit() (FlowID, float64) {
	s := &n.share
	best, lowest := FlowID(-1), math.Inf(1)
	kept := s.limited[:0]
	for _, id := range s.limited {
		f := &n.flows[id]
		if f.filled == s.epoch {
			continue
		}
		kept = append(kept, id)
		if f.limit < lowest || f.limit == lowest && f.order < n.flows[best].order {
			best, lowest = id, f.limit
		}
	}
	s.limited = kept
	return best, lowest
}

// fix gives a flow its rate and takes that from the resources it crosses.
func (n *Network) fix(id FlowID, rate float64) {
	f := &n.flows[id]
	f.filled = n.share.epoch
	for _, h := range f.path {
		r := &n.resources[h.Resource]
		if r.slack {
			continue
		}
		r.crossers--
		r.pull -= h.Weight
		r.residual = max(0, r.residual-float64(rate*h.Weight))
	}
	n.setRate(id, rate)
}
