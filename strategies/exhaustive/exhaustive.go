// Package exhaustive tries every plan of a small space and keeps the one with the best forecast: the oracle that planners are tested
// against. It is not in the catalog, because its time is exponential in the blocks of a network.
package exhaustive

import (
	"time"

	"hidp/strategies/plan"
	"hidp/strategies/split"
	"hidp/workloads"
	"hidp/workloads/tensor"
)

// Space is which plans are tried: every way to cut the chain of blocks into segments, and for every segment every core cluster of
// the platform alone and, with a Grid, every way to give all rows of the segment's output to several clusters in multiples of
// 1/Grid, in ascending order of nodes and clusters.
type Space struct {
	Grid int // 0: model partition only
}

// Answer is the best plan of a space, nil if none fits, its forecast latency and the number of plans forecast.
type Answer struct {
	Plan    *plan.Plan
	Latency time.Duration
	Tried   int
}

// Search tries all plans of space s for request r.
func Search(r plan.Problem, b *plan.Belief, s Space) Answer {
	x := &search{r: r, b: b, blocks: r.Graph.Blocks()}
	for j := range b.Platform.Nodes {
		for k := range b.Platform.Nodes[j].Clusters {
			x.devices = append(x.devices, device{j, k})
		}
	}
	x.ratios(s.Grid)
	x.busy = make([]time.Duration, len(x.devices))
	x.from(0, nil)
	return x.best
}

type device struct{ node, cluster int }

// stage is blocks [from, to) in shares by device; a share of everything is the device alone.
type stage struct {
	from, to int
	shares   []float64
}

type search struct {
	r       plan.Problem
	b       *plan.Belief
	blocks  []workloads.Block
	devices []device
	modes   [][]float64 // all shares of a segment
	busy    []time.Duration
	best    Answer
}

// ratios gathers the modes: shares in multiples of 1/grid that add up to 1, those of one device first.
func (x *search) ratios(grid int) {
	n := len(x.devices)
	for d := range n {
		alone := make([]float64, n)
		alone[d] = 1
		x.modes = append(x.modes, alone)
	}
	var grow func(shares []float64, left int)
	grow = func(shares []float64, left int) {
		if len(shares) == n {
			if members(shares) > 1 && left == 0 {
				x.modes = append(x.modes, append([]float64(nil), shares...))
			}
			return
		}
		for units := 0; units <= left; units++ {
			grow(append(shares, float64(units)), left-units)
		}
	}
	grow(nil, grid)
}

// members returns how many devices have a share.
func members(shares []float64) int {
	n := 0
	for _, s := range shares {
		if s > 0 {
			n++
		}
	}
	return n
}

// from tries all continuations of the given stages, which end at block i. A cluster that is already busy for longer than the best
// plan's latency cannot be part of a better one.
func (x *search) from(i int, stages []stage) {
	if i == len(x.blocks) {
		x.forecast(stages)
		return
	}
	for _, mode := range x.modes {
		if n := len(stages); n > 0 && members(mode) == 1 && same(stages[n-1].shares, mode) {
			continue // the longer segment is tried as well, with one invocation less
		}
		for to := i + 1; to <= len(x.blocks); to++ {
			x.with(stage{i, to, mode}, stages)
		}
	}
}

func same(a, b []float64) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// with tries all plans that go on with stage st.
func (x *search) with(st stage, stages []stage) {
	slices := x.slices(st)
	for _, s := range slices {
		if s.To > 0 && x.r.Graph.Check(s, x.r.Batch) != nil {
			return
		}
	}
	hopeless := false
	for d, s := range slices {
		if s.To > 0 {
			x.busy[d] += x.b.Costs(x.r.Graph).Slice(x.devices[d].node, x.devices[d].cluster, s)
			hopeless = hopeless || x.best.Plan != nil && x.busy[d] > x.best.Latency
		}
	}
	if !hopeless {
		x.from(st.to, append(stages[:len(stages):len(stages)], st))
	}
	for d, s := range slices {
		if s.To > 0 {
			x.busy[d] -= x.b.Costs(x.r.Graph).Slice(x.devices[d].node, x.devices[d].cluster, s)
		}
	}
}

// slices returns the stage's slice of every device; the zero slice where it has none.
func (x *search) slices(st stage) []workloads.Slice {
	out := make([]workloads.Slice, len(x.devices))
	last := x.blocks[st.to-1].To - 1
	for d, rows := range split.Ranges(x.r.Graph.Rows(last), st.shares) {
		if !rows.Empty() {
			s := workloads.Slice{From: x.blocks[st.from].From, To: last + 1, Out: x.r.Graph.Full(last, x.r.Batch)}
			out[d] = x.r.Graph.Strip(s, tensor.Row, rows)
		}
	}
	return out
}

// forecast keeps the plan of the stages if it fits and is the best so far.
func (x *search) forecast(stages []stage) {
	b := plan.NewBuilder("exhaustive", x.r, x.b)
	for _, st := range stages {
		for d, s := range x.slices(st) {
			if s.To > 0 {
				b.Compute(x.devices[d].node, x.devices[d].cluster, s)
			}
		}
	}
	p, err := b.Finish()
	if err != nil {
		return // nodes that are not connected
	}
	if plan.Fits(p, x.r.Graph, x.b.Platform) != nil {
		return
	}
	x.best.Tried++
	if l := plan.Forecast(p, x.r.Graph, x.b).Latency; x.best.Plan == nil || l < x.best.Latency {
		x.best.Plan, x.best.Latency = p, l
	}
}
