package flow

import (
	"math"

	"hidp/internal/lines"
)

// binds reports whether a flow ties the resources that it crosses to others, or to a limit. A relaxed resource has no pool.
func (f *flow) binds() bool { return len(f.path) > 1 || !math.IsInf(f.limit, 1) || f.shared }

// attach enters a flow at the resources of its path.
func (n *Network) attach(id FlowID) {
	f := &n.flows[id]
	f.places = f.places[:0]
	if n.relaxes {
		n.enter(f)
	}
	binds := f.binds()
	for i, h := range f.path {
		r := &n.resources[h.Resource]
		n.touch(h.Resource)
		if binds {
			if r.binding == 0 {
				n.dissolve(h.Resource)
			}
			r.binding++
		} else if r.binding == 0 {
			n.join(r, id)
			return
		}
		f.places = lines.Append(f.places, int32(len(r.members)))
		r.members = lines.Append(r.members, member{id, int32(i)})
	}
}

// detach is the reverse of attach.
func (n *Network) detach(id FlowID) {
	f := &n.flows[id]
	if f.shared {
		n.exit(f)
	}
	binds := f.binds()
	for i, h := range f.path {
		r := &n.resources[h.Resource]
		n.touch(h.Resource)
		last := len(r.members) - 1
		moved := r.members[last]
		r.members[f.places[i]] = moved
		n.flows[moved.flow].places[moved.hop] = f.places[i]
		r.members = r.members[:last]
		if binds {
			if r.binding--; r.binding == 0 {
				n.gather(h.Resource)
			}
		}
	}
}
