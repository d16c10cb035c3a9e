package validation

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"hidp/sim/trace"
	"hidp/strategies/plan"
)

// Row is one model under one method, measured against simulated. Times are in seconds, errors are simulated/measured − 1.
type Row struct {
	Model    string `json:"model"`
	Strategy string `json:"strategy"`
	Plan     int    `json:"plan"`    // number of the plan; rows with the same number have the same plan
	SameAs   string `json:"same_as"` // the strategy whose measurement this row shows, having made the same plan first
	Status   string `json:"status"`  // ok, invalid, infeasible
	Reason   string `json:"reason"`  // why it is not ok
	Attempts int    `json:"attempts"`

	Nodes     int   `json:"nodes"`
	Ops       int   `json:"ops"`
	SentBytes int64 `json:"sent_bytes"`

	Latency    LatencyRow    `json:"latency"`
	Throughput ThroughputRow `json:"throughput"`
	Compute    OpError       `json:"compute_ops"`
	Transfers  OpError       `json:"transfers"`
	Energy     EnergyRow     `json:"energy"`
	Protocol   ProtocolRow   `json:"protocol"`
	CostModel  CostModelRow  `json:"cost_model"`

	LagMean   Number     `json:"lag_mean"`
	LagMax    Number     `json:"lag_max"`
	Agreement *Agreement `json:"agreement"` // null: outputs were not compared
}

// What a row's Status can be.
const (
	statusOK         = "ok"
	statusInvalid    = "invalid"
	statusInfeasible = "infeasible"
)

// distinct reports whether the row stands for a measurement of its own that can be trusted.
func (r *Row) distinct() bool { return r.Status == statusOK && r.SameAs == "" }

// LatencyRow compares medians of lone requests.
type LatencyRow struct {
	Requests  int    `json:"requests"`
	Measured  Number `json:"measured"`
	Low       Number `json:"measured_low"` // of the median, at 95 %
	High      Number `json:"measured_high"`
	Simulated Number `json:"simulated"`
	Error     Number `json:"error"`
	Absolute  Number `json:"absolute_error"`
}

// ThroughputRow compares rates of requests that come faster than they can be served: medians of crowds.
type ThroughputRow struct {
	Requests  int    `json:"requests"` // of a crowd, that count
	Crowds    int    `json:"crowds"`
	Offered   Number `json:"offered_per_s"`
	Measured  Number `json:"measured_per_s"`
	Simulated Number `json:"simulated_per_s"`
	Error     Number `json:"error"`
	Overlap   Number `json:"overlap"`   // simulated rate times latency: requests that are worked on at a time
	Pipelined bool   `json:"pipelined"` // Overlap says that requests are worked on at the same time
}

// pipelined is the least overlap of a plan that counts as pipelined.
const pipelined = 1.05

// ProtocolRow compares agents that only wait as long as the first profile says with the simulation of just that: simulated/these − 1 is
// Error, what the model of a run leaves out. Measured/these − 1 is Compute, what computing in a run takes more than in that profile.
type ProtocolRow struct {
	Requests int    `json:"requests"`
	Modelled Number `json:"modelled"`
	Error    Number `json:"error"`
	Compute  Number `json:"compute_excess"`
}

// CostModelRow compares the simulation by the board files with that by the profile.
type CostModelRow struct {
	Predicted Number `json:"predicted"`
	Error     Number `json:"error"` // predicted/simulated with the profile − 1
}

// comparison is a case that was measured, with the simulator's side of it.
type comparison struct {
	simulation
	row       Row
	passes    []Profile // of the latency phase
	ops       []OpRow
	measured  phase // lone requests
	simulated phase
}

// compare simulates what was measured and puts both beside each other.
func (s simulation) compare(ctx context.Context, o Settings, p Schedule, m *Measurement, row Row) (*comparison, error) {
	c := &comparison{simulation: s, row: row, passes: slices.Concat(m.Blocks...)}
	lone, err := s.lone(ctx, p, m.Blocks)
	if err != nil {
		return nil, err
	}
	crowds, err := s.crowds(ctx, p, m.Crowds, o.Steady)
	if err != nil {
		return nil, err
	}
	c.measured, c.simulated = newPhase(m.Latency, o.Warmup), newPhase(lone, o.Warmup)
	r := &c.row
	r.Latency = latencyRow(c.measured, c.simulated)
	r.Throughput = throughputRow(traces(m.Crowds), crowds, p, o.Steady, r.Latency)
	guess, waiting := s, s
	guess.profile, waiting.profile = nil, p.Profile
	predicted, err := guess.latency(ctx)
	if err != nil {
		return nil, err
	}
	r.CostModel = CostModelRow{Predicted: Number(predicted.Seconds()), Error: relative(predicted.Seconds(), float64(r.Latency.Simulated))}
	expected, err := waiting.latency(ctx)
	if err != nil {
		return nil, err
	}
	r.Protocol = protocolRow(m.Modelled, o.Warmup, expected, r.Latency)
	c.ops = c.opRows(row.Strategy, c.passes, c.measured, c.simulated)
	r.Compute, r.Transfers = opError(c.ops, plan.Compute), opError(c.ops, plan.Send)
	r.Energy = c.energyRow(m, lone, crowds)
	r.LagMean, r.LagMax, r.Agreement = Number(m.Lag.Mean.Seconds()), Number(m.Lag.Max.Seconds()), m.Agreement
	return c, nil
}

func latencyRow(measured, simulated phase) LatencyRow {
	m, s := newMedian(measured.latencies()), newMedian(simulated.latencies())
	e := relative(float64(s.Middle), float64(m.Middle))
	return LatencyRow{Requests: m.N, Measured: m.Middle, Low: m.Low, High: m.High, Simulated: s.Middle, Error: e, Absolute: Number(math.Abs(float64(e)))}
}

func throughputRow(measured, simulated []*trace.Trace, plan Schedule, steady int, l LatencyRow) ThroughputRow {
	m, s := rates(measured, steady), rates(simulated, steady)
	r := ThroughputRow{Requests: len(plan.Throughput) - steady, Crowds: len(measured), Measured: Number(m), Simulated: Number(s), Error: relative(s, m),
		Overlap: Number(s) * l.Simulated, Offered: unknown}
	if n := len(plan.Throughput); n > 1 && plan.Throughput[n-1] > 0 {
		r.Offered = Number(float64(n-1) / plan.Throughput[n-1].Seconds())
	}
	r.Pipelined = r.Overlap >= pipelined
	return r
}

func protocolRow(modelled *trace.Trace, warmup int, expected time.Duration, l LatencyRow) ProtocolRow {
	r := ProtocolRow{Modelled: unknown, Error: unknown, Compute: unknown}
	if modelled == nil {
		return r
	}
	m := newMedian(newPhase(modelled, warmup).latencies())
	r.Requests, r.Modelled = m.N, m.Middle
	r.Error = relative(expected.Seconds(), float64(m.Middle))
	r.Compute = relative(float64(l.Measured), float64(m.Middle))
	return r
}

// distrust returns why a measurement cannot be compared, or nothing.
func distrust(m *Measurement, s Schedule) []string {
	out := slices.Clone(m.Invalid)
	out = append(out, faults("latency phase", m.Latency, s.lone(), true)...)
	if len(m.Crowds) != s.Crowds {
		out = append(out, fmt.Sprintf("throughput phase: %d of %d crowds were measured", len(m.Crowds), s.Crowds))
	}
	for _, c := range m.Crowds {
		out = append(out, faults("throughput phase", c.Trace, len(s.Throughput), false)...)
	}
	if s.Modelled > 0 {
		out = append(out, faults("modelled phase", m.Modelled, s.Modelled, true)...)
	}
	return out
}

// blank is a row of which nothing is known but what it is of.
func blank(c *planned, number int) Row {
	r := Row{Model: c.model, Strategy: c.method.Label, Plan: number, Latency: LatencyRow{Measured: unknown, Low: unknown, High: unknown,
		Simulated: unknown, Error: unknown, Absolute: unknown}, LagMean: unknown, LagMax: unknown}
	r.Throughput = ThroughputRow{Offered: unknown, Measured: unknown, Simulated: unknown, Error: unknown, Overlap: unknown}
	none := OpError{Weighted: unknown, Median: unknown, Worst: unknown}
	r.Compute, r.Transfers = none, none
	r.Energy = EnergyRow{Measured: unknown, Simulated: unknown, Error: unknown, Active: unknown}
	r.Protocol = protocolRow(nil, 0, 0, r.Latency)
	r.CostModel = CostModelRow{Predicted: unknown, Error: unknown}
	if c.plan != nil {
		for _, op := range c.plan.Ops {
			r.Nodes = max(r.Nodes, op.Node+1, op.To+1)
		}
		parts := c.plan.Nodes(r.Nodes)
		r.Nodes = 0
		for _, part := range parts {
			if part {
				r.Nodes++
			}
		}
		r.Ops, r.SentBytes = len(c.plan.Ops), c.plan.SentBytes(c.graph)
	}
	return r
}

// joined names the keys of a set in order.
func joined(set map[string]bool) string { return strings.Join(slices.Sorted(maps.Keys(set)), ", ") }
