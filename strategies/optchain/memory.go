package optchain

import (
	"math"

	"hidp/strategies/plan"
	"hidp/workloads"
)

// most nodes over whose sets the recursions run; of larger platforms the nodes with the most memory take part.
const most = 12

// mostStates bounds (blocks)² · (nodes)² · 2^nodes, to which the time of the recursion over sets of nodes is in proportion: some
// seconds. Where there are more, fewer nodes take part.
const mostStates = 1e8

// fitting returns the runs with the lowest latency if every node gets one stretch of blocks that fits its memory, or nil. It is the
// recursion over (blocks done, set of nodes used, last node). Within its stretch a node may change between its clusters or, with one,
// keeps to one of them: then what a stretch needs is exactly what the plan's memory is.
func (c *chain) fitting(one bool) []run {
	n := len(c.blocks)
	nodes := c.candidates()
	stretch := make([][][]float64, len(nodes)) // [node][from][to-from-1]
	needs := c.needs()
	for x, j := range nodes {
		stretch[x] = c.stretches(j, one, needs)
	}
	f := make([]map[int]split, n+1) // key: set·len(nodes) + last
	f[0] = map[int]split{}
	for i := 1; i <= n; i++ {
		f[i] = map[int]split{}
	}
	relax := func(i, key int, s split) {
		if old, ok := f[i][key]; !ok || s.time < old.time {
			f[i][key] = s
		}
	}
	for i := range n {
		for set := range 1 << len(nodes) {
			for u := range nodes {
				at, ok := f[i][set*len(nodes)+u]
				if !ok && (i > 0 || set > 0 || u > 0) {
					continue
				}
				for v, j := range nodes {
					if set&(1<<v) != 0 {
						continue
					}
					from := c.r.Leader
					if i > 0 {
						from = nodes[u]
					}
					begin := at.time + c.transfer(from, j, i)
					for to := i + 1; to <= n && !math.IsInf(begin+stretch[v][i][to-i-1], 1); to++ {
						relax(to, (set|1<<v)*len(nodes)+v, split{begin + stretch[v][i][to-i-1], i, set*len(nodes) + u})
					}
				}
			}
		}
	}
	return c.traceNodes(f, nodes, one)
}

// split is the best way to a state of the recursion.
type split struct {
	time   float64
	from   int // where the last node's stretch starts
	before int // the state before it
}

// whole returns the fastest way to run the whole network on one cluster whose plan fits all nodes' memory, or nil.
func (c *chain) whole() []run {
	n := len(c.blocks)
	best, at := math.Inf(1), []run(nil)
	for d := range c.devices {
		j := c.devices[d].node
		t := c.transfer(c.r.Leader, j, 0) + c.compute(d, 0, n) + c.transfer(j, c.r.Leader, n)
		if !(t < best) {
			continue
		}
		runs := []run{{d, 0, n}}
		if p, err := c.emit(runs); err == nil && plan.Fits(p, c.r.Graph, c.b.Platform) == nil {
			best, at = t, runs
		}
	}
	return at
}

// candidates returns the nodes that take part.
func (c *chain) candidates() []int {
	var nodes []int
	for j := range c.b.Platform.Nodes {
		nodes = append(nodes, j)
	}
	states := func(k int) float64 { return math.Pow(float64(len(c.blocks)*k), 2) * math.Exp2(float64(k)) }
	for len(nodes) > most || states(len(nodes)) > mostStates && len(nodes) > 1 {
		least := 0
		for x, j := range nodes {
			if c.b.Platform.Nodes[j].Memory < c.b.Platform.Nodes[nodes[least]].Memory {
				least = x
			}
		}
		nodes = append(nodes[:least], nodes[least+1:]...)
	}
	return nodes
}

// stretches returns the time node j takes for every stretch of blocks, infinite from where it does not fit.
func (c *chain) stretches(j int, one bool, needs [][]int64) [][]float64 {
	n := len(c.blocks)
	mine := c.clustersOf(j)
	out := make([][]float64, n)
	for from := range n {
		steps := c.viterbi(from, n, func(int) float64 { return 0 }, mine)
		for to := from + 1; to <= n; to++ {
			best := math.Inf(1)
			if needs[from][to-from-1] <= c.b.Platform.Nodes[j].Memory {
				for _, d := range mine {
					t := steps[to-from-1][d].time
					if one {
						t = c.compute(d, from, to)
					}
					best = math.Min(best, t)
				}
			}
			out[from] = append(out[from], best)
		}
	}
	return out
}

func (c *chain) clustersOf(j int) []int {
	var mine []int
	for d := range c.devices {
		if c.devices[d].node == j {
			mine = append(mine, d)
		}
	}
	return mine
}

// needs returns the bytes that every stretch of blocks takes on a node that runs it as one slice: weights, what it reads and hands on,
// and the largest layer's inputs and output in between (plan.Memory). The leader holds all of the network's input.
func (c *chain) needs() [][]int64 {
	if c.warning != "" {
		return c.needsOfWholeBlocks()
	}
	g := c.r.Graph
	out := make([][]int64, len(c.blocks))
	for from := range c.blocks {
		for to := from + 1; to <= len(c.blocks); to++ {
			last := c.blocks[to-1].To - 1
			w := g.Work(workloads.Slice{From: c.blocks[from].From, To: last + 1, Out: g.Full(last, c.r.Batch)})
			out[from] = append(out[from], c.slice(w, c.blocks[from].From, last)+c.bytes[to])
		}
	}
	return out
}

// needsOfWholeBlocks is needs for long chains, in time that grows with the blocks' number squared and not with the layers' besides.
// Every layer counts with all of its rows: where some are never read, that is a little too much.
func (c *chain) needsOfWholeBlocks() [][]int64 {
	g := c.r.Graph
	full := func(i int) int64 { return g.Bytes(g.Tensor(i, c.r.Batch)) }
	weights, peak := make([]int64, len(c.blocks)), make([]int64, len(c.blocks))
	for k, x := range c.blocks {
		for i := x.From; i < x.To; i++ {
			weights[k] += g.Layers[i].WeightBytes
			sum := full(i)
			for _, in := range g.Layers[i].Inputs {
				sum += full(in)
			}
			peak[k] = max(peak[k], sum)
		}
	}
	out := make([][]int64, len(c.blocks))
	for from := range c.blocks {
		held, most := c.bytes[from], int64(0)
		for to := from + 1; to <= len(c.blocks); to++ {
			held, most = held+weights[to-1], max(most, peak[to-1])
			out[from] = append(out[from], held+most+c.bytes[to])
		}
	}
	return out
}

// slice returns the bytes of the weights, inputs and largest working set of layers [from, last].
func (c *chain) slice(w workloads.Work, from, last int) int64 {
	g := c.r.Graph
	var total, peak int64
	for _, x := range w.Inputs {
		total += g.Bytes(x)
	}
	size := make([]int64, last+1)
	for _, x := range w.Layers {
		size[x.Layer] = g.Bytes(x)
		sum := size[x.Layer]
		for _, in := range g.Layers[x.Layer].Inputs {
			sum += size[in]
		}
		peak = max(peak, sum)
	}
	for i := from; i <= last; i++ {
		total += g.Layers[i].WeightBytes
	}
	return total + peak
}

// traceNodes follows the best way back and fills in the clusters of every stretch.
func (c *chain) traceNodes(f []map[int]split, nodes []int, one bool) []run {
	n := len(c.blocks)
	best, key := math.Inf(1), -1
	for k := range (1 << len(nodes)) * len(nodes) {
		if s, ok := f[n][k]; ok {
			if t := s.time + c.transfer(nodes[k%len(nodes)], c.r.Leader, n); t < best {
				best, key = t, k
			}
		}
	}
	if key < 0 {
		return nil
	}
	var out []run
	for to := n; to > 0; {
		s := f[to][key]
		out = append(c.within(nodes[key%len(nodes)], s.from, to, one), out...)
		to, key = s.from, s.before
	}
	return out
}

// within returns the runs of the stretch [from, to) on node j.
func (c *chain) within(j, from, to int, one bool) []run {
	mine := c.clustersOf(j)
	if one {
		best := mine[0]
		for _, d := range mine {
			if c.compute(d, from, to) < c.compute(best, from, to) {
				best = d
			}
		}
		return []run{{best, from, to}}
	}
	free := func(int) float64 { return 0 }
	return c.trace(c.viterbi(from, to, free, mine), from, to, free)
}
