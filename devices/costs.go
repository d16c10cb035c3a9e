package devices

import (
	"math"
	"time"

	"hidp/workloads"
	"hidp/workloads/tensor"
)

// CeilDuration turns seconds into nanoseconds, rounding up; it and RoundDuration are the only places where floats become time.
func CeilDuration(seconds float64) time.Duration {
	return time.Duration(math.Ceil(float64(seconds * 1e9)))
}

// RoundDuration turns seconds into the nearest nanosecond.
func RoundDuration(seconds float64) time.Duration {
	return time.Duration(math.Round(float64(seconds * 1e9)))
}

// Costs prices the layers and slices of one graph on the clusters of one platform. The same type serves as belief and as truth;
// which one it is depends on the platform it was made from.
//
// A layer costs
//
//	max(FLOPs/rate · fill, activation bytes/bandwidth + weight bytes/weight bandwidth) + per-layer overhead
//
// where FLOPs, output and activations are those of the computed part and fill = (n+h)/(N+h) · N/n for n of N output elements
// of one sample, h = Params.Fill: a small strip does not run at the full layer's rate, and a batch runs at a better one. Weights
// are read once per invocation.
type Costs struct {
	Platform *Platform
	Graph    *workloads.Graph

	layers [][]layerCost // [slot][layer]
	slots  [][]int       // [node][cluster] → slot
}

// layerCost holds what is needed to price any part of a layer with a few operations.
type layerCost struct {
	compute  float64 // seconds of the whole layer of one sample, compute bound
	activate float64 // seconds of its activation traffic
	weights  float64 // seconds of its weight traffic
	overhead float64
	invRows  float64 // 1 / rows of one sample
	fill     float64 // h/(N+h)
}

// NewCosts prepares the prices of g on p.
func NewCosts(p *Platform, g *workloads.Graph) *Costs {
	c := &Costs{Platform: p, Graph: g}
	known := map[pricing]int{} // nodes of one kind share their prices
	for j := range p.Nodes {
		var slots []int
		for k := range p.Nodes[j].Clusters {
			way := p.Nodes[j].Clusters[k].pricing(g)
			slot, ok := known[way]
			if !ok {
				slot = len(c.layers)
				known[way] = slot
				c.layers = append(c.layers, layerCosts(way, g))
			}
			slots = append(slots, slot)
		}
		c.slots = append(c.slots, slots)
	}
	return c
}

// pricing is all that the prices of one network on a cluster depend on.
type pricing struct {
	Params
	scale float64
}

// pricing returns how the cluster prices g.
func (cl *Cluster) pricing(g *workloads.Graph) pricing {
	if s, ok := cl.Rescale[g.Name]; ok {
		return pricing{cl.Params, s}
	}
	return pricing{cl.Params, 1}
}

func layerCosts(way pricing, g *workloads.Graph) []layerCost {
	out := make([]layerCost, len(g.Layers))
	for i := range g.Layers {
		out[i] = way.layer(g, i, way.scale)
	}
	return out
}

func (p *Params) layer(g *workloads.Graph, i int, scale float64) layerCost {
	l := &g.Layers[i]
	if l.Op == workloads.OpInput {
		return layerCost{}
	}
	n := float64(g.Rows(i)) * float64(l.Out.C) * float64(l.Out.W) // of a global pool, a sum for each input row
	overhead := p.OtherOverhead
	if l.Class <= workloads.ClassGrouped {
		overhead = p.ConvOverhead
	}
	return layerCost{
		compute:  scale * float64(l.FLOPs) / p.Rate[l.Class],
		activate: scale * activationBytes(g, i) / p.ActBandwidth,
		weights:  scale * float64(l.WeightBytes) / p.WeightBandwidth,
		overhead: scale * overhead,
		invRows:  1 / float64(g.Rows(i)),
		fill:     p.Fill / (n + p.Fill),
	}
}

// activationBytes returns the bytes of layer i's inputs and output, for one sample.
func activationBytes(g *workloads.Graph, i int) float64 {
	l := &g.Layers[i]
	bytes := l.Out.Elements() * int64(l.ElemBytes)
	for _, in := range l.Inputs {
		bytes += g.Layers[in].Out.Elements() * int64(g.Layers[in].ElemBytes)
	}
	return float64(bytes)
}

// Layer returns the seconds that box b of layer i's domain takes on cluster k of node j, without the invocation overhead.
func (c *Costs) Layer(j, k, i int, b *tensor.Box) float64 {
	x := c.Graph.Geometry(i)
	part, whole := float64(b[0].Len()), 1.0 // of the volume of one sample; a batch is more than that
	weights, all := 1.0, 1.0
	for a := 1; a < x.Dims.Axes(); a++ {
		n, size := b[a].Len(), int(x.Dims.Size[a])
		if n == size {
			continue
		}
		part, whole = part*float64(n), whole*float64(size)
		if x.Weights[a] {
			weights, all = weights*float64(n), all*float64(size)
		}
	}
	return c.layers[c.slots[j][k]][i].price(part*(1/whole), weights/all)
}

// Rows returns the seconds that n rows of layer i for a batch of b samples take on cluster k of node j, without the invocation
// overhead: Layer for planners that walk rows.
func (c *Costs) Rows(j, k, i, n, b int) float64 {
	if n <= 0 {
		return 0
	}
	l := &c.layers[c.slots[j][k]][i]
	return l.price(float64(n*b)*l.invRows, 1)
}

func (l *layerCost) price(share, weights float64) float64 {
	compute := l.compute * (float64(share*(1-l.fill)) + l.fill)
	memory := float64(l.activate*share) + float64(l.weights*weights)
	return max(compute, memory) + l.overhead
}

// Invoke returns the seconds that handing one slice to cluster k of node j costs.
func (c *Costs) Invoke(j, k int) float64 {
	return c.Platform.Nodes[j].Clusters[k].Params.InvokeOverhead
}

// Work returns the time of the work of a slice on cluster k of node j, alone on the node: invocation plus layers.
func (c *Costs) Work(j, k int, w workloads.Work) time.Duration {
	total := c.Invoke(j, k)
	for _, part := range w.Layers {
		total += c.Layer(j, k, part.Layer, &part.Box)
	}
	return RoundDuration(total)
}

// Slice returns the time of slice s on cluster k of node j, alone on the node.
func (c *Costs) Slice(j, k int, s workloads.Slice) time.Duration {
	return c.Work(j, k, c.Graph.Work(s))
}

// Cross returns the time to hand bytes from cluster from to cluster to of node j.
func (c *Costs) Cross(j, from, to int, bytes int64) time.Duration {
	x := c.Platform.Nodes[j].Crossings[from][to]
	t := x.Sync
	if x.Bandwidth > 0 {
		t += float64(bytes) / x.Bandwidth
	}
	return RoundDuration(t)
}
