package validation

import (
	"fmt"
	"math"
	"time"

	"hidp/devices"
	"hidp/results/timeline"
	"hidp/strategies/plan"
)

// OpRow is an op of a plan, measured against simulated: medians over the lone requests. A compute op takes from its start to its
// end, a send from when the sender began to prepare it until the receiver had it. All in seconds.
type OpRow struct {
	Model, Strategy string
	Op              int
	Kind            string
	Where           string // "tx2 gpu", "tx2 → nano"
	What            string // layers of a compute op, the tensor of a send
	Measured        Number
	Profiled        Number // NaN of sends
	Believed        Number // by the platform's cost model; NaN of sends
	Simulated       Number
	Error           Number
}

// OpError condenses the rows of one kind of ops.
type OpError struct {
	Count    int    `json:"count"`
	Weighted Number `json:"weighted"` // sum of |simulated − measured| over the sum of measured: long ops count for more
	Median   Number `json:"median"`   // of the absolute errors: every op counts the same
	Worst    Number `json:"worst"`
}

// opRows compares op by op.
func (s simulation) opRows(label string, passes []Profile, measured, simulated phase) []OpRow {
	m, v := measured.opTimes(len(s.plan.Ops)), simulated.opTimes(len(s.plan.Ops))
	costs, profiled := devices.NewCosts(s.platform, s.graph), typical(passes)
	var rows []OpRow
	for i := range s.plan.Ops {
		op := &s.plan.Ops[i]
		r := OpRow{Model: s.plan.Model, Strategy: label, Op: i, Kind: op.Kind.String(), Where: s.where(op), What: s.what(op),
			Measured: newMedian(m[i]).Middle, Simulated: newMedian(v[i]).Middle, Profiled: unknown, Believed: unknown}
		if op.Kind == plan.Compute {
			r.Profiled, r.Believed = Number(profiled[i].Seconds()), Number(s.plan.ComputeTime(costs, i).Seconds())
		}
		r.Error = relative(float64(r.Simulated), float64(r.Measured))
		rows = append(rows, r)
	}
	return rows
}

// opTimes returns the seconds of every op in every request of the phase.
func (p phase) opTimes(n int) [][]float64 {
	out := make([][]float64, n)
	in := map[int64]bool{}
	for _, r := range p.requests {
		in[r.ID] = true
	}
	add := func(request int64, op int32, d time.Duration) {
		if in[request] && int(op) < n {
			out[op] = append(out[op], d.Seconds())
		}
	}
	for i := range p.trace.Computes {
		c := &p.trace.Computes[i]
		add(c.Request, c.Op, c.End-c.Start)
	}
	for i := range p.trace.Transfers {
		x := &p.trace.Transfers[i]
		add(x.Request, x.Op, x.Arrive-x.Ready)
	}
	return out
}

func (s simulation) where(op *plan.Op) string {
	nodes := s.platform.Nodes
	if op.Kind == plan.Send {
		return nodes[op.Node].Name + " → " + nodes[op.To].Name
	}
	return nodes[op.Node].Name + " " + nodes[op.Node].Clusters[op.Cluster].Name
}

func (s simulation) what(op *plan.Op) string {
	if op.Kind == plan.Send {
		return fmt.Sprintf("layer %d, %d bytes", op.Part.Layer, op.Bytes(s.graph))
	}
	return "layers " + timeline.Layers(op)
}

// opError condenses the rows of a kind.
func opError(rows []OpRow, kind plan.Kind) OpError {
	var off, sum float64
	var absolute []float64
	for _, r := range rows {
		if r.Kind != kind.String() || !r.Error.Known() {
			continue
		}
		off += math.Abs(float64(r.Simulated - r.Measured))
		sum += float64(r.Measured)
		absolute = append(absolute, math.Abs(float64(r.Error)))
	}
	e := OpError{Count: len(absolute), Weighted: unknown, Median: newMedian(absolute).Middle, Worst: unknown}
	if e.Count == 0 {
		return e
	}
	e.Weighted, e.Worst = Number(off/sum), 0
	for _, a := range absolute {
		e.Worst = max(e.Worst, Number(a))
	}
	return e
}
