package hidp

import (
	"slices"

	"hidp/workloads"
)

// refine balances the shares of every stage of a plan, found in scope x, whose data is shared: shares in proportion to rates know
// nothing of transfers, halos and small strips. As long as the forecast improves, rows (or samples) go from the leaf that computes
// longest to another, as EdgeLD's OCBP does between devices, in steps that halve when they stop helping. A leaf may lose all.
func (c *choice) refine(x scope, stages []stage, score float64) {
	for i := range stages {
		if len(stages[i].leaves) < 2 || stages[i].leaves[0].part.Empty() {
			continue
		}
		total := 0
		for _, l := range stages[i].leaves {
			total += l.part.Len()
		}
		for step := max(1, total/8); step > 0; step /= 2 {
			better := true
			for better {
				better = false
				for _, next := range c.shifts(x, &stages[i], step) {
					trial := slices.Clone(stages)
					trial[i] = next
					if s, ok := c.consider(x, trial); ok && s < score {
						stages, score, better = trial, s, true
						break
					}
				}
			}
		}
	}
}

// shifts returns the stage with some rows moved from its slowest leaf to its fastest, and from its fastest to its slowest.
func (c *choice) shifts(x scope, st *stage, step int) []stage {
	slow, fast := 0, 0
	var times []float64
	for i, l := range st.leaves {
		times = append(times, c.leafTime(x, st, l))
		if times[i] > times[slow] {
			slow = i
		}
		if times[i] < times[fast] {
			fast = i
		}
	}
	var out []stage
	for _, move := range [][2]int{{slow, fast}, {fast, slow}} {
		if n := min(step, st.leaves[move[0]].part.Len()); move[0] != move[1] && n > 0 {
			out = append(out, st.shift(move[0], move[1], n))
		}
	}
	return out
}

// leafTime returns the time a leaf computes.
func (c *choice) leafTime(x scope, st *stage, l leaf) float64 {
	s := workloads.Slice{From: st.from, To: st.to, Region: c.p.r.Graph.Full(st.to-1, c.p.r.Batch)}
	if st.samples {
		s.Region.Samples = l.part
	} else {
		s.Region.Rows, s.Halo = l.part, x.data.halo
	}
	return c.p.costs.Slice(l.node, l.cluster, s).Seconds()
}

// shift returns the stage with n rows moved from leaf a to leaf b, the parts laid out anew.
func (st *stage) shift(a, b, n int) stage {
	out := *st
	out.leaves = nil
	at := st.leaves[0].part.Lo
	for i, l := range st.leaves {
		size := l.part.Len()
		switch i {
		case a:
			size -= n
		case b:
			size += n
		}
		if size > 0 {
			l.part = workloads.Range{Lo: at, Hi: at + size}
			out.leaves = append(out.leaves, l)
		}
		at += size
	}
	return out
}
