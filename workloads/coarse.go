package workloads

// Coarse returns the chain of at most most blocks that a planner may search where the graph's own chain is too long: neighbouring
// blocks are merged. A chain that is no longer than most is Blocks itself. A longer one is divided into most parts of about equal
// work, and of the cut points in each part the one with the smallest tensor stays, the first of equals. The end of the graph
// always stays. The work of a layer is its share of the FLOPs plus its share of the number of layers. The result depends on
// nothing but the graph and most. It panics if most is below 1.
func (g *Graph) Coarse(most int) []Block {
	if most < 1 {
		panic("workloads: a chain has at least one block")
	}
	if len(g.blocks) <= most {
		return g.blocks
	}
	share := float64(max(1, g.FLOPs()))
	layers := float64(len(g.Layers))
	out := []Block{{From: 1}}
	done, part := 0.0, 0
	kept, least := 0, int64(-1) // the best cut point of the present part
	keep := func(to int) {
		out[len(out)-1].To = to
		out = append(out, Block{From: to})
	}
	for _, b := range g.blocks[:len(g.blocks)-1] {
		for i := b.From; i < b.To; i++ {
			done += float64(g.Layers[i].FLOPs)/share + 1/layers
		}
		if now := min(int(done/2*float64(most)), most-1); now != part {
			if least >= 0 {
				keep(kept)
			}
			part, least = now, -1
		}
		if n := g.Bytes(g.Tensor(b.To-1, 1)); least < 0 || n < least {
			kept, least = b.To, n
		}
	}
	if least >= 0 && part < most-1 {
		keep(kept)
	}
	out[len(out)-1].To = len(g.Layers)
	return out
}
