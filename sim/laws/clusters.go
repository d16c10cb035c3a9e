package laws

import (
	"cmp"
	"slices"
	"time"

	"hidp/sim/trace"
)

// on returns the computes of node j in the order of its queues: by readiness, then request, then op.
func (c *checker) on(j int) []trace.Compute {
	var list []trace.Compute
	for _, x := range c.t.Computes {
		if int(x.Node) == j {
			list = append(list, x)
		}
	}
	slices.SortFunc(list, func(a, b trace.Compute) int {
		return cmp.Or(cmp.Compare(a.Ready, b.Ready), cmp.Compare(a.Request, b.Request), cmp.Compare(a.Op, b.Op))
	})
	return list
}

// queues: an op starts at the very moment when it is ready and everything that entered the queue of any of its physical clusters
// before it has ended. In one sentence this is exclusive use, first come first served, and no idling while there is work.
func (c *checker) queues(j int) {
	free := make([]time.Duration, c.p.Nodes[j].Physical) // when what entered so far has ended
	for _, x := range c.on(j) {
		want := x.Ready
		mask := c.p.Nodes[j].Clusters[x.Cluster].Mask
		for k := range free {
			if mask>>k&1 != 0 {
				want = max(want, free[k])
			}
		}
		if x.Start != want {
			c.brokenf("node %d cluster %d: request %d op %d, ready at %v, started at %v instead of %v", j, x.Cluster, x.Request, x.Op, x.Ready, x.Start, want)
		}
		for k := range free {
			if mask>>k&1 != 0 {
				free[k] = x.End
			}
		}
	}
}

// speeds: over the time an op runs, the speeds that its neighbours leave it add up to its work.
func (c *checker) speeds(j int) {
	node := &c.p.Nodes[j]
	list := c.on(j)
	for _, x := range list {
		if x.Wasted {
			continue // it may have been cut short
		}
		times := []time.Duration{x.Start, x.End}
		for _, y := range list {
			for _, t := range [2]time.Duration{y.Start, y.End} {
				if t > x.Start && t < x.End {
					times = append(times, t)
				}
			}
		}
		slices.Sort(times)
		done := 0.0
		for i := 1; i < len(times); i++ {
			var mask uint32
			for _, y := range list {
				if y.Start <= times[i-1] && times[i] <= y.End && y.Start < y.End {
					mask |= node.Clusters[y.Cluster].Mask
				}
			}
			done += node.Speed(int(x.Cluster), mask) * float64(times[i]-times[i-1])
		}
		if d := done - float64(x.Work); d < -0.01 || d > 1.01 { // its end was rounded up to a nanosecond
			c.brokenf("node %d cluster %d: request %d op %d of %v work did %.3f ns too much", j, x.Cluster, x.Request, x.Op, x.Work, d)
		}
	}
}
