package optchain

import "math"

// most nodes over whose sets the recursions run; of larger platforms the nodes with the most memory take part.
const most = 12

// fitting returns the runs with the lowest latency if every node gets one stretch of blocks that fits its memory, or nil. It is the
// recursion over (blocks done, set of nodes used, last node); within its stretch a node may change between its clusters.
func (c *chain) fitting() []run {
	n := len(c.blocks)
	nodes := c.candidates()
	stretch := make([][][]float64, len(nodes)) // [node][from][to-from-1]
	for x, j := range nodes {
		stretch[x] = c.stretches(j)
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
	return c.traceNodes(f, nodes)
}

// split is the best way to a state of the recursion.
type split struct {
	time   float64
	from   int // where the last node's stretch starts
	before int // the state before it
}

// candidates returns the nodes that take part.
func (c *chain) candidates() []int {
	var nodes []int
	for j := range c.b.Platform.Nodes {
		nodes = append(nodes, j)
	}
	for len(nodes) > most {
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
func (c *chain) stretches(j int) [][]float64 {
	n := len(c.blocks)
	mine := c.clustersOf(j)
	out := make([][]float64, n)
	for from := range n {
		steps := c.viterbi(from, n, func(int) float64 { return 0 }, mine)
		for to := from + 1; to <= n; to++ {
			best := math.Inf(1)
			if c.need(from, to) <= c.b.Platform.Nodes[j].Memory {
				for _, d := range mine {
					best = math.Min(best, steps[to-from-1][d].time)
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

// need returns the bytes that blocks [from, to) take on a node: weights, the tensors at both ends and the largest layer's inputs
// and output between them.
func (c *chain) need(from, to int) int64 {
	var weights, work int64
	g := c.r.Graph
	for i := c.blocks[from].From; i < c.blocks[to-1].To; i++ {
		weights += g.Layers[i].WeightBytes
		sum := g.Layers[i].Bytes(g.Full(i, c.r.Batch))
		for _, in := range g.Layers[i].Inputs {
			if in >= c.blocks[from].From {
				sum += g.Layers[in].Bytes(g.Full(in, c.r.Batch))
			}
		}
		work = max(work, sum)
	}
	return weights + work + c.bytes[from] + c.bytes[to]
}

// traceNodes follows the best way back and fills in the clusters of every stretch.
func (c *chain) traceNodes(f []map[int]split, nodes []int) []run {
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
		steps := c.viterbi(s.from, to, func(int) float64 { return 0 }, c.clustersOf(nodes[key%len(nodes)]))
		out = append(c.trace(steps, s.from, to, func(int) float64 { return 0 }), out...)
		to, key = s.from, s.before
	}
	return out
}
