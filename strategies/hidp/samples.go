package hidp

import "hidp/workloads"

// fillSamples prices all segments of a shareout of samples.
func (t *tier) fillSamples(v *shareout) {
	for s := 0; s < t.c.end(); s++ {
		for e := s + 1; e <= t.c.end(); e++ {
			if t.c.kind[s] != boundary || t.c.kind[e] != boundary {
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
