package optchain

import "math"

// step is the best way to have computed some blocks, the last of them on a given device.
type step struct {
	time   float64
	before int // the device of the block before; start for none
}

// start stands for the device before the first block.
const start = -1

// latency returns the runs of the shortest path from the input at the leader to the output at the leader, or nil if there is none.
func (c *chain) latency() []run {
	steps := c.viterbi(0, len(c.blocks), func(d int) float64 { return c.transfer(c.r.Leader, c.devices[d].node, 0) }, nil)
	return c.trace(steps, 0, len(c.blocks), func(d int) float64 { return c.transfer(c.devices[d].node, c.r.Leader, len(c.blocks)) })
}

// viterbi runs the shortest path over blocks [from, to): enter is the cost to bring the tensor in front of them to a device. Only
// the given devices take part; nil means all.
func (c *chain) viterbi(from, to int, enter func(d int) float64, only []int) [][]step {
	if only == nil {
		for d := range c.devices {
			only = append(only, d)
		}
	}
	steps := make([][]step, to-from)
	for i := range steps {
		steps[i] = make([]step, len(c.devices))
		for d := range steps[i] {
			steps[i][d] = step{math.Inf(1), start}
		}
		for _, d := range only {
			block := c.compute(d, from+i, from+i+1)
			if i == 0 {
				steps[i][d].time = math.Max(enter(d), c.free[d]) + block
				continue
			}
			for _, u := range only {
				t := math.Max(steps[i-1][u].time+c.move(u, d, from+i), c.free[d]) + block
				if u == d { // the same slice goes on
					t = steps[i-1][u].time + (c.total[d][from+i+1] - c.total[d][from+i])
				}
				if t < steps[i][d].time {
					steps[i][d] = step{t, u}
				}
			}
		}
	}
	return steps
}

// trace returns the runs of the best path that ends at block to, with the cost leave added at its end.
func (c *chain) trace(steps [][]step, from, to int, leave func(d int) float64) []run {
	best, at := math.Inf(1), start
	for d := range c.devices {
		if t := steps[to-from-1][d].time + leave(d); t < best {
			best, at = t, d
		}
	}
	if at == start {
		return nil
	}
	var out []run
	for i := to - 1; i >= from; i-- {
		if n := len(out); n > 0 && out[n-1].device == at {
			out[n-1].from = i
		} else {
			out = append(out, run{at, i, i + 1})
		}
		at = steps[i-from][at].before
	}
	for i, k := 0, len(out)-1; i < k; i, k = i+1, k-1 {
		out[i], out[k] = out[k], out[i]
	}
	return out
}
