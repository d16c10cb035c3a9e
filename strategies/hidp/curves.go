package hidp

import "hidp/devices"

// curves are the seconds that every cluster takes from the start of the chain to every position, without invocations.
type curves struct {
	c     *chain
	costs *devices.Costs
	whole [][][]float64         // for all samples: [node][cluster][position]
	batch map[int][][][]float64 // by number of samples
}

func newCurves(c *chain, costs *devices.Costs) *curves {
	x := &curves{c: c, costs: costs, batch: map[int][][][]float64{}}
	x.whole = x.of(c.batch)
	return x
}

// of returns the curves for b samples.
func (x *curves) of(b int) [][][]float64 {
	if all, ok := x.batch[b]; ok {
		return all
	}
	all := make([][][]float64, len(x.costs.Platform.Nodes))
	for j := range all {
		for k := range x.costs.Platform.Nodes[j].Clusters {
			all[j] = append(all[j], x.c.prefix(x.costs, j, k, b))
		}
	}
	x.batch[b] = all
	return all
}

// run returns the time of one invocation of cluster k of node j for the whole rows of segment [s, e).
func (x *curves) run(j, k, s, e, b int) float64 {
	all := x.whole
	if b != x.c.batch {
		all = x.of(b)
	}
	p := all[j][k]
	return x.costs.Invoke(j, k) + (p[e] - p[s])
}
