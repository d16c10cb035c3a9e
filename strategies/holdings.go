package strategies

import "hidp/workloads"

// holding is a part of a layer's tensor that lies on a node since op made or delivered it (-1: the request's input).
type holding struct {
	node   int
	region workloads.Region
	op     int
	sent   bool // a copy that arrived by a send
}

// holdings are the parts of all tensors by layer, in the order they came to be.
type holdings [][]holding

func newHoldings(g *workloads.Graph, leader, batch int) holdings {
	h := make(holdings, len(g.Layers))
	h[0] = []holding{{node: leader, region: g.Full(0, batch), op: -1}}
	return h
}

func (h holdings) add(layer int, x holding) { h[layer] = append(h[layer], x) }

// subtract returns what remains of the boxes in from without box cut, as disjoint boxes appended to dst.
func subtract(dst, from []workloads.Region, cut workloads.Region) []workloads.Region {
	for _, r := range from {
		dst = subtractBox(dst, r, cut)
	}
	return dst
}

// subtractBox splits r around cut along rows, then samples, then channels.
func subtractBox(dst []workloads.Region, r, cut workloads.Region) []workloads.Region {
	x := r.Intersect(cut)
	if x.Empty() {
		return append(dst, r)
	}
	keep := func(p workloads.Region) {
		if !p.Empty() {
			dst = append(dst, p)
		}
	}
	p := r
	p.Rows = workloads.Range{Lo: r.Rows.Lo, Hi: x.Rows.Lo}
	keep(p)
	p.Rows = workloads.Range{Lo: x.Rows.Hi, Hi: r.Rows.Hi}
	keep(p)
	p.Rows = x.Rows
	p.Samples = workloads.Range{Lo: r.Samples.Lo, Hi: x.Samples.Lo}
	keep(p)
	p.Samples = workloads.Range{Lo: x.Samples.Hi, Hi: r.Samples.Hi}
	keep(p)
	p.Samples = x.Samples
	p.Channels = workloads.Range{Lo: r.Channels.Lo, Hi: x.Channels.Lo}
	keep(p)
	p.Channels = workloads.Range{Lo: x.Channels.Hi, Hi: r.Channels.Hi}
	keep(p)
	return dst
}

// bounding returns the smallest box around all boxes.
func bounding(boxes []workloads.Region) workloads.Region {
	b := boxes[0]
	for _, r := range boxes[1:] {
		b.Rows, b.Samples, b.Channels = b.Rows.Union(r.Rows), b.Samples.Union(r.Samples), b.Channels.Union(r.Channels)
	}
	return b
}

// elements returns the total size of disjoint boxes, without the width.
func elements(boxes []workloads.Region) int64 {
	var n int64
	for _, r := range boxes {
		n += r.Elements()
	}
	return n
}
