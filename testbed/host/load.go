package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"hidp/strategies/plan"
	"hidp/testbed/agent"
	"hidp/testbed/control"
	"hidp/testbed/inference"
	"hidp/testbed/submodel"
	"hidp/workloads"
)

// modelSuffix ends the names of unpacked models.
const modelSuffix = ".onnx"

// worldError is a fault of the machine, the network or another agent, not of who asked.
type worldError struct{ error }

func (e worldError) Unwrap() error { return e.error }

// loaded are the models of a session in the engine. Ops of one cluster with the same model and weights share it: they run one after
// the other.
type loaded struct {
	ops     []map[int]*submodel.Loaded // by plan and op
	threads []map[int][]int            // by plan and op: the engine's threads, beside the caller
	models  map[loadKey]*engaged
}

// loadKey is what makes the models of two ops the same.
type loadKey struct {
	cluster        int
	model, weights identity
	slice          workloads.Slice
}

// engaged is a model in the engine, with the engine's threads.
type engaged struct {
	*submodel.Loaded
	threads []int
}

// close gives the models back.
func (l *loaded) close() error {
	var errs []error
	for _, m := range l.models {
		errs = append(errs, m.Session.Close())
	}
	return errors.Join(errs...)
}

// emulated reports whether the node is one that this machine stands for: it is slower, or the network is not real.
func (j *job) emulated() bool {
	return j.network.Kind == control.NetworkSpec_SHAPED || slices.ContainsFunc(j.clusters, func(c cluster) bool { return c.slowdown > 1 })
}

// fits checks that the plans' memory can be had on this machine.
func (j *job) fits() error {
	have := machineMemory()
	if j.modelled || have == 0 {
		return nil
	}
	for i, p := range j.plans {
		if need := plan.Memory(p.Plan, p.Graph, len(j.platform.Nodes))[j.node].Total(); need > have {
			return worldError{fmt.Errorf("plan %d needs %.1f MB, the machine of node %s has %.1f MB", i, float64(need)/1e6, j.platform.Nodes[j.node].Name, float64(have)/1e6)}
		}
	}
	return nil
}

// unpack puts the models and weights of a session into its folder, each plan's apart, and keeps their files from giving way. What is
// not there is told at once.
func (s *session) unpack() error {
	var missing faults
	place := func(plan int, what, name string, file identity) error {
		path, release, ok := s.host.folder.Use(file)
		if !ok {
			missing.addf("plan %d, %s: the agent has no file %v of %d bytes", plan, what, file.digest, file.size)
			return nil
		}
		s.undo = append(s.undo, release)
		dir := s.planDir(plan)
		if err := private(dir); err != nil {
			return err
		}
		return os.Link(path, filepath.Join(dir, name))
	}
	for _, w := range s.job.weights {
		if err := place(w.plan, "weights", w.name, w.file); err != nil {
			return worldError{fmt.Errorf("plan %d, weights: %w", w.plan, err)}
		}
	}
	for _, m := range s.job.models {
		if err := place(m.plan, fmt.Sprintf("op %d", m.op), modelName(m.op), m.file); err != nil {
			return worldError{fmt.Errorf("plan %d, op %d: %w", m.plan, m.op, err)}
		}
	}
	if err := missing.err(); err != nil {
		return worldError{err}
	}
	return nil
}

func (s *session) planDir(plan int) string { return filepath.Join(s.dir, fmt.Sprintf("plan-%d", plan)) }

func modelName(op int) string { return fmt.Sprintf("op-%d%s", op, modelSuffix) }

// load brings all models into the engine and runs each once, so that no request pays for first times.
func (s *session) load(ctx context.Context) error {
	s.loaded = &loaded{models: map[loadKey]*engaged{}}
	for range s.job.plans {
		s.loaded.ops = append(s.loaded.ops, map[int]*submodel.Loaded{})
		s.loaded.threads = append(s.loaded.threads, map[int][]int{})
	}
	beside := map[int]identity{}
	for _, w := range s.job.weights {
		beside[w.plan] = w.file
	}
	for _, m := range s.job.models {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		e, err := s.engage(m, loadKey{m.cluster, m.file, beside[m.plan], m.sub.Slice})
		if err != nil {
			return worldError{fmt.Errorf("plan %d, op %d: %w", m.plan, m.op, err)}
		}
		s.loaded.ops[m.plan][m.op], s.loaded.threads[m.plan][m.op] = e.Loaded, e.threads
	}
	return nil
}

// engage loads a model and runs it once, if it was not done before.
func (s *session) engage(m model, key loadKey) (*engaged, error) {
	if e := s.loaded.models[key]; e != nil {
		return e, nil
	}
	file := inference.Model{Path: filepath.Join(s.planDir(m.plan), modelName(m.op))}
	e := &engaged{}
	var err error
	e.threads, err = agent.Spawned(func() (err error) {
		defer s.host.recovered("loading a model", &err)
		defer s.host.notes.End(m.cluster)
		s.host.notes.Begin(m.cluster, "while loading "+s.job.describe(m.plan, m.op))
		if e.Loaded, err = submodel.Load(m.sub, s.host.engine, file, s.job.clusters[m.cluster].engine); err != nil {
			return err
		}
		s.loaded.models[key] = e
		s.host.notes.Begin(m.cluster, "in the first run of "+s.job.describe(m.plan, m.op))
		return warm(e.Loaded)
	})
	return e, err
}

// warm runs a model once.
func warm(l *submodel.Loaded) error {
	var inputs []inference.Tensor
	for _, p := range l.Sub.Inputs {
		inputs = append(inputs, inference.NewTensor(p.Shape...))
	}
	_, err := l.Run(inputs, nil)
	return err
}

// describe names an op for people: its number, and the layers that it computes with their kinds and names.
func (j *job) describe(plan, op int) string {
	p := j.plans[plan]
	slice, layers := p.Plan.Ops[op].Slice, p.Graph.Layers
	name := func(i int) string { return fmt.Sprintf("%v %s", layers[i].Op, layers[i].Name) }
	what := name(slice.From)
	if slice.To > slice.From+1 {
		what += " to " + name(slice.To-1)
	}
	if plan > 0 {
		return fmt.Sprintf("op %d of plan %d (%s)", op, plan, what)
	}
	return fmt.Sprintf("op %d (%s)", op, what)
}
