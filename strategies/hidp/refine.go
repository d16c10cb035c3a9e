package hidp

import (
	"slices"

	"hidp/workloads"
	"hidp/workloads/tensor"
)

// trials is how many forecasts refining one plan may take.
const trials = 40

// refine balances the shares of every stage of a plan, found in scope x, whose data is shared: shares in proportion to rates know
// nothing of transfers, halos and small strips. As long as the forecast improves, rows (or samples) go from the leaf that computes
// longest to another, as EdgeLD's OCBP does between devices, in steps that halve when they stop helping: first in all
// shared stages at once, then in one after the other. A leaf may lose all. The number of forecasts is limited.
func (c *choice) refine(x scope, stages []stage, score float64) {
	var shared []int
	for i := range stages {
		if len(stages[i].leaves) > 1 && !stages[i].leaves[0].part.Empty() {
			shared = append(shared, i)
		}
	}
	left := trials
	if len(shared) > 1 {
		stages, score = c.climb(x, stages, score, shared, &left)
	}
	for _, i := range shared {
		stages, score = c.climb(x, stages, score, []int{i}, &left)
	}
}

// climb moves data within the given stages, in all of them at once, as long as that helps.
func (c *choice) climb(x scope, stages []stage, score float64, which []int, left *int) ([]stage, float64) {
	for share := 8; share <= 64; share *= 2 {
		for better := true; better; {
			better = false
			for direction := range 2 {
				if *left--; *left < 0 {
					return stages, score
				}
				trial := slices.Clone(stages)
				for _, i := range which {
					trial[i] = c.shifted(x, &stages[i], share, direction)
				}
				if s, ok := c.consider(x, trial); ok && s < score {
					stages, score, better = trial, s, true
					break
				}
			}
		}
	}
	return stages, score
}

// shifted returns the stage with one in share of its data, but at least one row, moved from its slowest leaf to its fastest or, in
// direction 1, back.
func (c *choice) shifted(x scope, st *stage, share, direction int) stage {
	slow, fast, total := 0, 0, 0
	var times []float64
	for i, l := range st.leaves {
		total += l.part.Len()
		times = append(times, c.leafTime(x, st, l))
		if times[i] > times[slow] {
			slow = i
		}
		if times[i] < times[fast] {
			fast = i
		}
	}
	from, to := slow, fast
	if direction == 1 {
		from, to = fast, slow
	}
	if from == to {
		return *st
	}
	return st.shift(from, to, min(max(1, total/share), st.leaves[from].part.Len()))
}

// leafTime returns the time a leaf computes.
func (c *choice) leafTime(x scope, st *stage, l leaf) float64 {
	s := workloads.Slice{From: st.from, To: st.to, Out: c.p.r.Graph.Full(st.to-1, c.p.r.Batch)}
	if st.samples {
		s = c.p.r.Graph.Strip(s, tensor.Sample, l.part)
	} else {
		s, s.Halo = c.p.r.Graph.Strip(s, tensor.Row, l.part), x.data.halo
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
