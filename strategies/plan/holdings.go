package plan

import (
	"hidp/workloads"
	"hidp/workloads/tensor"
)

// holding is a part of a layer's tensor that lies on a node since op made or delivered it (-1: the request's input).
type holding struct {
	node int
	box  tensor.Box
	op   int
	sent bool // a copy that arrived by a send
}

// holdings are the parts of all tensors by layer, in the order they came to be.
type holdings [][]holding

func newHoldings(g *workloads.Graph, leader, batch int) holdings {
	h := make(holdings, len(g.Layers))
	h[0] = []holding{{node: leader, box: g.Full(0, batch), op: -1}}
	return h
}

func (h holdings) add(layer int, x holding) { h[layer] = append(h[layer], x) }

// subtract returns what remains of disjoint boxes without box cut, as disjoint boxes.
func subtract(from []tensor.Box, cut *tensor.Box) []tensor.Box {
	var rest []tensor.Box
	for i := range from {
		rest = from[i].Subtract(rest, cut)
	}
	return rest
}

// joined returns the boxes as one, where they fill one.
func joined(boxes []tensor.Box) []tensor.Box {
	all := boxes[0]
	for i := range boxes {
		all.Cover(&boxes[i])
	}
	gaps := []tensor.Box{all}
	for i := range boxes {
		gaps = subtract(gaps, &boxes[i])
	}
	if len(gaps) > 0 {
		return boxes
	}
	return []tensor.Box{all}
}
