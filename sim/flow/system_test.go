package flow_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hidp/sim/flow"
)

// cell drives one group of resources: random transfers, each started at a random
// time and taking a random path of two resources.
type cell struct {
	rng      *rand.Rand
	base     int32 // first of its four resources
	next     time.Duration
	log      []time.Duration // completion times
	ownFlows map[flow.FlowID]bool
}

func newCell(seed uint64, base int32) *cell {
	return &cell{rng: rand.New(rand.NewPCG(seed, 1)), base: base, ownFlows: map[flow.FlowID]bool{}}
}

func (c *cell) start(n *flow.Network) {
	from, to := c.rng.Int32N(4), c.rng.Int32N(3)
	id := n.Start(c.next, flow.Transfer{Bytes: c.rng.Int64N(1e6), Path: over(c.base+from, c.base+(from+to+1)%4)})
	c.ownFlows[id] = true
	c.next += time.Duration(c.rng.Int64N(int64(60 * time.Millisecond)))
}

// runCells runs the cells on one network until each has seen enough completions.
func runCells(n *flow.Network, completions int, cells ...*cell) {
	for len(cells[0].log) < completions {
		c := cells[0]
		for _, other := range cells[1:] {
			if other.next < c.next {
				c = other
			}
		}
		at, id, ok := n.NextCompletion()
		if !ok || c.next < at {
			c.start(n)
			continue
		}
		n.Finish(at, id)
		for _, c := range cells {
			if c.ownFlows[id] {
				delete(c.ownFlows, id)
				c.log = append(c.log, at)
			}
		}
	}
}

func TestUnrelatedTrafficChangesNothing(t *testing.T) {
	capacities := []float64{12e6, 7e6, 10e6, 9e6, 12e6, 7e6, 10e6, 9e6}
	alone, beside := newCell(1, 0), newCell(1, 0)
	runCells(flow.New(capacities), 500, alone)
	runCells(flow.New(capacities), 500, beside, newCell(2, 4))
	require.Equal(t, alone.log, beside.log, "to the nanosecond")
}

func TestSecondRunIsIdentical(t *testing.T) {
	capacities := []float64{12e6, 7e6, 10e6, 9e6}
	first, second := newCell(3, 0), newCell(3, 0)
	runCells(flow.New(capacities), 500, first)
	runCells(flow.New(capacities), 500, second)
	require.Equal(t, first.log, second.log)
}

// One link under Poisson arrivals is an M/G/1 queue with processor sharing: its mean
// sojourn time is S/(1-ρ) whatever the distribution of the sizes (Kleinrock,
// Queueing Systems vol. 2, §4.4).
func TestOneLinkIsAProcessorSharingQueue(t *testing.T) {
	const rho, customers, service = 0.6, 60_000, 0.1 // s
	rng := rand.New(rand.NewPCG(7, 7))
	n := flow.New([]float64{1e6})
	link := over(0)
	began := make([]time.Duration, 0, 64)
	var arrival, total time.Duration
	for done := 0; done < customers; {
		at, id, ok := n.NextCompletion()
		if ok && at <= arrival {
			n.Finish(at, id)
			total += at - began[id]
			done++
			continue
		}
		id = n.Start(arrival, flow.Transfer{Bytes: 1e6 * service, Path: link})
		for int(id) >= len(began) {
			began = append(began, 0)
		}
		began[id] = arrival
		arrival += time.Duration(rng.ExpFloat64() * service / rho * 1e9)
	}
	require.InEpsilon(t, service/(1-rho), total.Seconds()/customers, 0.04)
}

func TestNoAllocationInSteadyState(t *testing.T) {
	for _, w := range workloads() {
		t.Run(w.name, func(t *testing.T) {
			n := w.network()
			for range 20_000 { // member lists reach their largest size
				w.step(n)
			}
			require.Zero(t, testing.AllocsPerRun(2000, func() { w.step(n) }))
		})
	}
}
