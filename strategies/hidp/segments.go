package hidp

import (
	"math"

	"hidp/devices"
	"hidp/workloads"
)

// curves are the seconds that every cluster takes from the start of the chain to every position, without invocations.
type curves struct {
	c     *chain
	costs *devices.Costs
	batch map[int][][][]float64 // samples → [node][cluster][position]
}

func newCurves(c *chain, costs *devices.Costs) *curves {
	return &curves{c: c, costs: costs, batch: map[int][][][]float64{}}
}

// of returns the curves for b samples.
func (x *curves) of(b int) [][][]float64 {
	if all, ok := x.batch[b]; ok {
		return all
	}
	all := make([][][]float64, len(x.costs.Platform.Nodes))
	for j := range all {
		for k := range x.costs.Platform.Nodes[j].Clusters {
			all[j] = append(all[j], x.c.prefix(x.costs, j, k, b))
		}
	}
	x.batch[b] = all
	return all
}

// run returns the time of one invocation of cluster k of node j for the whole rows of segment [s, e).
func (x *curves) run(j, k, s, e, b int) float64 {
	p := x.of(b)[j][k]
	return x.costs.Invoke(j, k) + (p[e] - p[s])
}

// walker follows one strip from the end of a segment towards its start and adds up its time on some clusters of a node.
type walker struct {
	back     workloads.Backprop
	node     int
	clusters []int
	seconds  []float64
	at       int // first layer walked
}

// down extends the walk to layer from.
func (w *walker) down(t *tier, from int) {
	w.back.Extend(from)
	for i := w.at - 1; i >= from; i-- {
		n := w.back.Rows(i).Len()
		for x, k := range w.clusters {
			w.seconds[x] += t.costs.Rows(w.node, k, i, n, t.c.batch)
		}
	}
	w.at = from
}

// newWalker starts a walk from position end, with one of the pool.
func (t *tier) newWalker(node int, clusters []int, end int, rows workloads.Range) *walker {
	var w *walker
	if n := len(t.pool); n > 0 {
		w, t.pool = t.pool[n-1], t.pool[:n-1]
	} else {
		w = new(walker)
	}
	w.node, w.clusters, w.at = node, clusters, t.c.at[end]
	w.seconds = append(w.seconds[:0], make([]float64, len(clusters))...)
	w.back.Start(t.c.g, t.c.at[end], rows, t.halo)
	for x, k := range clusters {
		w.seconds[x] = t.costs.Invoke(node, k)
	}
	return w
}

// stripper walks all ways in which one member may run its strip.
type stripper struct {
	alone *walker     // nil if the member has no rows
	sets  [][]*walker // nil walkers for clusters without rows
}

func (t *tier) strippers(v *shareout, e int) []stripper {
	out := make([]stripper, len(v.members))
	for m, rows := range v.own[e] {
		if rows.Empty() {
			continue
		}
		w := &t.ws[v.members[m]]
		out[m].alone = t.newWalker(w.node, w.alone, e, rows)
		for i := range w.sets {
			parts := make([]*walker, len(w.sets[i].clusters))
			for x, r := range subranges(rows, w.sets[i].weights) {
				if !r.Empty() {
					parts[x] = t.newWalker(w.node, w.sets[i].clusters[x:x+1], e, r)
				}
			}
			out[m].sets = append(out[m].sets, parts)
		}
	}
	return out
}

// fillRows prices all row segments of shareout v and reports whether any of them gains anything over its home alone. For one end it walks towards the input, and stops at a layer that forbids a row
// split or where recomputed halos have eaten the gain: twice running the slowest strip took as long as the home would alone.
func (t *tier) fillRows(v *shareout, longest int) bool {
	gains := false
	for e := 1; e <= t.c.end(); e++ {
		if t.c.kind[e] == pooled {
			t.fillGate(v, e)
		}
		if !t.c.stops[e] || t.c.kind[e] == gated || t.c.rows(e) < 2 {
			continue
		}
		walks := t.strippers(v, e)
		lost := 0
		for s := e - 1; s >= 0 && e-s <= longest && t.c.kind[s] != pooled && lost < 2; s-- {
			if !t.c.stops[s] {
				continue
			}
			barrier := false
			t.eachWalker(walks, func(w *walker) {
				w.down(t, t.c.at[s])
				barrier = barrier || w.back.Barrier()
			})
			if barrier {
				break
			}
			seg := t.rowSegment(v, walks, s)
			if seg.together.time >= t.unshared(v, s, e) {
				lost++
			} else {
				gains, lost = true, 0
			}
			t.store(v, s, e, seg)
		}
		t.eachWalker(walks, func(w *walker) { t.pool = append(t.pool, w) })
	}
	return gains
}

func (t *tier) eachWalker(walks []stripper, f func(*walker)) {
	for m := range walks {
		if walks[m].alone == nil {
			continue
		}
		f(walks[m].alone)
		for _, parts := range walks[m].sets {
			for _, w := range parts {
				if w != nil {
					f(w)
				}
			}
		}
	}
}

// unshared returns the time of segment [s, e) if the home of shareout v ran it alone.
func (t *tier) unshared(v *shareout, s, e int) float64 {
	best := math.Inf(1)
	for _, k := range t.ws[v.home].alone {
		best = min(best, t.curves.run(t.ws[v.home].node, k, s, e, t.c.batch))
	}
	return best
}

// store keeps a segment; those between that were not priced are impossible.
func (t *tier) store(v *shareout, s, e int, seg segment) {
	for len(v.segs[s]) < e-s {
		v.segs[s] = append(v.segs[s], segment{})
	}
	v.segs[s][e-s-1] = seg
}

// rowSegment prices the segment whose walks have come down to position s.
func (t *tier) rowSegment(v *shareout, walks []stripper, s int) segment {
	seg := segment{possible: true, strips: t.newStrips(len(walks))}
	in := t.c.at[s] - 1
	for m := range walks {
		if walks[m].alone == nil {
			continue
		}
		w := &t.ws[v.members[m]]
		seg.strips[m] = t.cheapest(w, &walks[m])
		seg.strips[m].bytes = t.c.part(in, walks[m].alone.back.Rows(in).Len(), t.c.batch)
	}
	seg.together = t.atOnce(v, seg.strips)
	if s > 0 {
		seg.halo = t.haloes(v, walks, s, seg.strips)
	}
	return seg
}

// newStrips returns n strips out of a larger allocation.
func (t *tier) newStrips(n int) []strip {
	if len(t.spare) < n {
		t.spare = make([]strip, 64*n)
	}
	out := t.spare[:n:n]
	t.spare = t.spare[n:]
	return out
}

// cheapest returns the fastest way in which a worker can run its strip.
func (t *tier) cheapest(w *worker, x *stripper) strip {
	n := &t.costs.Platform.Nodes[w.node]
	best := strip{cost: impossible}
	for i, k := range w.alone {
		if s := x.alone.seconds[i]; s < best.cost.time {
			best = strip{cost: cost{s, float64(s * n.Clusters[k].ActivePower)}, option: i, mask: n.Clusters[k].Mask}
		}
	}
	for i := range w.sets {
		times := make([]float64, len(w.sets[i].clusters))
		var mask uint32
		for p, part := range x.sets[i] {
			if part != nil {
				times[p] = part.seconds[0]
				mask |= n.Clusters[w.sets[i].clusters[p]].Mask
			}
		}
		if end := coRun(n, w.sets[i].clusters, times); end < best.cost.time {
			best = strip{cost: cost{time: end}, option: len(w.alone) + i, mask: mask}
			for p, k := range w.sets[i].clusters {
				best.cost.energy += float64(times[p] * n.Clusters[k].ActivePower)
			}
		}
	}
	return best
}

// atOnce returns the cost of all strips begun at once.
func (t *tier) atOnce(v *shareout, strips []strip) cost {
	total := cost{}
	if !t.onChip {
		for i := range strips {
			total.time = max(total.time, strips[i].cost.time)
			total.energy += strips[i].cost.energy
		}
		return total
	}
	n := &t.costs.Platform.Nodes[t.ws[0].node]
	times, clusters := make([]float64, len(strips)), make([]int, len(strips))
	for i := range strips {
		times[i], clusters[i] = strips[i].cost.time, t.ws[v.members[i]].alone[0]
	}
	total.time = coRun(n, clusters, times)
	for i, k := range clusters {
		total.energy += float64(times[i] * n.Clusters[k].ActivePower)
	}
	return total
}

// haloes prices what members lack of the segment's inputs when the tensors lie spread by the same shareout, and notes for every
// strip from whom it gets it and how long that takes.
func (t *tier) haloes(v *shareout, walks []stripper, s int, strips []strip) cost {
	t.messages, t.receiver = t.messages[:0], t.receiver[:0]
	for m := range walks {
		if walks[m].alone == nil {
			continue
		}
		back := &walks[m].alone.back
		for i := back.Lowest(); i < t.c.at[s]; i++ {
			need := back.Rows(i)
			if need.Empty() || t.c.g.Rows(i) == 1 {
				continue
			}
			own := v.own[s]
			if i != t.c.at[s]-1 {
				own = v.ranges(t.c, i)
			}
			for o, r := range own {
				if x := r.Intersect(need); o != m && !x.Empty() {
					t.messages = append(t.messages, message{v.members[o], v.members[m], t.c.part(i, x.Len(), t.c.batch)})
					t.receiver = append(t.receiver, m)
					strips[m].sources |= 1 << o
				}
			}
		}
	}
	for len(t.arrival) < len(t.messages) {
		t.arrival = append(t.arrival, 0)
	}
	c := t.link.carry(t.messages, t.arrival)
	for i, m := range t.receiver {
		strips[m].halo = max(strips[m].halo, t.arrival[i])
	}
	return c
}

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

// fillSamples prices all segments of a shareout of samples.
func (t *tier) fillSamples(v *shareout) {
	for s := 0; s < t.c.end(); s++ {
		for e := s + 1; e <= t.c.end(); e++ {
			if t.c.kind[s] != boundary || t.c.kind[e] != boundary || !t.c.stops[s] || !t.c.stops[e] {
				continue
			}
			seg := segment{possible: true, strips: make([]strip, len(v.members))}
			for m, r := range v.own[s] {
				if !r.Empty() {
					seg.strips[m] = t.sampleStrip(&t.ws[v.members[m]], s, e, r)
					seg.strips[m].bytes = v.out[s][m]
				}
			}
			seg.together = t.atOnce(v, seg.strips)
			t.store(v, s, e, seg)
		}
	}
}

// sampleStrip returns the fastest way in which a worker can run its samples of segment [s, e).
func (t *tier) sampleStrip(w *worker, s, e int, r workloads.Range) strip {
	n := &t.costs.Platform.Nodes[w.node]
	best := strip{cost: impossible}
	for i, k := range w.alone {
		if x := t.curves.run(w.node, k, s, e, r.Len()); x < best.cost.time {
			best = strip{cost: cost{x, float64(x * n.Clusters[k].ActivePower)}, option: i, mask: n.Clusters[k].Mask}
		}
	}
	for i := range w.sets {
		times := make([]float64, len(w.sets[i].clusters))
		var mask uint32
		for p, part := range subranges(r, w.sets[i].weights) {
			if k := w.sets[i].clusters[p]; !part.Empty() {
				times[p] = t.curves.run(w.node, k, s, e, part.Len())
				mask |= n.Clusters[k].Mask
			}
		}
		if end := coRun(n, w.sets[i].clusters, times); end < best.cost.time {
			best = strip{cost: cost{time: end}, option: len(w.alone) + i, mask: mask}
			for p, k := range w.sets[i].clusters {
				best.cost.energy += float64(times[p] * n.Clusters[k].ActivePower)
			}
		}
	}
	return best
}
