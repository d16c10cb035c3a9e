package hidp

import (
	"hidp/devices"
	"hidp/strategies"
	"hidp/workloads"
	"hidp/workloads/tensor"
)

// place says what a position of the chain allows.
type place uint8

const (
	boundary place = iota // a cut point: one tensor lies there, whole or in strips
	pooled                // behind the global pool of a squeeze-excite gate: only strips, each with its partial sums
	gated                 // behind the gate, before what it scales: only strips
)

// chain is the network as the planner walks it: positions between which segments run. Besides the cut points there are two
// positions inside every block with a squeeze-excite gate, so that a row split can stop for the gate's global pool.
type chain struct {
	g     *workloads.Graph
	line  *workloads.Line // along rows
	batch int
	at    []int   // the first layer behind every position, ascending; the last is the number of layers
	kind  []place // of every position
	bytes []int64 // of the whole tensor that lies at a boundary
	held  []int64 // bytes of weights of all layers before every position
	stops []bool  // positions where shares of data may begin or end

	warning string // that the positions are not all of the network's; "" if they are
}

func newChain(g *workloads.Graph, batch int, gates bool) *chain {
	c := &chain{g: g, line: g.Line(tensor.Row), batch: batch}
	c.add(1, boundary)
	var blocks []workloads.Block
	blocks, c.warning = strategies.SearchBlocks(g, strategies.MostBlocks)
	gates = gates && c.warning == "" && fewGates(g) // each gate is two positions more
	for _, b := range blocks {
		if gates {
			c.addGates(b)
		}
		c.add(b.To, boundary)
	}
	c.held = make([]int64, len(c.at))
	for p := 1; p < len(c.at); p++ {
		c.held[p] = c.held[p-1]
		for i := c.at[p-1]; i < c.at[p]; i++ {
			c.held[p] += g.Layers[i].WeightBytes
		}
	}
	return c
}

// fewGates reports whether the network has no more global pools than the search may have blocks.
func fewGates(g *workloads.Graph) bool {
	pools := 0
	for i := range g.Layers {
		if g.Layers[i].Op == workloads.OpGlobalPool {
			pools++
		}
	}
	return pools <= strategies.MostBlocks
}

func (c *chain) add(layer int, kind place) {
	c.at = append(c.at, layer)
	c.kind = append(c.kind, kind)
	c.bytes = append(c.bytes, c.g.Bytes(c.g.Tensor(layer-1, c.batch)))
}

// finest is into how many parts of about equal work the chain is divided for data partition. Fusing two or three blocks of a deep
// network costs little recomputation and saves an exchange, so no more are needed.
const finest = 24

// stopAt picks the positions where shares of data may begin or end, by the time along the chain: all of a short chain.
func (c *chain) stopAt(along []float64) {
	c.stops = make([]bool, len(c.at))
	last := c.body()
	taken := -1 // the part of the chain whose stop is found
	for p := range c.stops {
		part := p
		if last > finest && p < last {
			part = int(along[p] / along[last] * finest)
		}
		c.stops[p] = c.kind[p] != boundary || part > taken
		if c.kind[p] == boundary {
			taken = max(taken, part)
		}
	}
}

// addGates adds the positions around the gates of block b, if all of them are plain: vectors made of nothing but the pool.
func (c *chain) addGates(b workloads.Block) {
	var gates []workloads.Block
	for i := b.From; i < b.To-1; i++ {
		if c.g.Layers[i].Op != workloads.OpGlobalPool {
			continue
		}
		end := i + 1
		for end < b.To && c.gateLayer(i, end) {
			end++
		}
		if end == i+1 || end == b.To {
			return
		}
		gates = append(gates, workloads.Block{From: i + 1, To: end})
		i = end - 1
	}
	for _, x := range gates {
		c.add(x.From, pooled)
		c.add(x.To, gated)
	}
}

// gateLayer reports whether layer i only works on vectors made from the pool.
func (c *chain) gateLayer(pool, i int) bool {
	for _, in := range c.g.Layers[i].Inputs {
		if in < pool {
			return false
		}
	}
	return c.g.Layers[i].Op != workloads.OpGlobalPool && c.g.Rows(i) == 1
}

// end returns the last position.
func (c *chain) end() int { return len(c.at) - 1 }

// rows returns the rows by which the tensor at position p is split.
func (c *chain) rows(p int) int { return c.g.Rows(c.at[p] - 1) }

// part returns the bytes of n rows of tensor i for samples samples.
func (c *chain) part(i, n, samples int) int64 {
	return c.line.Bytes(i, n, samples)
}

// body returns the last position that a row split can reach.
func (c *chain) body() int {
	for p := c.end(); p > 0; p-- {
		if c.kind[p] != gated && c.rows(p) > 1 && !c.g.Whole(c.at[p]-1) {
			return p
		}
	}
	return 0
}

// prefix returns the seconds that cluster k of node j takes from the start to every position, without invocations, for a batch
// of b.
func (c *chain) prefix(costs *devices.Costs, j, k, b int) []float64 {
	out := make([]float64, len(c.at))
	for p := 1; p < len(c.at); p++ {
		t := out[p-1]
		for i := c.at[p-1]; i < c.at[p]; i++ {
			t += costs.Rows(j, k, i, c.g.Rows(i), b)
		}
		out[p] = t
	}
	return out
}
