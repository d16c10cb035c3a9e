package main

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"hidp/devices"
	"hidp/devices/calibration/boards"
	"hidp/results"
	"hidp/strategies/plan"
	"hidp/workloads"
	"hidp/workloads/zoo"
)

// predictFlags are what a latency is predicted from.
type predictFlags struct {
	board, runtime, cluster string
	layers                  int
	asJSON                  bool
	file                    fileFlags
}

func (a *app) predictCommand() *cobra.Command {
	var f predictFlags
	c := &cobra.Command{Use: "predict MODEL|FILE.onnx --board NAME|FILE.toml", Short: "a network's latency on a " +
		"board, with its interval and what limits it",
		Args: cobra.ExactArgs(1), ValidArgsFunction: orFile(zoo.Names),
		Example: "  hidp predict resnet50 --board jetson-nano --runtime tensorrt",
		RunE:    func(_ *cobra.Command, args []string) error { return a.predict(args[0], f) }}
	c.Flags().StringVar(&f.board, "board", "", "catalogue name or FILE.toml (required)")
	c.Flags().StringVar(&f.runtime, "runtime", "", "a runtime of the board, such as ncnn or ncnn/fp16 (default: "+
		"tensorflow/fp32, or else the board's first)")
	c.Flags().StringVar(&f.cluster, "cluster", "", "a cluster of the board (default: the GPU if the runtime has it, "+
		"or else all CPU cores)")
	c.Flags().IntVar(&f.layers, "layers", 10, "how many of the layers that cost most to list")
	c.Flags().BoolVar(&f.asJSON, "json", false, "print one JSON object")
	f.file.add(c)
	must(c.MarkFlagRequired("board"))
	return c
}

// predicted is the JSON form of a prediction.
type predicted struct {
	Model   string `json:"model"`
	Board   string `json:"board"`
	Runtime string `json:"runtime"`
	Cluster string `json:"cluster"`
	boards.Estimate
	Planned  float64  `json:"planned"` // what plans take the network to cost
	Energy   float64  `json:"energy"`  // J of the board over the latency, idle power included
	Memory   int64    `json:"memory"`  // bytes of weights and of the tensors that live at one time
	Basis    string   `json:"basis"`
	Warnings []string `json:"warnings"`
}

func (a *app) predict(model string, f predictFlags) error {
	if f.layers < 0 {
		return fmt.Errorf("--layers %d: write a whole number from 0", f.layers)
	}
	g, err := openModel(model, f.file)
	if err != nil {
		return err
	}
	p, err := predictOn(g, f)
	if err != nil {
		return err
	}
	if f.asJSON {
		return printJSON(a.out, p)
	}
	a.printPrediction(p, f.layers)
	return nil
}

func predictOn(g *workloads.Graph, f predictFlags) (*predicted, error) {
	b, err := devices.OpenBoard(f.board)
	if err != nil {
		return nil, err
	}
	runtime, cluster, err := boards.Choose(b, f.runtime, f.cluster)
	if err != nil {
		return nil, err
	}
	s, err := boards.NewLibrary().Subject(b, runtime, cluster)
	if err != nil {
		return nil, err
	}
	p := &predicted{Model: g.Name, Board: b.Name, Runtime: runtime, Cluster: cluster, Estimate: s.Predict(g),
		Basis:    s.Basis(),
		Warnings: append(append([]string{}, b.Warnings...), g.Assumptions...)}
	if err := p.price(g, "board:"+f.board+"@"+runtime); err != nil {
		return nil, err
	}
	if len(s.Set.Rows) == 0 {
		p.Warnings = append(p.Warnings, fmt.Sprintf("nothing was measured with %s on %s: errors of all networks share a "+
			"factor that only a measurement tells", runtime, cluster))
	}
	return p, nil
}

// price fills in what a plan of the whole network on the cluster costs.
func (p *predicted) price(g *workloads.Graph, board string) error {
	platform, err := devices.Open(board)
	if err != nil {
		return err
	}
	k, ok := platform.Nodes[0].Cluster(p.Cluster)
	if !ok {
		return fmt.Errorf("board %s does not use cluster %s with %s", p.Board, p.Cluster, p.Runtime)
	}
	belief := plan.NewBelief(platform)
	b := plan.NewBuilder("whole", plan.Problem{Graph: g, Batch: 1}, belief)
	b.Compute(0, k, workloads.Slice{From: 1, To: g.Output() + 1, Out: g.Full(g.Output(), 1)})
	whole, err := b.Finish()
	if err != nil {
		return err
	}
	forecast := plan.Forecast(whole, g, belief)
	p.Planned = forecast.Latency.Seconds()
	p.Energy = forecast.Energy * p.Latency / p.Planned
	p.Memory = plan.Memory(whole, g, 1)[0].Total()
	if err := plan.Fits(whole, g, platform); err != nil {
		p.Warnings = append(p.Warnings, err.Error())
	}
	return nil
}

func (a *app) printPrediction(p *predicted, most int) {
	fmt.Fprintf(a.out, "%s on %s, %s on %s:\n  %s, 80 %% within %s to %s\n", p.Model, p.Board, p.Runtime, p.Cluster,
		seconds(p.Latency),
		seconds(p.Low), seconds(p.High))
	switch {
	case p.Measured:
		fmt.Fprintln(a.out, "  follows from the measured row of the network or of a variant of it")
	case p.Elsewhere:
		fmt.Fprintln(a.out, "  corrected by what the same network showed on other chips with this runtime")
	}
	fmt.Fprintf(a.out, "%s\n  energy %s, memory %s; plans take it to cost %s\n", wrappedText("rests on "+p.Basis),
		joules(p.Energy), size(p.Memory),
		seconds(p.Planned))
	for _, w := range p.Warnings {
		fmt.Fprintf(a.out, "warning:\n%s\n", wrappedText(w))
	}
	layers := slices.Clone(p.Layers)
	slices.SortStableFunc(layers, func(a, b boards.Layer) int { return cmp.Compare(b.Seconds, a.Seconds) })
	t := results.Table{Columns: []string{"layer", "class", "time", "of all", "limited by"}, Right: []string{"time",
		"of all"}}
	rest, parts := p.Invoke, map[string]float64{}
	for i, l := range layers {
		parts[l.Limit] += l.Seconds
		if i >= most {
			rest += l.Seconds
			continue
		}
		t.Add(l.Name, l.Class, seconds(l.Seconds), share(l.Seconds/p.Latency), fmt.Sprintf("%s (%s)", l.Limit,
			share(l.Share)))
	}
	t.Add(fmt.Sprintf("%d others, and the inference", max(0, len(layers)-most)), "", seconds(rest),
		share(rest/p.Latency), "")
	t.Notes = []string{fmt.Sprintf("Of the time, layers that compute limits take %s, bandwidth %s, overhead %s;\neach "+
		"inference %s.", share(parts["compute"]/p.Latency),
		share(parts["bandwidth"]/p.Latency), share(parts["overhead"]/p.Latency), share(p.Invoke/p.Latency))}
	fmt.Fprintln(a.out)
	a.printTable(t)
}

// share prints a share in per cent.
func share(x float64) string { return fmt.Sprintf("%.0f %%", 100*x) }
