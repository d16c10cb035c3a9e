package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hidp/experiments/validation"
	"hidp/internal/durable"
	"hidp/results/chrometrace"
	"hidp/sim"
	"hidp/strategies/plan"
	"hidp/testbed/controller"
	"hidp/testbed/inference"
	"hidp/testbed/submodel"
	"hidp/workloads"
)

// replayFlags say how a plan runs on agents.
type replayFlags struct {
	agents, model, trace, records, ort string
	file                               fileFlags
	requests                           int
	interval, tolerance                time.Duration
	seed                               uint64
	noCheck, modelled, asJSON          bool
}

func (a *app) replayCommand() *cobra.Command {
	var f replayFlags
	c := &cobra.Command{Use: "replay PLAN.json --agents AGENTS.toml", Short: "run a given plan on real agents", Args: cobra.ExactArgs(1),
		Long: "replay brings the sub-models of a plan to the agents of a testbed, runs requests, compares the answers with those of the network\n" +
			"unsplit, and prints what was measured. A run in which something came too late to be believed is not reported as one that went well.",
		Example: "  hidp replay plan.json --agents .testbed/agents.toml --requests 20 --interval 500ms --trace measured.json",
		RunE:    func(c *cobra.Command, args []string) error { return a.replay(c.Context(), args[0], f) }}
	c.Flags().StringVar(&f.agents, "agents", filepath.Join(testbedDir, "agents.toml"), "which agent is which node")
	c.Flags().StringVar(&f.model, "model", "", "the network (default: the one the plan names); weights of zoo networks are drawn from the seed")
	c.Flags().IntVar(&f.requests, "requests", 1, "how many requests run the plan")
	c.Flags().DurationVar(&f.interval, "interval", 0, "time between arrivals; 0: the next request comes when the last is served")
	c.Flags().DurationVar(&f.tolerance, "tolerance", 0, "lag of a request above which it counts as disturbed; a run with too many of them is not valid (default: 2 ms, or 5 % of the median latency if that is more)")
	c.Flags().Uint64Var(&f.seed, "seed", 1, "seed of weights and input")
	c.Flags().BoolVar(&f.noCheck, "no-check", false, "do not compare the answers with those of the network unsplit")
	c.Flags().BoolVar(&f.modelled, "modelled", false, "compute nothing: ops take what the platform's cost model says")
	c.Flags().StringVar(&f.ort, "ort", "", "`FILE` of the ONNX Runtime library for the comparison (default: $HIDP_ORT, else what make ort fetched)")
	c.Flags().StringVar(&f.trace, "trace", "", "write a Chrome trace to this file (open it in Perfetto)")
	c.Flags().StringVar(&f.records, "records", "", "write a line of CSV per request to this file")
	c.Flags().BoolVar(&f.asJSON, "json", false, "print one JSON object")
	f.file.add(c)
	return c
}

// mostReplayed is how many requests a replay may have: hours of work for real boards. Agents and controller keep some kilobytes of
// each.
const mostReplayed = 100_000

func (a *app) replay(ctx context.Context, path string, f replayFlags) error {
	if f.requests < 1 || f.requests > mostReplayed || f.interval < 0 || f.tolerance < 0 {
		return fmt.Errorf("--requests %d --interval %v --tolerance %v: from 1 to %d requests, no negative interval and no negative tolerance are needed",
			f.requests, f.interval, f.tolerance, mostReplayed)
	}
	roster, err := controller.OpenRoster(f.agents)
	if err != nil {
		return err
	}
	plan, g, err := readPlan(path, f.model, f.file, roster.World())
	if err != nil {
		return err
	}
	options, closeEngine, err := a.controllerOptions(f.ort, !f.noCheck && !f.modelled)
	if err != nil {
		return err
	}
	defer closeEngine()
	options.Tolerance = f.tolerance
	agents, err := controller.Dial(ctx, roster, options)
	if err != nil {
		return err
	}
	defer agents.Close()
	r := replayer{app: a, flags: f, plan: plan, graph: g, agents: agents}
	run, err := r.run(ctx)
	if run == nil {
		return err
	}
	if disagree := (*controller.DisagreementError)(nil); errors.As(err, &disagree) {
		err = nil // run.Err says so as well
	}
	if f.asJSON {
		return errors.Join(printJSON(a.out, r.measured(run)), r.files(run), err, run.Err())
	}
	r.print(run)
	return errors.Join(r.files(run), err, run.Err())
}

// controllerOptions returns options of a controller with an engine that checks answers, if they are to be checked, and what closes it.
func (a *app) controllerOptions(library string, check bool) (controller.Options, func(), error) {
	o := controller.Options{Version: version()}
	if !check {
		return o, func() {}, nil
	}
	e, err := engine(library)
	o.Engine = e
	return o, func() { e.Close() }, err
}

// engine opens ONNX Runtime, or the engine in Go where there is none and none was asked for.
func engine(library string) (inference.Engine, error) {
	path, err := inference.FindLibrary(library)
	if missing := (*inference.MissingError)(nil); errors.As(err, &missing) && library == "" {
		return inference.Reference{}, nil
	}
	if err != nil {
		return inference.Reference{}, err
	}
	e, err := inference.OpenORT(path)
	if err != nil {
		return inference.Reference{}, err
	}
	return e, nil
}

// replayer is one hidp replay.
type replayer struct {
	app    *app
	flags  replayFlags
	plan   *plan.Plan
	graph  *workloads.Graph
	agents *controller.Agents
}

// run deploys, serves and checks. A run that was cut short is returned with the error.
func (r *replayer) run(ctx context.Context) (*controller.Run, error) {
	job := controller.Job{Graph: r.graph, Plans: []*plan.Plan{r.plan}}
	if r.flags.modelled {
		costs := plan.NewBelief(r.agents.Roster().World()).Costs(r.graph)
		job.Modelled = func(_, op int) time.Duration { return r.plan.ComputeTime(costs, op) }
	} else {
		folder, err := os.MkdirTemp("", "hidp-weights-")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(folder)
		if job.Source, err = r.source(folder); err != nil {
			return nil, err
		}
		defer job.Source.Close()
	}
	bar := r.app.newProgress("deploying", 0)
	job.Progress = func(p controller.Progress) {
		bar.total(p.Total)
		bar.set(p.Done)
	}
	session, err := r.agents.Deploy(ctx, job)
	bar.done()
	if err != nil {
		return nil, err
	}
	defer session.Abort()
	return r.serve(ctx, session)
}

// source opens the network's file, or makes one of the zoo's.
func (r *replayer) source(folder string) (*submodel.Source, error) {
	name := r.flags.model
	if name == "" {
		name = r.plan.Model
	}
	if !strings.EqualFold(filepath.Ext(name), ".onnx") {
		return submodel.FromGraph(r.graph, folder, r.flags.seed)
	}
	opt, err := r.flags.file.options()
	if err != nil {
		return nil, err
	}
	return submodel.Open(name, opt)
}

// serve runs the requests after one that warms up, all on the times of --interval or one after the other, and checks their answers.
func (r *replayer) serve(ctx context.Context, s *controller.Session) (*controller.Run, error) {
	input := validation.RandomInput(r.graph, r.plan.Batch, r.flags.seed)
	output := !r.flags.noCheck && !r.flags.modelled
	if _, err := s.Serve(ctx, []controller.Request{{Warmup: true}}, input); err != nil {
		return nil, err
	}
	requests := make([]controller.Request, r.flags.requests)
	for i := range requests {
		requests[i] = controller.Request{At: time.Duration(i) * r.flags.interval, Output: output}
	}
	rounds := [][]controller.Request{requests}
	if r.flags.interval == 0 {
		rounds = slices.Collect(slices.Chunk(requests, 1))
	}
	bar := r.app.newProgress("serving", int64(len(rounds)))
	defer bar.done()
	var answers []controller.Outcome
	for i, some := range rounds {
		outcomes, err := s.Serve(ctx, some, input)
		if err != nil {
			return nil, err
		}
		answers = append(answers, outcomes...)
		bar.set(int64(i + 1))
	}
	run, err := s.Close(ctx)
	if err == nil && output {
		_, err = s.Check(answers, input)
	}
	return run, err
}

// files writes the trace and the records that were asked for.
func (r *replayer) files(run *controller.Run) error {
	var err error
	if r.flags.trace != "" {
		var data bytes.Buffer
		if err = chrometrace.Write(&data, run.Trace, run.Platform); err == nil {
			err = durable.WriteFile(durable.Disk{}, r.flags.trace, data.Bytes())
		}
	}
	if r.flags.records == "" {
		return err
	}
	var records []sim.Record
	for _, q := range run.Trace.Requests {
		records = append(records, sim.Record{ID: q.ID, Model: int(q.Model), Arrival: q.Arrival, Planned: q.Planned, Finish: q.Finish, Failed: q.Failed})
	}
	return errors.Join(err, writeRecords(r.flags.records, records, []*workloads.Graph{run.Graph}))
}
