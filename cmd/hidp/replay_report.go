package main

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"hidp/results"
	"hidp/sim"
	"hidp/testbed/agent/energy"
	"hidp/testbed/controller"
)

// measured is what a replay found, in the words of a simulation's summary.
type measured struct {
	sim.Summary
	Engine       string         `json:"engine"`
	EnergySource string         `json:"energy_source"`
	Lag          float64        `json:"lag"`
	Disturbed    int            `json:"disturbed"`
	Invalid      []string       `json:"invalid"`
	Checked      int            `json:"checked"`
	Wrong        int            `json:"wrong"` // answers beyond the tolerance
	Exact        bool           `json:"exact"`
	Difference   float64        `json:"difference"`
	Tolerance    *tolerance     `json:"tolerance"` // null where no answers were checked
	Nodes        []measuredNode `json:"nodes"`
}

// tolerance is by how much answers may differ, relative to their largest magnitude.
type tolerance struct {
	Relative float64 `json:"relative"`
	Reason   string  `json:"reason"`
}

type measuredNode struct {
	Node         string             `json:"node"`
	Busy         map[string]float64 `json:"busy"`
	Sent         int64              `json:"sent_bytes"`
	Received     int64              `json:"received_bytes"`
	PeakMemory   int64              `json:"peak_memory"`
	Lag          float64            `json:"lag"`
	Energy       float64            `json:"energy"`
	EnergySource string             `json:"energy_source"`
	ClockOffset  float64            `json:"clock_offset"`
}

// measured condenses a run.
func (r *replayer) measured(run *controller.Run) *measured {
	m := &measured{Lag: run.Lag.Seconds(), Disturbed: run.Disturbed, Invalid: append([]string{}, run.Invalid...), Engine: r.agents.About(run.Platform.Nodes[r.plan.Leader].Name).Engine, Exact: len(run.Checks) > 0}
	sample := make([]float64, len(run.Latencies))
	for i, l := range run.Latencies {
		sample[i] = l.Seconds()
	}
	m.Summary = sim.Summary{Strategy: r.plan.Strategy, Model: r.plan.Model, Platform: run.Platform.Name, Requests: int64(len(run.Outcomes)),
		Completed: int64(len(sample)), Failed: int64(len(run.Outcomes) - len(sample)), Throughput: run.Throughput, Makespan: run.Makespan.Seconds(),
		Seed: r.flags.seed, Warnings: warnings(r.plan, r.graph), Latency: sim.NoLatency(), PlanningTime: sim.None(), EnergyServing: sim.None()}
	if len(sample) > 0 {
		m.Latency = sim.SummaryLatency{Mean: results.Mean(sample).Mean, P50: results.Percentile(sample, 50), P95: results.Percentile(sample, 95),
			P99: results.Percentile(sample, 99), Max: results.Percentile(sample, 100)}
	}
	for _, c := range run.Checks {
		m.Checked++
		m.Exact = m.Exact && c.Agreement.Exact
		m.Difference = max(m.Difference, min(c.Agreement.Relative(), math.MaxFloat64)) // JSON has no infinity
		if !c.Agreement.OK() {
			m.Wrong++
		}
		m.Tolerance = &tolerance{c.Agreement.Tolerance.Relative, c.Agreement.Tolerance.Reason}
	}
	r.addNodes(m, run)
	return m
}

// addNodes adds what each node did, and the energy of all.
func (r *replayer) addNodes(m *measured, run *controller.Run) {
	of := map[energy.Provenance]bool{}
	whole := *run.Trace
	whole.Plans = run.Plans // which its requests count in
	served := whole.Serving(len(run.Nodes), run.Makespan)
	serving := 0.0
	for j := range run.Nodes {
		n := &run.Nodes[j]
		m.EnergyPlatform += n.Energy.Joules
		if !n.TookPart {
			continue
		}
		rest := run.Platform.Nodes[j].IdlePower * (run.Makespan - served[j]).Seconds() // between requests
		serving += max(0, n.Energy.Joules-rest)
		of[n.Energy.Provenance] = true
		x := measuredNode{Node: n.Node, Busy: map[string]float64{}, Sent: n.Sent, Received: n.Received, PeakMemory: n.PeakMemory, Lag: n.Lag.Seconds(),
			Energy: n.Energy.Joules, EnergySource: string(n.Energy.Provenance) + ": " + n.Energy.Source, ClockOffset: n.Clock.Ahead.Seconds()}
		for k, busy := range n.Busy {
			if busy > 0 {
				x.Busy[run.Platform.Nodes[j].Clusters[k].Name] = busy.Seconds()
			}
		}
		m.Nodes = append(m.Nodes, x)
	}
	if m.Completed > 0 {
		m.EnergyServing = sim.Quantity(serving / float64(m.Completed))
	}
	switch {
	case of[energy.Measured] && of[energy.Modelled]:
		m.EnergySource = "measured, and modelled where a node cannot measure"
	case of[energy.Measured]:
		m.EnergySource = string(energy.Measured)
	default:
		m.EnergySource = string(energy.Modelled)
	}
}

func (r *replayer) print(run *controller.Run) {
	m := r.measured(run)
	out := r.app.out
	fmt.Fprintf(out, "%s, %s on agents of %s, computed by %s\n\n", m.Strategy, m.Model, m.Platform, m.Engine)
	t := results.Table{Columns: []string{"what", "measured"}, Right: []string{"measured"}}
	t.Add("requests completed", fmt.Sprintf("%d of %d", m.Completed, m.Requests))
	t.Add("latency mean", seconds(m.Latency.Mean))
	t.Add("latency p50", seconds(m.Latency.P50))
	t.Add("latency p95", seconds(m.Latency.P95))
	t.Add("latency max", seconds(m.Latency.Max))
	t.Add("throughput", results.Number(m.Throughput)+" /s")
	t.Add("energy serving, per request ("+m.EnergySource+")", joules(float64(m.EnergyServing)))
	t.Add("largest lag of the testbed", seconds(m.Lag))
	t.Add("requests disturbed by lag", fmt.Sprintf("%d of %d", run.Disturbed, len(run.Outcomes)))
	r.app.printTable(t)
	fmt.Fprintln(out)
	nodes := results.Table{Columns: []string{"node", "busy", "sent", "received", "memory of tensors", "energy"}, Right: []string{"sent", "received", "memory of tensors", "energy"}}
	for _, n := range m.Nodes {
		var busy []string
		for _, k := range slices.Sorted(maps.Keys(n.Busy)) {
			busy = append(busy, k+" "+seconds(n.Busy[k]))
		}
		nodes.Add(n.Node, strings.Join(busy, ", "), size(n.Sent), size(n.Received), size(n.PeakMemory), results.Number(n.Energy)+" J")
	}
	r.app.printTable(nodes)
	fmt.Fprintf(out, "\n%s\n", m.verdict(run.Checks))
}

// verdict says in one sentence whether the answers are right.
func (m *measured) verdict(checks []controller.Checked) string {
	switch {
	case m.Checked == 0:
		return "answers were not checked"
	case m.Wrong > 0:
		return fmt.Sprintf("%d of %d answers are wrong: they differ from those of %s by up to %.2g of the largest magnitude\n(allowed: %.2g; %s)",
			m.Wrong, m.Checked, checks[0].Against, m.Difference, m.Tolerance.Relative, m.Tolerance.Reason)
	case m.Exact:
		return fmt.Sprintf("%s: those of %s, to the bit", right(m.Checked), checks[0].Against)
	}
	return fmt.Sprintf("%s: those of %s within %.2g of the largest magnitude\n(allowed: %.2g; %s)", right(m.Checked), checks[0].Against, m.Difference,
		m.Tolerance.Relative, m.Tolerance.Reason)
}

// right says how many answers are right, all of them.
func right(n int) string {
	if n == 1 {
		return "the answer is right"
	}
	return fmt.Sprintf("all %d answers are right", n)
}
