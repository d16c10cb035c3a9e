package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hidp/devices"
	"hidp/internal/durable"
	"hidp/internal/input"
	"hidp/results"
	"hidp/strategies"
	"hidp/strategies/catalog"
	"hidp/strategies/plan"
	"hidp/workloads"
)

// planFlags are what a plan is made from.
type planFlags struct {
	model, platform, strategy, leader, output string
	options                                   []string
	file                                      fileFlags
	batch                                     int
	asJSON                                    bool
}

func (a *app) planCommand() *cobra.Command {
	var f planFlags
	c := &cobra.Command{Use: "plan", Short: "make a plan, print it or write it", Args: cobra.NoArgs,
		Example: "  hidp plan --model resnet152 --platform paper-wlan --strategy hidp -o plan.json",
		RunE:    func(c *cobra.Command, _ []string) error { return a.plan(c.Context(), f) }}
	c.Flags().StringVar(&f.model, "model", "", "zoo name, FILE.onnx or layer table FILE.toml (required)")
	c.Flags().StringVar(&f.platform, "platform", "paper-wlan", "catalogue name, FILE.toml or board:NAME|FILE[@RUNTIME/PRECISION]")
	c.Flags().StringVar(&f.strategy, "strategy", "hidp", "see hidp list strategies; or exec:COMMAND, a program of your own")
	c.Flags().StringVar(&f.leader, "leader", "", "the node that receives the request (default: the platform's)")
	c.Flags().IntVar(&f.batch, "batch", 1, "inputs per request")
	c.Flags().StringArrayVar(&f.options, "option", nil, "a knob of the strategy, `NAME=VALUE`; may be repeated")
	c.Flags().StringVarP(&f.output, "output", "o", "", "write the plan to this file; - is standard output")
	c.Flags().BoolVar(&f.asJSON, "json", false, "print one JSON object")
	f.file.add(c)
	must(c.MarkFlagRequired("model"))
	return c
}

// planned is the JSON form of what hidp plan found.
type planned struct {
	Strategy         string          `json:"strategy"`
	Model            string          `json:"model"`
	Platform         string          `json:"platform"`
	Leader           string          `json:"leader"`
	Batch            int             `json:"batch"`
	PredictedLatency float64         `json:"predicted_latency"`
	PredictedEnergy  float64         `json:"predicted_energy"`
	PlanningTime     float64         `json:"planning_time"`
	SentBytes        int64           `json:"sent_bytes"`
	Exact            bool            `json:"exact"`
	Warnings         []string        `json:"warnings"`
	Plan             json.RawMessage `json:"plan"`
}

func (a *app) plan(ctx context.Context, f planFlags) error {
	platform, err := openPlatform(f.platform, f.leader)
	if err != nil {
		return err
	}
	g, err := openModel(f.model, f.file)
	if err != nil {
		return err
	}
	s, err := newStrategy(f.strategy, f.options)
	if err != nil {
		return err
	}
	if f.batch < 1 {
		return fmt.Errorf("--batch %d: must be at least 1", f.batch)
	}
	defer plan.Close(s)
	defer plan.CloseWith(ctx, s)()
	belief := plan.NewBelief(platform)
	if l, ok := s.(plan.Loaded); ok {
		l.UsesBacklog() // starts a program, which is no part of the time that planning takes
	}
	start := time.Now()
	p, err := s.Plan(plan.Problem{Graph: g, Batch: f.batch, Leader: platform.Leader}, belief)
	took := time.Since(start)
	if err != nil {
		return cmp.Or(ctx.Err(), err)
	}
	if err := plan.Validate(p, g, platform); err != nil {
		return err
	}
	forecast := plan.Forecast(p, g, belief)
	write := plan.Encode
	if known, err := devices.Open(platform.Name); err != nil || known.Hash() != platform.Hash() {
		write = plan.EncodeWith // the name alone does not lead to it
	}
	data, err := write(p, g, platform, forecast)
	if err != nil {
		return err
	}
	if f.output != "" {
		if err := durable.WriteFile(durable.Disk{}, f.output, data); err != nil {
			return err
		}
	}
	if f.output == durable.Standard {
		return nil
	}
	if f.asJSON {
		return printJSON(a.out, planned{f.strategy, f.model, f.platform, platform.Nodes[p.Leader].Name, f.batch, forecast.Latency.Seconds(),
			forecast.Energy, took.Seconds(), p.SentBytes(g), p.Exact(), append(warnings(p, g), platform.Warnings...), data})
	}
	if f.output != "" {
		for _, w := range append(warnings(p, g), platform.Warnings...) {
			fmt.Fprintln(a.err, "warning: "+w)
		}
		fmt.Fprintf(a.out, "%s: predicted latency %s, energy %.3f J, %d ops, %s sent; written to %s\n", f.strategy, millis(forecast.Latency),
			forecast.Energy, len(p.Ops), size(p.SentBytes(g)), f.output)
		return nil
	}
	a.printPlan(p, g, platform, forecast, took)
	return nil
}

// inexact is the warning that goes with plans that ignore halos.
const inexact = "inexact: slices ignore their halos, the result is not the network's own answer"

// warnings returns what is to be told of a plan and of how its network was read.
func warnings(p *plan.Plan, g *workloads.Graph) []string {
	out := append(append([]string{}, p.Warnings...), g.Assumptions...)
	if !p.Exact() {
		out = append(out, inexact)
	}
	return out
}

func (a *app) printPlan(p *plan.Plan, g *workloads.Graph, platform *devices.Platform, f plan.Prediction, took time.Duration) {
	fmt.Fprintf(a.out, "%s for %s on %s, leader %s, batch %d\n", p.Strategy, p.Model, p.Platform, platform.Nodes[p.Leader].Name, p.Batch)
	fmt.Fprintf(a.out, "predicted latency %s, energy %.3f J; %s sent; planned in %s\n\n", millis(f.Latency), f.Energy, size(p.SentBytes(g)), millis(took))
	for _, w := range append(warnings(p, g), platform.Warnings...) {
		fmt.Fprintf(a.out, "%s\n\n", w)
	}
	costs := devices.NewCosts(platform, g)
	var rows [][]string
	for i := range p.Ops {
		rows = append(rows, opRow(p, i, g, costs))
	}
	a.printTable(results.Table{Columns: []string{"op", "kind", "where", "what", "part", "alone", "after"}, Right: []string{"op", "alone"}, Rows: rows})
}

// opRow describes op i of a plan in the words of a table.
func opRow(p *plan.Plan, i int, g *workloads.Graph, c *devices.Costs) []string {
	op := &p.Ops[i]
	nodes := c.Platform.Nodes
	var after []string
	for _, x := range op.After {
		after = append(after, strconv.Itoa(x))
	}
	row := []string{strconv.Itoa(i), op.Kind.String(), "", "", "", "", strings.Join(after, " ")}
	if op.Kind == plan.Send {
		bytesSent := op.Bytes(g)
		row[2] = nodes[op.Node].Name + " → " + nodes[op.To].Name
		row[3] = g.Layers[op.Part.Layer].Name
		row[4] = part(g, op.Part, p.Batch) + ", " + size(bytesSent)
		row[5] = millis(c.Platform.Transfer(op.Node, op.To, bytesSent))
		return row
	}
	row[2] = nodes[op.Node].Name + "/" + nodes[op.Node].Clusters[op.Cluster].Name
	row[3] = g.Layers[op.Slice.From].Name
	if last := op.Slice.To - 1; last > op.Slice.From {
		row[3] += " … " + g.Layers[last].Name
	}
	row[4] = part(g, op.Slice.Last(), p.Batch)
	row[5] = millis(p.ComputeTime(c, i))
	return row
}

// part says which part of its layer's tensor p is, for a batch.
func part(g *workloads.Graph, p workloads.Part, batch int) string {
	d, full := &g.Geometry(p.Layer).Dims, g.Full(p.Layer, batch)
	var texts []string
	for a := range d.Axes() {
		if p.Box[a] != full[a] {
			texts = append(texts, fmt.Sprintf("%vs %v of %d", d.Axis[a], p.Box[a], full[a].Len()))
		}
	}
	if len(texts) == 0 {
		return "whole"
	}
	return strings.Join(texts, ", ")
}

// openPlatform opens a platform and makes the node called leader its leader, if one is named.
func openPlatform(name, leader string) (*devices.Platform, error) {
	p, err := devices.Open(name)
	if err != nil || leader == "" {
		return p, err
	}
	return p.WithLeader(leader)
}

// newStrategy makes a strategy from its name and NAME=VALUE options.
func newStrategy(name string, options []string) (plan.Planner, error) {
	given, err := parseOptions(options)
	if err != nil {
		return nil, err
	}
	return catalog.New(name, given)
}

func parseOptions(options []string) (strategies.Options, error) {
	given := strategies.Options{}
	for _, o := range options {
		k, v, ok := strings.Cut(o, "=")
		if !ok || k == "" {
			return nil, fmt.Errorf("--option %q: write NAME=VALUE", o)
		}
		given[k] = v
	}
	return given, nil
}

// readPlan reads a plan file together with its model. An empty model means the one that the plan names.
func readPlan(path, model string, file fileFlags, platform *devices.Platform) (*plan.Plan, *workloads.Graph, error) {
	data, err := input.Read(path, input.Plan)
	if err != nil {
		return nil, nil, fmt.Errorf("plan: %w", err)
	}
	if model == "" {
		header, err := plan.DecodeHeader(path, data)
		if err != nil {
			return nil, nil, err
		}
		model = header.Model
	}
	g, err := openModel(model, file)
	if err != nil {
		return nil, nil, err
	}
	p, err := plan.Decode(path, data, g, platform)
	return p, g, err
}
