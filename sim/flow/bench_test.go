package flow_test

import (
	"math/rand/v2"
	"testing"

	"hidp/sim/flow"
)

// workload keeps a number of flows active in every cell: a step finishes the next
// flow and starts another in the same cell.
type workload struct {
	name       string
	capacities []float64
	cells      [][][]flow.Hop // the routes of each
	active     int            // flows per cell
	rng        *rand.Rand
}

func (w *workload) network() *flow.Network {
	n := flow.New(w.capacities)
	for i := range w.active * len(w.cells) {
		n.Start(0, w.transfer(flow.FlowID(i)))
	}
	return n
}

// transfer draws one for the cell of a flow. A flow takes the name of the one that
// it replaces, so the name tells the cell.
func (w *workload) transfer(id flow.FlowID) flow.Transfer {
	routes := w.cells[int(id)%len(w.cells)]
	return flow.Transfer{Bytes: 1 + w.rng.Int64N(1e6), Path: routes[w.rng.IntN(len(routes))]}
}

func (w *workload) step(n *flow.Network) {
	at, id, _ := n.NextCompletion()
	n.Finish(at, id)
	n.Start(at, w.transfer(id))
}

const stations = 5

// star has an up-link and a down-link per node and a route between any two.
func star(name string, cells, active int) *workload {
	w := &workload{name: name, active: active, rng: rand.New(rand.NewPCG(1, 2))}
	for c := range int32(cells) {
		var routes [][]flow.Hop
		for from := range int32(stations) {
			w.capacities = append(w.capacities, 10e6, 10e6)
			for to := range int32(stations) {
				if from != to {
					routes = append(routes, over(2*(stations*c+from), 2*(stations*c+to)+1))
				}
			}
		}
		w.cells = append(w.cells, routes)
	}
	return w
}

// medium is one radio channel per cell, with relayed frames.
func medium(name string, cells, active int) *workload {
	w := &workload{name: name, active: active, rng: rand.New(rand.NewPCG(1, 2))}
	for c := range int32(cells) {
		w.capacities = append(w.capacities, 10e6)
		w.cells = append(w.cells, [][]flow.Hop{{{Resource: c, Weight: 2}}})
	}
	return w
}

func workloads() []*workload {
	return []*workload{
		star("star/cells=1/flows=1", 1, 1),
		star("star/cells=1/flows=8", 1, 8),
		star("star/cells=200/flows=1", 200, 1),
		star("star/cells=200/flows=8", 200, 8),
		medium("medium/cells=1/flows=1", 1, 1),
		medium("medium/cells=1/flows=8", 1, 8),
		medium("medium/cells=200/flows=1", 200, 1),
		medium("medium/cells=200/flows=8", 200, 8),
	}
}

// BenchmarkStartFinish measures one Finish, one Start and the new rates in cells of
// five nodes with a number of flows each. The cost must depend on the flows of the
// cell, not on the number of cells (but for cache misses and the schedule's log).
func BenchmarkStartFinish(b *testing.B) {
	for _, w := range workloads() {
		b.Run(w.name, func(b *testing.B) {
			n := w.network()
			for range 10 * w.active * len(w.cells) {
				w.step(n)
			}
			b.ReportAllocs()
			for b.Loop() {
				w.step(n)
			}
		})
	}
}
