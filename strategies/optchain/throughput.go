package optchain

import (
	"math"
	"math/bits"
)

// throughput returns the runs of the pipeline with the smallest bottleneck, stage or transfer, in which no physical cluster is used
// twice; nil if the leader reaches nobody. Ties go to the lower sum. That clusters of one node slow each other down is left out.
func (c *chain) throughput() []run {
	t := &pipeline{chain: c, bound: math.Inf(1), seen: map[state]float64{}}
	t.offsets()
	t.order = c.fastest()
	t.extend(0, 0, start, 0, nil)
	return t.best
}

// pipeline is a branch-and-bound over (blocks done, clusters used, last device).
type pipeline struct {
	*chain
	offset []int // first bit of every node's physical clusters
	order  []int // devices, the fastest first
	bound  float64
	best   []run
	seen   map[state]float64 // the smallest bottleneck with which a state was reached
}

type state struct {
	done, last int
	used       uint64
}

func (t *pipeline) offsets() {
	at := 0
	for j := range t.b.Platform.Nodes {
		t.offset = append(t.offset, at)
		at += t.b.Platform.Nodes[j].Physical
	}
}

// fastest returns at most twelve devices, the fastest for the whole chain first.
func (c *chain) fastest() []int {
	var order []int
	for d := range c.devices {
		order = append(order, d)
	}
	n := len(c.blocks)
	for i := 1; i < len(order); i++ {
		for k := i; k > 0 && c.compute(order[k], 0, n) < c.compute(order[k-1], 0, n); k-- {
			order[k], order[k-1] = order[k-1], order[k]
		}
	}
	return order[:min(len(order), most)]
}

// extend tries all next stages after done blocks, whose bottleneck so far is worst.
func (t *pipeline) extend(done int, used uint64, last int, worst float64, runs []run) {
	if done == len(t.blocks) {
		if worst = math.Max(worst, t.transfer(t.devices[last].node, t.r.Leader, done)); worst < t.bound {
			t.bound, t.best = worst, append([]run(nil), runs...)
		}
		return
	}
	key := state{done, last, used}
	if old, ok := t.seen[key]; ok && old <= worst {
		return
	}
	t.seen[key] = worst
	for _, d := range t.order {
		x := t.devices[d]
		mask := uint64(t.b.Platform.Nodes[x.node].Clusters[x.cluster].Mask) << t.offset[x.node]
		if bits.OnesCount64(used&mask) > 0 {
			continue
		}
		in := 0.0
		if last == start {
			in = t.transfer(t.r.Leader, x.node, 0)
		} else if t.devices[last].node != x.node {
			in = t.move(last, d, done)
		}
		if math.Max(worst, in) >= t.bound {
			continue
		}
		cross := 0.0 // a hand-over on the node occupies the receiving cluster
		if last != start && t.devices[last].node == x.node {
			cross = t.move(last, d, done)
		}
		for to := len(t.blocks); to > done; to-- {
			if w := math.Max(math.Max(worst, in), cross+t.compute(d, done, to)); w < t.bound {
				t.extend(to, used|mask, d, w, append(runs, run{d, done, to}))
			}
		}
	}
}
