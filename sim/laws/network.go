package laws

import (
	"math"
	"slices"
	"time"

	"hidp/sim/trace"
)

// messages: the parts of a message's way that are not transmission take what the nodes and the path say.
func (c *checker) messages() {
	for i := range c.t.Transfers {
		x := &c.t.Transfers[i]
		path := c.p.Network.Paths[x.From][x.To]
		if x.Wasted {
			continue
		}
		if got, want := x.Start-x.Ready, c.p.Nodes[x.From].Message; got != want {
			c.brokenf("request %d op %d: took %v to prepare, should take %v", x.Request, x.Op, got, want)
		}
		got, want := x.Arrive-x.End, path.Latency+c.p.Nodes[x.To].Message
		if got < want || got > want && path.Jitter == 0 {
			c.brokenf("request %d op %d: took %v after its last byte, should take %v", x.Request, x.Op, got, want)
		}
	}
}

// rates: if at every moment the transfers that are on the network share it max-min fairly, each has moved its bytes when it ends.
// As these rates never exceed a resource's capacity, no more bytes cross it than it can carry.
func (c *checker) rates() {
	list := slices.Clone(c.t.Transfers)
	var times []time.Duration
	for _, x := range list {
		times = append(times, x.Start, x.End)
	}
	slices.Sort(times)
	times = slices.Compact(times)
	slices.SortStableFunc(list, func(a, b trace.Transfer) int { return int(a.Start - b.Start) })
	moved := make([]float64, len(list))
	slack := make([]float64, len(list)) // what the rounding of ends to nanoseconds may hide
	var active []int
	next := 0
	for i := 1; i < len(times); i++ {
		for ; next < len(list) && list[next].Start <= times[i-1]; next++ {
			active = append(active, next)
		}
		active = slices.DeleteFunc(active, func(k int) bool { return list[k].End <= times[i-1] })
		for n, rate := range c.share(list, active) {
			k := active[n]
			moved[k] += rate * float64(times[i]-times[i-1])
			slack[k] += 1.01 * c.lone(&list[k])
		}
	}
	for k, x := range list {
		if d := moved[k] - float64(x.Bytes); !x.Wasted && math.Abs(d) > slack[k]+1e-6*float64(x.Bytes) {
			c.brokenf("request %d op %d: %d bytes from node %d to %d between %v and %v: fair rates move %.1f more", x.Request, x.Op, x.Bytes, x.From, x.To, x.Start, x.End, d)
		}
	}
}

// lone returns the bytes per nanosecond of a transfer that is alone.
func (c *checker) lone(x *trace.Transfer) float64 {
	return c.p.Network.Goodput(int(x.From), int(x.To)) * 1e-9
}

// share returns the max-min fair rates of the active transfers in bytes per nanosecond: the most crowded resource gives its
// transfers equal rates, and the rest share what is left (Bertsekas and Gallager, Data Networks, §6.5.2).
func (c *checker) share(list []trace.Transfer, active []int) []float64 {
	rates := make([]float64, len(active))
	fixed := make([]bool, len(active))
	left := make([]float64, len(c.p.Network.Resources))
	for r := range left {
		left[r] = c.p.Network.Resources[r].Capacity * 1e-9
	}
	for {
		level, tight := math.Inf(1), -1
		demand := make([]float64, len(left))
		for n, k := range active {
			for _, h := range c.p.Network.Paths[list[k].From][list[k].To].Hops {
				if !fixed[n] {
					demand[h.Resource] += h.Weight
				}
			}
		}
		for r := range demand {
			if demand[r] > 0 && left[r]/demand[r] < level {
				level, tight = left[r]/demand[r], r
			}
		}
		if tight < 0 {
			return rates
		}
		for n, k := range active {
			hops := c.p.Network.Paths[list[k].From][list[k].To].Hops
			crosses := false
			for _, h := range hops {
				crosses = crosses || h.Resource == tight
			}
			if fixed[n] || !crosses {
				continue
			}
			fixed[n], rates[n] = true, level
			for _, h := range hops {
				left[h.Resource] = math.Max(0, left[h.Resource]-level*h.Weight)
			}
		}
	}
}
