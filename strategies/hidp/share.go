package hidp

import (
	"cmp"
	"slices"

	"hidp/devices"
	"hidp/strategies/split"
	"hidp/workloads"
)

// worker is who can take a part of the work at one tier: a node in the global tier, one core cluster in the local one. What a
// node is given it runs on one of its clusters alone, or on a set of them that share the data once more.
type worker struct {
	node  int
	alone []int // clusters
	sets  []set
}

// set is clusters of one node, no physical cluster twice, and their shares of the node's data.
type set struct {
	clusters []int
	weights  []float64
}

// shareout is a way to share the data of a segment between workers: rows of the feature maps or samples of the batch, in
// proportion to the weights. It is what the paper calls data partitioning at one tier.
type shareout struct {
	sharing
	samples bool

	own  [][]workloads.Range // [position][member]: what a member holds of the tensor there
	out  [][]int64           // [position][member]: its bytes
	segs [][]segment         // [from][to-from-1]
}

// segment is a stretch of the chain run in a shareout.
type segment struct {
	possible bool
	strips   []strip // by member
	together cost    // of all strips begun at once, their inputs there
	halo     cost    // of what members lack of the input if the segment before was shared likewise
	gate     int     // in front of a gate: the member that computes it, or everyone
}

// everyone says that every member computes the gate for itself.
const everyone = -1

// strip is one member's part of a segment.
type strip struct {
	bytes  int64 // of the input it needs
	cost   cost
	option int    // how the member's node runs it: index into worker.alone, then worker.sets
	mask   uint32 // physical clusters it keeps busy

	halo    float64 // seconds that what it lacks takes to come, if the segment before was shared likewise
	sources uint64  // the members it comes from
}

// newShareout prepares what does not depend on segments.
func newShareout(c *chain, s sharing, samples bool) *shareout {
	v := &shareout{sharing: s, samples: samples}
	n := c.end() + 1
	v.segs = make([][]segment, n)
	v.own, v.out = make([][]workloads.Range, n), make([][]int64, n)
	for p := range n {
		v.own[p] = v.ranges(c, c.at[p]-1)
		v.out[p] = make([]int64, len(v.members))
		for m, r := range v.own[p] {
			if samples {
				v.out[p][m] = c.part(c.at[p]-1, c.rows(p), r.Len())
			} else {
				v.out[p][m] = c.part(c.at[p]-1, r.Len(), c.batch)
			}
		}
	}
	return v
}

// ranges returns the members' parts of tensor i.
func (v *shareout) ranges(c *chain, i int) []workloads.Range {
	if v.samples {
		return split.Ranges(c.batch, v.weights)
	}
	return split.Ranges(c.g.Rows(i), v.weights)
}

// coRun returns when each of several clusters of node n finishes, all started at once with the given times alone: while others
// are at work, each runs at its slower shared speed. Times are overwritten.
func coRun(n *devices.Node, clusters []int, times []float64) float64 {
	if len(clusters) == 1 {
		return times[0]
	}
	left := make([]float64, len(times))
	copy(left, times)
	now := 0.0
	for {
		var busy uint32
		for i, k := range clusters {
			if left[i] > 0 {
				busy |= n.Clusters[k].Mask
			}
		}
		if busy == 0 {
			return now
		}
		step := -1.0
		for i, k := range clusters {
			if left[i] > 0 {
				if end := left[i] / n.Speed(k, busy); step < 0 || end < step {
					step = end
				}
			}
		}
		for i, k := range clusters {
			if left[i] > 0 {
				left[i] -= float64(step * n.Speed(k, busy))
				if left[i] <= 1e-12 {
					left[i] = 0
					times[i] = now + step
				}
			}
		}
		now += step
	}
}

// clusterSets returns the sets of two or more clusters of a node that together are faster than its best cluster alone, at most
// three, the fastest first. Rate is that of every cluster alone; shares follow the rates while all work (contention).
func clusterSets(n *devices.Node, rate []float64) []set {
	type ranked struct {
		set
		total float64
	}
	var all []ranked
	best := 0.0
	for _, r := range rate {
		best = max(best, r)
	}
	var grow func(k int, mask uint32, chosen []int)
	grow = func(k int, mask uint32, chosen []int) {
		if k == len(n.Clusters) {
			if len(chosen) > 1 {
				s := set{clusters: slices.Clone(chosen)}
				total := 0.0
				for _, c := range chosen {
					w := rate[c] * n.Speed(c, mask)
					s.weights = append(s.weights, w)
					total += w
				}
				if total > best {
					all = append(all, ranked{s, total})
				}
			}
			return
		}
		grow(k+1, mask, chosen)
		if m := n.Clusters[k].Mask; mask&m == 0 {
			grow(k+1, mask|m, append(chosen, k))
		}
	}
	grow(0, 0, nil)
	slices.SortStableFunc(all, func(a, b ranked) int { return cmp.Compare(b.total, a.total) })
	var out []set
	for _, r := range all[:min(len(all), 3)] {
		out = append(out, r.set)
	}
	return out
}

// nodeSets returns the sets of nodes worth sharing between, by their aggregate rates: the k fastest, and the leader with the
// k-1 fastest others.
func nodeSets(rate []float64, leader int) [][]int {
	order := make([]int, 0, len(rate))
	for j, r := range rate {
		if r > 0 {
			order = append(order, j)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(rate[b], rate[a]) })
	var out [][]int
	for k := 2; k <= len(order); k++ {
		fastest := slices.Clone(order[:k])
		out = append(out, fastest)
		if !slices.Contains(fastest, leader) && slices.Contains(order, leader) {
			out = append(out, append([]int{leader}, order[:k-1]...))
		}
	}
	return out
}

// subranges shares range r by the weights.
func subranges(r workloads.Range, weights []float64) []workloads.Range {
	out := split.Ranges(r.Len(), weights)
	for i := range out {
		out[i].Lo += r.Lo
		out[i].Hi += r.Lo
	}
	return out
}
