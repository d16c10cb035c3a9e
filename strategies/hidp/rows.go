package hidp

import (
	"math"

	"hidp/workloads"
	"hidp/workloads/tensor"
)

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
		n := w.back.Span(i).Len()
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
	w.back.Start(t.c.g.Line(tensor.Row), t.c.at[end], rows, t.halo)
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
		seg.strips[m].bytes = t.c.part(in, walks[m].alone.back.Span(in).Len(), t.c.batch)
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
			need := back.Span(i)
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
