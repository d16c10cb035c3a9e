package hidp

// fillGate prices the gate behind position p: partial sums to one member and its answer to the others, or all sums to everyone.
func (t *tier) fillGate(v *shareout, p int) {
	sums, answer := t.c.part(t.c.at[p]-1, 1, t.c.batch), t.c.part(t.c.at[p+1]-1, 1, t.c.batch)
	best := segment{halo: impossible}
	var all, in, out []message
	slowest := cost{}
	for o, w := range v.members {
		if v.own[p][o].Empty() {
			continue
		}
		c := t.gateCost(w, p)
		slowest = cost{max(slowest.time, c.time), slowest.energy + c.energy}
		in, out = in[:0], out[:0]
		for m, u := range v.members {
			if m != o && !v.own[p][m].Empty() {
				in, out = append(in, message{u, w, sums}), append(out, message{w, u, answer})
			}
		}
		all = append(all, in...)
		if c = c.plus(t.link.carry(in, nil)).plus(t.link.carry(out, nil)); c.time < best.halo.time {
			best = segment{possible: true, halo: c, gate: o}
		}
	}
	if c := slowest.plus(t.link.carry(all, nil)); !t.onChip && c.time < best.halo.time {
		best = segment{possible: true, halo: c, gate: everyone}
	}
	if best.possible {
		best.strips = make([]strip, len(v.members))
		t.store(v, p, p+1, best)
	}
}

// gateCost returns the cost of the gate behind position p at worker w.
func (t *tier) gateCost(w, p int) cost {
	k := t.gateCluster(w, p)
	j := t.ws[w].node
	s := t.curves.run(j, k, p, p+1, t.c.batch)
	return cost{s, float64(s * t.costs.Platform.Nodes[j].Clusters[k].ActivePower)}
}

// gateCluster returns the cluster of worker w that is fastest for the gate behind position p.
func (t *tier) gateCluster(w, p int) int {
	x := &t.ws[w]
	best := x.alone[0]
	for _, k := range x.alone[1:] {
		if t.curves.run(x.node, k, p, p+1, t.c.batch) < t.curves.run(x.node, best, p, p+1, t.c.batch) {
			best = k
		}
	}
	return best
}
