package validation

import (
	"time"

	"hidp/sim/trace"
)

// EnergyRow compares joules of the nodes that take part, per request of the latency phase. The nodes' idle power is part of them.
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

// energyRow compares the energy of the latency phase. Nodes without an instrument are booked by the platform's powers and the busy
// times that were measured, so that for them it is an error of busy times only.
func (s simulation) energyRow(m *Measurement, simulated *trace.Trace) EnergyRow {
	window := max(end(m.Latency), end(simulated))
	for _, e := range m.Energy {
		if e.Source != "" {
			window = max(window, e.Length)
		}
	}
	ours, theirs := simulated.Accounts(s.platform, window), m.Latency.Accounts(s.platform, window)
	joules := make([]float64, len(s.platform.Nodes))
	instruments, nodes := map[string]bool{}, 0
	for j, part := range s.plan.Nodes(len(s.platform.Nodes)) {
		if part {
			nodes++
			joules[j] = theirs[j].Energy(&s.platform.Nodes[j], window)
		}
	}
	measured := 0
	for _, e := range m.Energy {
		if e.Source != "" && joules[e.Node] > 0 && e.Length > 0 {
			idle := s.platform.Nodes[e.Node].IdlePower * (window - e.Length).Seconds()
			joules[e.Node] = e.Joules + idle
			instruments[e.Source] = true
			measured++
		}
	}
	row := EnergyRow{Source: energySource(measured, nodes, instruments)}
	var a, b, idle float64
	for j, part := range s.plan.Nodes(len(s.platform.Nodes)) {
		if part {
			a += joules[j]
			b += ours[j].Energy(&s.platform.Nodes[j], window)
			idle += float64(s.platform.Nodes[j].IdlePower * window.Seconds())
		}
	}
	n := float64(len(m.Latency.Requests))
	row.Measured, row.Simulated = Number(a/n), Number(b/n)
	row.Error, row.Active = relative(b, a), relative(b-idle, a-idle)
	return row
}

func energySource(measured, nodes int, instruments map[string]bool) string {
	switch {
	case measured == 0:
		return modelledEnergy
	case measured < nodes:
		return mixedEnergy
	}
	return joined(instruments)
}

// end returns when the last request of a trace ended.
func end(t *trace.Trace) time.Duration {
	var last time.Duration
	for _, r := range t.Requests {
		last = max(last, r.Finish)
	}
	return last
}
