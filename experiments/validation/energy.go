package validation

import (
	"maps"
	"slices"
	"strings"
	"time"

	"hidp/sim/trace"
)

// EnergyRow compares the joules of the nodes that take part, per request of the latency and throughput phases. Idle power over the
// phases is part of them.
type EnergyRow struct {
	Measured  Number `json:"measured"`
	Simulated Number `json:"simulated"`
	Error     Number `json:"error"`
	Active    Number `json:"active_error"` // of what is above idle power
	Source    string `json:"source"`       // how the measured side was found
}

// How the measured joules were found, where no instrument says.
const (
	modelledEnergy = "modelled: board powers times measured busy times"
	mixedEnergy    = "instruments, and modelled from measured busy times for nodes without one"
)

// energyRow compares the energy of a run. Nodes without an instrument are booked by the platform's powers and the busy times that
// were measured, so that for them it is an error of busy times only.
func (s simulation) energyRow(m *Measurement, lone *trace.Trace, crowds []*trace.Trace) EnergyRow {
	nodes := s.platform.Nodes
	window := max(end(m.Latency), end(lone))
	n := float64(len(m.Latency.Requests))
	for i, crowd := range crowds {
		window += max(end(m.Crowds[i].Trace), end(crowd))
		n += float64(len(crowd.Requests))
	}
	measured, simulated := s.active(append(traces(m.Crowds), m.Latency)...), s.active(append(slices.Clone(crowds), lone)...)
	parts, instruments := s.plan.Nodes(len(nodes)), map[int]string{}
	for _, e := range m.Energy {
		if e.Source != "" && e.Length > 0 && parts[e.Node] {
			measured[e.Node] = e.Joules - float64(nodes[e.Node].IdlePower*e.Length.Seconds())
			instruments[e.Node] = e.Source
		}
	}
	var a, b, idle float64
	taking := 0
	for j, part := range parts {
		if part {
			taking++
			a, b, idle = a+measured[j], b+simulated[j], idle+float64(nodes[j].IdlePower*window.Seconds())
		}
	}
	row := EnergyRow{Measured: Number((a + idle) / n), Simulated: Number((b + idle) / n), Error: relative(b+idle, a+idle), Active: relative(b, a), Source: modelledEnergy}
	switch {
	case len(instruments) == taking:
		row.Source = strings.Join(slices.Compact(slices.Sorted(maps.Values(instruments))), ", ")
	case len(instruments) > 0:
		row.Source = mixedEnergy
	}
	return row
}

// active returns the joules above idle power of every node in some phases, by the platform's powers.
func (s simulation) active(phases ...*trace.Trace) []float64 {
	out := make([]float64, len(s.platform.Nodes))
	for _, t := range phases {
		for j, account := range t.Accounts(s.platform, end(t)) {
			out[j] += account.Energy(&s.platform.Nodes[j], 0)
		}
	}
	return out
}

// end returns when the last request of a trace ended.
func end(t *trace.Trace) time.Duration {
	var last time.Duration
	for _, r := range t.Requests {
		last = max(last, r.Finish)
	}
	return last
}
