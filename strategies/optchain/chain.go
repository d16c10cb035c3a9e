package optchain

import (
	"math"

	"hidp/devices"
	"hidp/strategies"
	"hidp/strategies/plan"
	"hidp/workloads"
	"hidp/workloads/tensor"
)

// device is a core cluster of a node.
type device struct{ node, cluster int }

// run is blocks [from, to) on one device.
type run struct{ device, from, to int }

// chain holds the costs of one request: blocks along devices, in nanoseconds.
type chain struct {
	r       plan.Problem
	b       *plan.Belief
	costs   *devices.Costs
	blocks  []workloads.Block
	devices []device
	total   [][]float64   // [device][block]: of all blocks before it, each computed in full
	exact   [][][]float64 // [device][from][to-from-1]: of runs, where that is not the difference of totals; else nil
	bytes   []int64       // of the tensor in front of every block, and of the output
	free    []float64     // [device]: when its queue is empty
	warning string        // that the blocks are not the network's own; "" if they are
}

func newChain(r plan.Problem, b *plan.Belief, use func(node, cluster int) bool) *chain {
	c := &chain{r: r, b: b, costs: b.Costs(r.Graph)}
	c.blocks, c.warning = strategies.SearchBlocks(r.Graph, strategies.MostBlocks)
	for j := range b.Platform.Nodes {
		for k := range b.Platform.Nodes[j].Clusters {
			if use(j, k) {
				c.devices = append(c.devices, device{j, k})
				c.total = append(c.total, c.along(j, k))
			}
		}
	}
	c.free = make([]float64, len(c.devices))
	if c.wasteful() {
		c.walk()
	}
	c.bytes = append(c.bytes, r.Graph.Bytes(r.Graph.Tensor(0, r.Batch)))
	for _, x := range c.blocks {
		c.bytes = append(c.bytes, r.Graph.Bytes(r.Graph.Tensor(x.To-1, r.Batch)))
	}
	return c
}

// queue fills in the believed backlog.
func (c *chain) queue() {
	for d, x := range c.devices {
		n := &c.b.Platform.Nodes[x.node]
		for k := range n.Physical {
			if n.Clusters[x.cluster].Mask&(1<<k) != 0 {
				c.free[d] = max(c.free[d], float64(c.b.Queued(x.node, k)))
			}
		}
	}
}

// along sums up the blocks on cluster k of node j.
func (c *chain) along(j, k int) []float64 {
	total := []float64{0}
	t := 0.0
	for _, x := range c.blocks {
		for i := x.From; i < x.To; i++ {
			t += float64(1e9 * c.costs.Rows(j, k, i, c.r.Graph.Rows(i), c.r.Batch))
		}
		total = append(total, t)
	}
	return total
}

// compute returns the time of blocks [from, to) on device d as one slice.
func (c *chain) compute(d, from, to int) float64 {
	x := c.devices[d]
	t := float64(1e9 * c.costs.Invoke(x.node, x.cluster))
	if c.exact != nil {
		return t + c.exact[d][from][to-from-1]
	}
	return t + (c.total[d][to] - c.total[d][from])
}

// wasteful reports whether the network has rows that nobody reads (a stride beyond the kernel, a window that does not reach the
// last row): a slice that goes on behind them does not compute them, so that its time is not the sum of its blocks'.
func (c *chain) wasteful() bool {
	g := c.r.Graph
	for i := 1; i < g.Output(); i++ {
		var read workloads.Range
		for _, k := range g.Consumers(i) {
			for x, in := range g.Layers[k].Inputs {
				if in == i {
					need := g.Needs(g.Tensor(k, 1), x)
					read = read.Union(g.Along(need, tensor.Row))
				}
			}
		}
		if read.Len() < g.Rows(i) {
			return true
		}
	}
	return false
}

// walk fills in the times of all runs, from the rows that each really computes.
func (c *chain) walk() {
	g := c.r.Graph
	n := len(c.blocks)
	c.exact = make([][][]float64, len(c.devices))
	for d := range c.exact {
		c.exact[d] = make([][]float64, n)
		for from := range n {
			c.exact[d][from] = make([]float64, n-from)
		}
	}
	var back workloads.Backprop
	for to := n; to > 0; to-- {
		end := c.blocks[to-1].To
		back.Start(g.Line(tensor.Row), end, workloads.Range{Hi: g.Rows(end - 1)}, workloads.HaloRecompute)
		sum := make([]float64, len(c.devices))
		for from := to - 1; from >= 0; from-- {
			back.Extend(c.blocks[from].From)
			for d, x := range c.devices {
				for i := c.blocks[from].From; i < c.blocks[from].To; i++ {
					sum[d] += float64(1e9 * c.costs.Rows(x.node, x.cluster, i, back.Span(i).Len(), c.r.Batch))
				}
				c.exact[d][from][to-from-1] = sum[d]
			}
		}
	}
}

// move returns the time to hand the tensor in front of block i from device u to device v.
func (c *chain) move(u, v, i int) float64 {
	a, b := c.devices[u], c.devices[v]
	switch {
	case u == v:
		return 0
	case a.node == b.node:
		return float64(c.costs.Cross(a.node, a.cluster, b.cluster, c.bytes[i]))
	}
	return c.transfer(a.node, b.node, i)
}

// transfer returns the time to send the tensor in front of block i from node u to node v; infinite if they are not connected.
func (c *chain) transfer(u, v, i int) float64 {
	if !c.b.Platform.Network.Connected(u, v) {
		return math.Inf(1)
	}
	return float64(c.b.Platform.Transfer(u, v, c.bytes[i]))
}

// emit writes the runs down as a plan.
func (c *chain) emit(runs []run) (*plan.Plan, error) {
	b := plan.NewBuilder("opt-chain", c.r, c.b)
	for _, x := range runs {
		last := c.blocks[x.to-1].To - 1
		b.Compute(c.devices[x.device].node, c.devices[x.device].cluster,
			workloads.Slice{From: c.blocks[x.from].From, To: last + 1, Out: c.r.Graph.Full(last, c.r.Batch)})
	}
	p, err := b.Finish()
	if err == nil && c.warning != "" {
		p.Warnings = append(p.Warnings, c.warning)
	}
	return p, err
}
