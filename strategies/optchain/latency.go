package optchain

import "math"

// step is the best way to have computed some blocks, the last run of them on a given device.
type step struct {
	time   float64
	from   int // where the last run starts
	before int // the device of the run before; start for none
}

// start stands for the device before the first block.
const start = -1

// latency returns the runs of the shortest path from the input at the leader to the output at the leader, or nil if there is none.
func (c *chain) latency() []run {
	steps := c.viterbi(0, len(c.blocks), func(d int) float64 { return c.transfer(c.r.Leader, c.devices[d].node, 0) }, c.all())
	return c.trace(steps, 0, len(c.blocks), func(d int) float64 { return c.transfer(c.devices[d].node, c.r.Leader, len(c.blocks)) })
}

// all returns every device.
func (c *chain) all() []int {
	all := make([]int, len(c.devices))
	for d := range all {
		all[d] = d
	}
	return all
}

// viterbi finds the shortest paths over blocks [from, to) on some devices: enter is the cost to bring the tensor in front of them
// to a device. Element i of the result is about the first i+1 blocks.
func (c *chain) viterbi(from, to int, enter func(d int) float64, devices []int) [][]step {
	steps := make([][]step, to-from)
	for i := range steps {
		steps[i] = make([]step, len(c.devices))
		for d := range steps[i] {
			steps[i][d].time = math.Inf(1)
		}
	}
	for s := from; s < to; s++ {
		for _, d := range devices {
			at := step{from: s, before: start}
			if s == from {
				at.time = enter(d)
			} else {
				at.time, at.before = c.arrive(steps[s-from-1], d, s, devices)
			}
			begin := math.Max(at.time, c.free[d])
			for e := s; e < to && !math.IsInf(begin, 1); e++ {
				if at.time = begin + c.compute(d, s, e+1); at.time < steps[e-from][d].time {
					steps[e-from][d] = at
				}
			}
		}
	}
	return steps
}

// arrive returns when the tensor in front of block i, computed elsewhere as steps say, can be at device d, and where it comes from.
func (c *chain) arrive(steps []step, d, i int, devices []int) (float64, int) {
	best, before := math.Inf(1), start
	for _, u := range devices {
		if u != d && steps[u].time < best {
			if t := steps[u].time + c.move(u, d, i); t < best {
				best, before = t, u
			}
		}
	}
	return best, before
}

// trace returns the runs of the best path that ends at block to, with the cost leave added at its end.
func (c *chain) trace(steps [][]step, from, to int, leave func(d int) float64) []run {
	best, at := math.Inf(1), start
	for d := range c.devices {
		if t := steps[to-from-1][d].time + leave(d); t < best {
			best, at = t, d
		}
	}
	var out []run
	for i := to; at != start; {
		s := steps[i-from-1][at]
		out = append(out, run{at, s.from, i})
		i, at = s.from, s.before
	}
	for i, k := 0, len(out)-1; i < k; i, k = i+1, k-1 {
		out[i], out[k] = out[k], out[i]
	}
	return out
}
