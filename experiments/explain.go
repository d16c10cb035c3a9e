package experiments

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"hidp/devices"
	"hidp/sim"
	"hidp/sim/trace"
	"hidp/strategies"
	"hidp/strategies/plan"
	"hidp/workloads"
)

// Explanation says where the time and the energy of a scenario's requests go, and what would change them.
type Explanation struct {
	Summary sim.Summary `json:"summary"`
	Served  int         `json:"served"` // requests whose critical paths are behind Time
	Time    []TimeShare `json:"time"`
	Energy  []Joules    `json:"energy"`
	Path    []PathStep  `json:"path"` // of the first request that was served
	WhatIf  []WhatIf    `json:"what_if"`
	Cause   string      `json:"cause"` // in one sentence: why not faster
}

// TimeShare is what a part of the critical paths takes of a mean request, in one place.
type TimeShare struct {
	Part    trace.Part `json:"part"`
	Where   string     `json:"where"`   // "node/cluster", "node → node", or a node
	Seconds float64    `json:"seconds"` // mean per request
	Share   float64    `json:"share"`   // of the mean latency
}

// Joules is what a node draws for requests, per request that completed.
type Joules struct {
	Node     string  `json:"node"`
	Idle     float64 `json:"idle"` // while the node takes part in some request
	Active   float64 `json:"active"`
	Network  float64 `json:"network"`
	Planning float64 `json:"planning"`
}

// PathStep is a step of a critical path with names.
type PathStep struct {
	Part  trace.Part `json:"part"`
	Where string     `json:"where"`
	Op    int32      `json:"op"` // -1: none
	Start float64    `json:"start"`
	End   float64    `json:"end"` // seconds since the request's arrival
}

// WhatIf is the same scenario with one thing changed, simulated anew: the strategy plans for what is changed.
type WhatIf struct {
	Change     string       `json:"change"`
	Latency    sim.Quantity `json:"latency"`    // mean, s
	Energy     sim.Quantity `json:"energy"`     // serving, J per request
	Throughput float64      `json:"throughput"` // per s
	Faster     sim.Quantity `json:"faster"`     // latency against the scenario as it is, −0.2 for 20 % less
	Failure    string       `json:"failure"`    // why it cannot run; empty if it can

	fewer bool // boards
}

// Lone returns the scenario of one request for one network. With a plan the request runs that plan; the strategy then plans only
// where the scenario is changed so that the plan cannot run.
func Lone(p *devices.Platform, g *workloads.Graph, strategy string, options strategies.Options, batch int, plan *plan.Plan) *Scenario {
	return &Scenario{Name: "lone request", Seed: 1, Platform: p, Strategy: strategy, Options: options, Plan: plan, Models: []*workloads.Graph{g},
		Mix: workloads.Equal(1), Batch: batch, Limit: workloads.Limit{Requests: 1}, Arrivals: Arrivals{Kind: Closed, Clients: 1},
		Warnings: p.Warnings}
}

// mostTwins bounds the rows for one board fewer or more.
const mostTwins = 12

// Explain runs the scenario and each of the changes.
func (s *Scenario) Explain(ctx context.Context, o Overrides) (*Explanation, error) {
	o.Trace, o.Records = -1, false
	out, err := s.Run(ctx, o)
	if err != nil {
		return nil, err
	}
	x := &Explanation{Summary: out.Summary}
	if err := x.follow(out); err != nil {
		return nil, err
	}
	x.energy(out.Result)
	o.Trace = 0
	base := WhatIf{Change: "as it is", Latency: sim.Quantity(out.Summary.Latency.Mean), Energy: out.Summary.EnergyServing, Throughput: out.Summary.Throughput,
		Faster: sim.Quantity(0)}
	x.WhatIf = append(x.WhatIf, base)
	for _, c := range s.changes() {
		row, err := s.try(ctx, o, c, base.Latency)
		if err != nil {
			return nil, err
		}
		x.WhatIf = append(x.WhatIf, row)
	}
	x.Cause = x.cause()
	return x, nil
}

// follow adds up the critical paths of all requests that were served.
func (x *Explanation) follow(out *Outcome) error {
	tr := out.Result.Trace
	type place struct {
		part  trace.Part
		where string
	}
	sums := map[place]time.Duration{}
	var all time.Duration
	for i := range tr.Requests {
		r := &tr.Requests[i]
		if r.Failed != "" {
			continue
		}
		steps, err := tr.Critical(r.ID)
		if err != nil {
			return err
		}
		x.Served++
		for _, s := range steps {
			where := placeOf(out.Platform, s)
			sums[place{s.Part, where}] += s.End - s.Start
			all += s.End - s.Start
			if x.Served == 1 {
				x.Path = append(x.Path, PathStep{s.Part, where, s.Op, (s.Start - r.Arrival).Seconds(), (s.End - r.Arrival).Seconds()})
			}
		}
	}
	for _, p := range trace.Parts() {
		first := len(x.Time)
		for at, d := range sums {
			if at.part == p {
				x.Time = append(x.Time, TimeShare{p, at.where, d.Seconds() / float64(x.Served), d.Seconds() / all.Seconds()})
			}
		}
		slices.SortFunc(x.Time[first:], func(a, b TimeShare) int {
			if a.Seconds != b.Seconds {
				return -cmp.Compare(a.Seconds, b.Seconds)
			}
			return cmp.Compare(a.Where, b.Where)
		})
	}
	return nil
}

func placeOf(p *devices.Platform, s trace.Step) string {
	n := &p.Nodes[s.Node]
	switch {
	case s.To >= 0:
		return n.Name + " → " + p.Nodes[s.To].Name
	case s.Cluster >= 0:
		return n.Name + "/" + n.Clusters[s.Cluster].Name
	}
	return n.Name
}

func (x *Explanation) energy(r *sim.Result) {
	if r.Completed == 0 {
		return
	}
	k := float64(r.Completed)
	for i := range r.Nodes {
		if n := &r.Nodes[i]; n.ServingEnergy() > 0 {
			x.Energy = append(x.Energy, Joules{n.Name, n.ServingIdle / k, n.Active / k, n.NIC / k, n.Planning / k})
		}
	}
}

// change is one row of the what-if table.
type change struct {
	text  string
	fewer bool // boards
	make  func() (*Scenario, error)
}

// changes lists what is tried: a faster network, 8-bit inputs, the leader alone, one board fewer and one more.
func (s *Scenario) changes() []change {
	platform := func(make func() (*devices.Platform, error)) func() (*Scenario, error) {
		return func() (*Scenario, error) {
			p, err := make()
			if err != nil {
				return nil, err
			}
			c := *s
			if c.Platform = p; len(p.Nodes) != len(s.Platform.Nodes) {
				c.Plan = nil
			}
			return &c, nil
		}
	}
	var list []change
	names := s.Platform.NodeNames()
	leader := names[s.Platform.Leader]
	if len(names) > 1 {
		for _, factor := range []float64{2, 10} {
			list = append(list, change{fmt.Sprintf("a network %.0f times as fast", factor), false,
				platform(func() (*devices.Platform, error) { return s.Platform.WithNetworkScaled(factor) })})
		}
		list = append(list, change{leader + " alone", true, platform(func() (*devices.Platform, error) { return s.Platform.Subset(leader) })})
	}
	if s.Models[0].Layers[0].ElemBytes > 1 {
		list = append(list, change{"inputs of 8 bits", false, s.withSmallInputs})
	}
	others := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == leader })
	if len(others) > 1 && len(others) <= mostTwins {
		for _, gone := range others {
			keep := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == gone })
			list = append(list, change{"without " + gone, true, platform(func() (*devices.Platform, error) { return s.Platform.Subset(keep...) })})
		}
	}
	boards := map[string]bool{}
	for i := range s.Platform.Nodes {
		n := &s.Platform.Nodes[i]
		if _, _, attached := s.Platform.Network.Ports(i); boards[n.Board] || !attached || len(boards) >= mostTwins {
			continue
		}
		boards[n.Board] = true
		list = append(list, change{"one more " + n.Board, false, platform(func() (*devices.Platform, error) { return s.Platform.WithAnother(n.Name) })})
	}
	return list
}

// withSmallInputs returns the scenario with images of one byte per value on the wire.
func (s *Scenario) withSmallInputs() (*Scenario, error) {
	c := *s
	c.Models, c.Plan = nil, nil
	for _, g := range s.Models {
		c.Models = append(c.Models, g.WithInputBytes(1))
	}
	return &c, nil
}

// try runs a change. That the changed world cannot run is told in the row; the error is that of a run that was broken off.
func (s *Scenario) try(ctx context.Context, o Overrides, c change, base sim.Quantity) (WhatIf, error) {
	row := WhatIf{Change: c.text, fewer: c.fewer, Latency: sim.None(), Energy: sim.None(), Faster: sim.None()}
	changed, err := c.make()
	if err != nil {
		row.Failure = err.Error()
		return row, nil
	}
	out, err := changed.Run(ctx, o)
	if ctx.Err() != nil {
		return row, ctx.Err()
	}
	if err != nil {
		row.Failure = err.Error()
		return row, nil
	}
	for _, f := range out.Result.Failures {
		row.Failure = fmt.Sprintf("%d of %d requests failed: %s", f.Requests, out.Result.Arrived, f.Reason)
		break
	}
	row.Latency, row.Energy, row.Throughput = sim.Quantity(out.Summary.Latency.Mean), out.Summary.EnergyServing, out.Summary.Throughput
	row.Faster = row.Latency/base - 1
	return row, nil
}

// cause names what keeps a request from being faster: the part beside computing that takes most, and whether the leader alone, or
// one board fewer, would be faster.
func (x *Explanation) cause() string {
	if x.Served == 0 {
		return "no request was served"
	}
	parts := map[trace.Part]float64{}
	for _, t := range x.Time {
		parts[t.Part] += t.Share
	}
	network := parts[trace.Wire] + parts[trace.Messaging]
	text := fmt.Sprintf("Of a request's time %.0f %% is computing", 100*(parts[trace.Computing]))
	for _, other := range []struct {
		share float64
		text  string
	}{
		{network, "the network"}, {parts[trace.Queueing], "waiting for other ops and messages"},
		{parts[trace.Slowdown], "clusters of a board that slow each other down"}, {parts[trace.Planning], "planning"},
	} {
		if other.share >= 0.005 {
			text += fmt.Sprintf(", %.0f %% %s", 100*other.share, other.text)
		}
	}
	best := &x.WhatIf[0]
	for i := range x.WhatIf {
		w := &x.WhatIf[i]
		if w.Failure == "" && w.fewer && float64(w.Latency) < float64(best.Latency) {
			best = w
		}
	}
	if best != &x.WhatIf[0] {
		text += fmt.Sprintf("; %s would be faster by %.0f %%, so what is sent costs more than it saves", best.Change, -100*float64(best.Faster))
	}
	return text + "."
}
