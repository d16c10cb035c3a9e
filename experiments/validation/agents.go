package validation

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"hidp/sim/trace"
	"hidp/strategies"
	"hidp/testbed/agent/energy"
	"hidp/testbed/controller"
	"hidp/testbed/inference"
	"hidp/testbed/submodel"
	"hidp/workloads"
	"hidp/workloads/onnx"
)

// AgentBench is the Bench of a testbed: agents on boards, or on emulated ones. Close removes what it keeps on disk.
type AgentBench struct {
	agents *controller.Agents
	folder string
	seed   uint64
	model  string
	source *submodel.Source // of model
}

// NewAgentBench returns a bench of agents that were reached. Weights of the zoo's networks are drawn from seed into a temporary
// folder below dir (empty: the system's), which takes as much room as the largest network's weights, and so is the input.
func NewAgentBench(agents *controller.Agents, dir string, seed uint64) (*AgentBench, error) {
	folder, err := os.MkdirTemp(dir, "hidp-weights-")
	if err != nil {
		return nil, err
	}
	return &AgentBench{agents: agents, folder: folder, seed: seed}, nil
}

// Close removes the weights.
func (b *AgentBench) Close() error {
	var err error
	if b.source != nil {
		err = b.source.Close()
		b.source = nil
	}
	return errors.Join(err, os.RemoveAll(b.folder))
}

// Measure implements Bench. Where agents refuse the run or lose a node the error is the controller's.
func (b *AgentBench) Measure(ctx context.Context, c Case) (*Measurement, error) {
	if err := b.open(c.Model, c.Graph); err != nil {
		return nil, err
	}
	session, err := b.agents.Deploy(ctx, controller.Job{Source: b.source, Graph: c.Graph, Plans: list(c)})
	if err != nil {
		return nil, err
	}
	defer session.Abort()
	beat := &cadence{}
	passes, err := beat.profile(ctx, session, c, 0)
	if err != nil {
		return nil, err
	}
	schedule, err := c.Schedule(passes) // a rough one: how far apart requests come is not known yet
	if err != nil {
		return nil, err
	}
	if passes, err = beat.profile(ctx, session, c, schedule.Apart); err != nil {
		return nil, err
	}
	if schedule, err = c.Schedule(passes); err != nil {
		return nil, err
	}
	m, err := b.serve(ctx, session, c, schedule, beat, passes)
	if err != nil || len(schedule.Modelled) == 0 {
		return m, err
	}
	m.Modelled, err = b.modelled(ctx, c, schedule, m)
	return m, err
}

// cadence keeps what goes over the ops of a plan apart: passes of a profile and lone requests.
type cadence struct {
	last time.Time // when the last one began
}

// wait returns when the next may begin, so long after the one before.
func (b *cadence) wait(ctx context.Context, apart time.Duration) error {
	select {
	case <-time.After(time.Until(b.last.Add(apart))):
		b.last = time.Now()
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// profile measures the ops of the plan, pass by pass, as far apart as it is asked to but not further than the case says.
func (b *cadence) profile(ctx context.Context, s *controller.Session, c Case, apart time.Duration) ([]Profile, error) {
	passes := make([]Profile, c.Profile.Passes)
	for k := range passes {
		if err := b.wait(ctx, min(apart, c.Profile.Apart)); err != nil {
			return nil, err
		}
		measured, err := s.Profile(ctx, controller.ProfileOptions{Passes: 1, Rest: c.Profile.Rest})
		if err != nil {
			return nil, err
		}
		passes[k] = make(Profile, len(c.Plan.Ops))
		for i, op := range measured.Ops[0] {
			if op != nil {
				passes[k][i] = op.Median
			}
		}
	}
	return passes, nil
}

// serve runs requests, the first of them as far from what came before as they are from each other.
func (b *cadence) serve(ctx context.Context, s *controller.Session, list []controller.Request, apart time.Duration, c Case, input inference.Tensor) ([]controller.Outcome, error) {
	if err := b.wait(ctx, min(apart, c.Profile.Apart)); err != nil {
		return nil, err
	}
	outcomes, err := s.Serve(ctx, list, input)
	b.last = b.last.Add(list[len(list)-1].At)
	return outcomes, err
}

func list(c Case) []*strategies.Plan { return []*strategies.Plan{c.Plan} }

// open makes model's weights, unless it is the model of the case before.
func (b *AgentBench) open(model string, g *workloads.Graph) error {
	if b.model == model && b.source != nil {
		return nil
	}
	if b.source != nil {
		if err := b.source.Close(); err != nil {
			return err
		}
		b.source = nil
	}
	if err := errors.Join(os.RemoveAll(b.folder), os.MkdirAll(b.folder, 0o700)); err != nil {
		return err
	}
	var err error
	if filepath.Ext(model) == ".onnx" {
		b.source, err = submodel.Open(model, onnx.Options{})
	} else {
		b.source, err = submodel.FromGraph(g, b.folder, b.seed)
	}
	b.model = model
	return err
}

// serve runs both phases with real work, and checks the first and the last answer of the first phase. The passes before the first block were
// made just now.
func (b *AgentBench) serve(ctx context.Context, s *controller.Session, c Case, schedule Schedule, beat *cadence, passes []Profile) (*Measurement, error) {
	input := RandomInput(c.Graph, c.Plan.Batch, b.seed)
	m := &Measurement{}
	var first []controller.Outcome
	var err error
	for i, times := range schedule.Latency {
		if i > 0 {
			if passes, err = beat.profile(ctx, s, c, schedule.Apart); err != nil {
				return nil, err
			}
		}
		lone := requests(times)
		if i == 0 {
			lone[0].Output = c.Check
		}
		if i == len(schedule.Latency)-1 {
			lone[len(lone)-1].Output = c.Check
		}
		outcomes, err := beat.serve(ctx, s, lone, schedule.Apart, c, input)
		if err != nil {
			return nil, err
		}
		first = append(first, outcomes...)
		m.Blocks = append(m.Blocks, passes)
	}
	var crowds [][]controller.Outcome
	var second []controller.Outcome
	for range schedule.Crowds {
		passes, err := beat.profile(ctx, s, c, schedule.Together)
		if err != nil {
			return nil, err
		}
		outcomes, err := beat.serve(ctx, s, requests(schedule.Throughput), schedule.Together, c, input)
		if err != nil {
			return nil, err
		}
		m.Crowds = append(m.Crowds, Crowd{Passes: passes})
		crowds, second = append(crowds, outcomes), append(second, outcomes...)
	}
	run, err := s.Close(ctx)
	if err != nil {
		return nil, err
	}
	disturbed(run, first, "latency")
	disturbed(run, second, "throughput")
	m.Latency, m.Invalid = part(run.Trace, first, first[0].Due), run.Invalid
	for i := range crowds {
		m.Crowds[i].Trace = part(run.Trace, crowds[i], first[0].Due)
	}
	for j := range run.Nodes {
		n := &run.Nodes[j]
		m.Lag.Max = max(m.Lag.Max, n.Lag)
		if l := n.Measured; l != nil && l.Report.Lag.Count > 0 {
			m.Lag.Mean = max(m.Lag.Mean, l.Report.Lag.Sum/time.Duration(l.Report.Lag.Count))
		}
		if n.Energy.Provenance == energy.Measured {
			m.Energy = append(m.Energy, Energy{Node: j, Joules: n.Energy.Joules, Length: run.Makespan, Source: n.Energy.Source})
		}
	}
	if c.Check {
		m.Agreement, err = agreement(s, first, input)
	}
	return m, err
}

// modelled runs the latency phase on agents that only wait.
func (b *AgentBench) modelled(ctx context.Context, c Case, schedule Schedule, m *Measurement) (*trace.Trace, error) {
	s, err := b.agents.Deploy(ctx, controller.Job{Graph: c.Graph, Plans: list(c), Modelled: func(_, op int) time.Duration { return schedule.Profile[op] }})
	if err != nil {
		return nil, err
	}
	defer s.Abort()
	outcomes, err := s.Serve(ctx, requests(schedule.Modelled), inference.Tensor{})
	if err != nil {
		return nil, err
	}
	run, err := s.Close(ctx)
	if err != nil {
		return nil, err
	}
	for _, why := range run.Invalid {
		m.Invalid = append(m.Invalid, "modelled: "+why)
	}
	return part(run.Trace, outcomes, outcomes[0].Due), nil
}

// disturbed notes if too many requests of a phase were: those of both phases together may be few enough.
func disturbed(run *controller.Run, phase []controller.Outcome, name string) {
	if len(run.Invalid) > 0 {
		return
	}
	part := map[int64]bool{}
	for i := range phase {
		part[phase[i].ID] = true
	}
	outcomes := slices.DeleteFunc(slices.Clone(run.Outcomes), func(o controller.Outcome) bool { return !part[o.ID] })
	if n, tooMany := controller.Disturbed(outcomes, run.Tolerance); tooMany {
		run.Invalid = append(run.Invalid, fmt.Sprintf("%d of %d requests of the %s phase lagged by more than %v", n, len(outcomes), name, run.Tolerance.Round(time.Microsecond)))
	}
}

func requests(times []time.Duration) []controller.Request {
	out := make([]controller.Request, len(times))
	for i, at := range times {
		out[i].At = at
	}
	return out
}

// part returns the part of a trace that some requests left, with times from when the first of them was due. The trace's own times
// count from zero, a time of the clock that outcomes are in.
func part(t *trace.Trace, outcomes []controller.Outcome, zero time.Duration) *trace.Trace {
	of := map[int64]bool{}
	for i := range outcomes {
		of[outcomes[i].ID] = true
	}
	return t.Part(outcomes[0].Due-zero, func(id int64) bool { return of[id] })
}

// agreement compares the answers that were brought back.
func agreement(s *controller.Session, outcomes []controller.Outcome, input inference.Tensor) (*Agreement, error) {
	checks, err := s.Check(outcomes, input)
	if disagree := (*controller.DisagreementError)(nil); err != nil && !errors.As(err, &disagree) {
		return nil, err
	}
	if len(checks) == 0 {
		return nil, fmt.Errorf("no answer came back to be checked")
	}
	a := &Agreement{Exact: true}
	for _, c := range checks {
		a.Outputs++
		a.Exact = a.Exact && c.Agreement.Exact
		a.Largest = max(a.Largest, c.Agreement.Relative())
	}
	return a, nil
}

// RandomInput returns a batch of inputs of a network, uniform in [0, 1), as images are after scaling.
func RandomInput(g *workloads.Graph, batch int, seed uint64) inference.Tensor {
	in := g.Layers[0].Out
	t := inference.NewTensor(batch, in.C, in.H, in.W)
	rng := rand.New(rand.NewPCG(seed, 0x1a9e5))
	for i := range t.Data {
		t.Data[i] = rng.Float32()
	}
	return t
}
