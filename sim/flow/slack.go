package flow

// A resource that many flows cross and that they seldom fill, such as the backbone between thousands of sites, would tie them all
// into one component, though it decides nothing. Relax has it left out of the sharing as long as it is slack: as long as the rates
// that flows get without it fit into it. This is exact. Rates that are max-min fair without a resource and do not exceed it are
// max-min fair with it, for every flow keeps the full resource that holds it back. Where they do exceed it, it becomes tight: the
// rates are computed again with it, until no slack resource is exceeded.
//
// How full a resource is, is kept as a whole number, so that it does not depend on the order in which flows came and went.

const (
	full      = int64(1) << 42 // the level of a resource without capacity left
	overfull  = full + full>>32
	mostLevel = 2 * full       // of one flow; it leaves room for a million of them
	loosens   = full - full>>4 // a tight resource below this level becomes slack again: not at once, lest it goes to and fro
	unitScale = float64(1 << 42)
)

// slackness is what a network keeps at a resource that was relaxed.
type slackness struct {
	relaxed bool
	slack   bool    // left out of the sharing at present
	level   int64   // sum over its flows of rate × weight, in units of capacity / full
	unit    float64 // full / capacity
	alone   int32   // crossings by flows that cross nothing but relaxed resources; it must not be slack for them
}

// Relax says that resource r is one that is seldom full, though many flows cross it. It changes no rate, but what a change costs:
// as long as r could not be filled it does not connect its flows. It must be called before the first Start.
func (n *Network) Relax(r int32) {
	if n.order > 0 {
		panic("flow: a resource is relaxed after the first flow has started")
	}
	x := &n.resources[r]
	x.slackness = slackness{relaxed: true, unit: unitScale / x.capacity, slack: x.capacity > 0}
	n.relaxes = true
	if !x.slack {
		n.tight = append(n.tight, r)
	}
}

// enter notes whether a flow crosses relaxed resources, and makes tight what cannot be slack for it.
func (n *Network) enter(f *flow) {
	n.classify(f)
	if !f.alone {
		return
	}
	for _, h := range f.path {
		n.resources[h.Resource].alone++
		n.tighten(h.Resource)
	}
}

// classify sets f.shared and f.alone.
func (n *Network) classify(f *flow) {
	crossed := 0
	for _, h := range f.path {
		if n.resources[h.Resource].relaxed {
			crossed++
		}
	}
	f.shared, f.alone = crossed > 0, crossed > 0 && crossed == len(f.path)
}

// exit is the reverse of enter.
func (n *Network) exit(f *flow) {
	n.relevel(f, 0)
	if f.alone {
		for _, h := range f.path {
			n.resources[h.Resource].alone--
		}
	}
}

// relevel counts that a flow changes its rate.
func (n *Network) relevel(f *flow, rate float64) {
	for _, h := range f.path {
		r := &n.resources[h.Resource]
		if !r.relaxed {
			continue
		}
		r.level += r.units(float64(rate*h.Weight)) - r.units(float64(f.rate*h.Weight))
		if r.slack && r.level > overfull {
			n.over = append(n.over, h.Resource)
		}
	}
}

// units returns what a flow that uses the given bytes/s of a resource adds to its level.
func (s *slackness) units(use float64) int64 {
	if use == 0 {
		return 0
	}
	return int64(min(use*s.unit, float64(mostLevel)))
}

// tighten makes a slack resource part of the sharing.
func (n *Network) tighten(r int32) {
	if x := &n.resources[r]; x.slack {
		x.slack = false
		n.tight = append(n.tight, r)
		n.touch(r)
	}
}

// resize takes in that a relaxed resource has another capacity.
func (n *Network) resize(r int32) {
	n.measure(r)
	if x := &n.resources[r]; x.capacity == 0 || x.level > overfull {
		n.tighten(r)
	}
}

// measure works out the level of a relaxed resource.
func (n *Network) measure(r int32) {
	x := &n.resources[r]
	x.unit, x.level = unitScale/x.capacity, 0
	for _, m := range x.members {
		f := &n.flows[m.flow]
		x.level += x.units(float64(f.rate * f.path[m.hop].Weight))
	}
}

// restoreSlack works out what a State does not say of relaxed resources.
func (n *Network) restoreSlack() {
	for i := range n.flows {
		f := &n.flows[i]
		if !f.active {
			continue
		}
		if n.classify(f); f.alone {
			for _, h := range f.path {
				n.resources[h.Resource].alone++
			}
		}
	}
	for r := range n.resources {
		if x := &n.resources[r]; x.relaxed {
			n.relaxes = true
			n.measure(int32(r))
			if !x.slack {
				n.tight = append(n.tight, int32(r))
			}
		}
	}
}

// balance makes tight what the rates exceed, until they exceed nothing, and slack what has become free.
func (n *Network) balance() {
	for len(n.over) > 0 {
		r := n.over[len(n.over)-1]
		n.over = n.over[:len(n.over)-1]
		if x := &n.resources[r]; x.slack && x.level > overfull {
			n.tighten(r)
			n.shareDirty()
		}
	}
	kept := n.tight[:0]
	for _, r := range n.tight {
		x := &n.resources[r]
		if x.alone > 0 || x.capacity == 0 || x.level >= loosens {
			kept = append(kept, r)
		} else {
			x.slack = true
		}
	}
	n.tight = kept
}
