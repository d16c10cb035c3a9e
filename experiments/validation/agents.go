package validation

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hidp/sim/trace"
	"hidp/strategies/plan"
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

// NewAgentBench returns a bench of agents that were reached. Zoo weights and the input are generated from seed. They go to a
// temporary folder under dir ("": the system's default), which takes as much room as the largest network's weights.
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
	passes, err := beat.profile(ctx, session, c, c.Profile.Passes, 0)
	if err != nil {
		return nil, err
	}
	schedule, err := c.Schedule(passes) // a rough one: how far apart requests come is not known yet
	if err != nil {
		return nil, err
	}
	if passes, err = beat.profile(ctx, session, c, c.Profile.Passes, schedule.Apart); err != nil {
		return nil, err
	}
	if schedule, err = c.Schedule(passes); err != nil {
		return nil, err
	}
	m, err := b.serve(ctx, session, c, schedule, beat, passes)
	if err != nil || schedule.Modelled == 0 {
		return m, err
	}
	m.Modelled, err = b.modelled(ctx, c, schedule, m)
	return m, err
}

// cadence keeps what goes over the ops of a plan apart: passes of a profile and lone requests.
type cadence struct {
	last, ended time.Time // when the last one began, and when the last request ended
}

// wait returns when the next may begin: so long after the one before began, and so long after requests ended.
func (b *cadence) wait(ctx context.Context, apart, gap time.Duration) error {
	select {
	case <-time.After(max(time.Until(b.last.Add(apart)), time.Until(b.ended.Add(gap)))):
		b.last = time.Now()
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// profile measures the ops of the plan, pass by pass, as far apart as it is asked to but not further than the case says.
func (b *cadence) profile(ctx context.Context, s *controller.Session, c Case, passes int, apart time.Duration) ([]Profile, error) {
	out := make([]Profile, passes)
	for k := range out {
		if err := b.wait(ctx, min(apart, c.Profile.Apart), 0); err != nil {
			return nil, err
		}
		measured, err := s.Profile(ctx, controller.ProfileOptions{Passes: 1})
		if err != nil {
			return nil, err
		}
		out[k] = make(Profile, len(c.Plan.Ops))
		for i, op := range measured.Ops[0] {
			if op != nil {
				out[k][i] = op.Median
			}
		}
	}
	return out, nil
}

// alone runs lone requests as the schedule says; output tells whose outputs are brought back.
func (b *cadence) alone(ctx context.Context, s *controller.Session, n int, plan Schedule, input inference.Tensor, output func(i int) bool) ([]controller.Outcome, error) {
	var all []controller.Outcome
	for i := range n {
		if err := b.wait(ctx, plan.Apart, plan.Gap); err != nil {
			return nil, err
		}
		outcomes, err := s.Serve(ctx, []controller.Request{{Output: output(i)}}, input)
		if err != nil {
			return nil, err
		}
		b.ended = time.Now()
		all = append(all, outcomes...)
	}
	return all, nil
}

// crowd runs requests that come close together, after passes for them.
func (b *cadence) crowd(ctx context.Context, s *controller.Session, c Case, plan Schedule, input inference.Tensor) ([]controller.Outcome, []Profile, error) {
	passes, err := b.profile(ctx, s, c, c.Profile.Crowd, plan.Together)
	if err != nil {
		return nil, nil, err
	}
	if err := b.wait(ctx, min(plan.Together, c.Profile.Apart), plan.Gap); err != nil {
		return nil, nil, err
	}
	outcomes, err := s.Serve(ctx, requests(plan.Throughput), input)
	if err != nil {
		return nil, nil, err
	}
	b.last = b.last.Add(plan.Throughput[len(plan.Throughput)-1])
	b.ended = time.Now()
	return outcomes, passes, nil
}

func list(c Case) []*plan.Plan { return []*plan.Plan{c.Plan} }

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
	if strings.EqualFold(filepath.Ext(model), ".onnx") {
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
	for i, n := range schedule.Latency {
		if i > 0 {
			if passes, err = beat.profile(ctx, s, c, c.Profile.Passes, schedule.Apart); err != nil {
				return nil, err
			}
		}
		outcomes, err := beat.alone(ctx, s, n, schedule, input, func(k int) bool {
			return c.Check && (i == 0 && k == 0 || i == len(schedule.Latency)-1 && k == n-1)
		})
		if err != nil {
			return nil, err
		}
		first = append(first, outcomes...)
		m.Blocks = append(m.Blocks, passes)
	}
	var crowds [][]controller.Outcome
	var second []controller.Outcome
	for range schedule.Crowds {
		outcomes, passes, err := beat.crowd(ctx, s, c, schedule, input)
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
	outcomes, err := new(cadence).alone(ctx, s, schedule.Modelled, schedule, inference.Tensor{}, func(int) bool { return false })
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
		a.Tolerance, a.Reason = c.Agreement.Tolerance.Relative, c.Agreement.Tolerance.Reason
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
