package agent

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"hidp/strategies"
	"hidp/testbed/submodel"
	"hidp/workloads"
)

// errBusy says that an op cannot be measured while there is other work.
var errBusy = errors.New("agent: requests are under way; ops are measured apart from them")

// Profile measures compute op i of a plan once, in place: after a rest, on the thread of its cluster and with its worker, from the
// tensors that a request would find on the node, made of the parts that it would find them in, to the op's outputs put away. What it
// returns is what a trace would have as the op's Work. Requests that begin meanwhile are served, and spoil the figure.
func (r *Runtime) Profile(ctx context.Context, plan, i int, rest time.Duration) (time.Duration, error) {
	r.mu.Lock()
	rec, err := r.profilable(plan, i, rest)
	busy := len(r.live) > 0
	r.mu.Unlock()
	if err == nil && busy {
		err = errBusy
	}
	if err != nil {
		return 0, err
	}
	t := r.trial(rec, i) // tensors come from other threads than the one that computes
	if err := r.cfg.Clock.Sleep(ctx, r.cfg.Clock.Now()+rest); err != nil {
		return 0, err
	}
	op := &rec.Plan.Plan.Ops[i]
	var work time.Duration
	var failed error
	if err := r.on(ctx, op.Cluster, func() { work, failed = r.measure(ctx, op.Cluster, t) }); err != nil {
		return 0, err
	}
	if failed != nil {
		return 0, &OpError{Node: r.spec.Name, Plan: plan, Op: i, Why: failed}
	}
	return work, nil
}

// profilable returns the recipe of a plan whose op i can be measured here.
func (r *Runtime) profilable(plan, i int, rest time.Duration) (*recipe, error) {
	switch {
	case r.closed:
		return nil, errClosed
	case plan < 0 || plan >= len(r.recipes):
		return nil, fmt.Errorf("agent: no plan %d, the session has %d", plan, len(r.recipes))
	case i < 0 || i >= len(r.recipes[plan].ops):
		return nil, fmt.Errorf("agent: plan %d has no op %d, but %d ops", plan, i, len(r.recipes[plan].ops))
	case rest < 0:
		return nil, fmt.Errorf("agent: %v of rest before an op is measured", rest)
	}
	if op := &r.recipes[plan].Plan.Plan.Ops[i]; op.Kind != strategies.Compute || op.Node != r.cfg.Node {
		return nil, fmt.Errorf("agent: op %d of plan %d computes nothing on node %s", i, plan, r.spec.Name)
	}
	return r.recipes[plan], nil
}

// found returns the parts that lie on the node when op i starts, of the layers that it reads.
func (rec *recipe) found(i int) []workloads.Part {
	read := map[int]bool{}
	for _, p := range rec.ops[i].reads {
		read[p.Layer] = true
	}
	var parts []workloads.Part
	add := func(list ...workloads.Part) {
		for _, p := range list {
			if read[p.Layer] && !slices.Contains(parts, p) {
				parts = append(parts, p)
			}
		}
	}
	if rec.part.Leads {
		add(rec.input())
	}
	for k := range i {
		add(rec.ops[k].makes...)
	}
	return parts
}

// trial makes a task with random tensors.
func (r *Runtime) trial(rec *recipe, i int) *Task {
	op := &rec.Plan.Plan.Ops[i]
	t := &Task{Request: -1, Plan: rec.index, Op: i, Cluster: op.Cluster, Slice: op.Slice, Graph: rec.Graph, Outputs: rec.ops[i].makes,
		Hollow: r.cfg.Hollow, needs: rec.ops[i].reads, of: &activity{id: -1, recipe: rec}}
	if r.cfg.Hollow {
		return t
	}
	t.of.shelf = newShelf(rec, new(memory), r.cfg.Memory)
	rng := rand.New(rand.NewPCG(uint64(rec.index), uint64(i)))
	for _, p := range rec.found(i) {
		x := r.cfg.Memory.Tensor(submodel.Shape(rec.Graph, p)...)
		for k := range x.Data {
			x.Data[k] = rng.Float32()
		}
		if err := t.of.shelf.put(p, x, func() { r.cfg.Memory.Free(x) }); err != nil {
			panic("agent: a tensor of the plan's own parts does not fit: " + err.Error())
		}
	}
	return t
}

// measure does a task on the calling thread and returns its work.
func (r *Runtime) measure(ctx context.Context, k int, t *Task) (time.Duration, error) {
	start := r.cfg.Clock.Now()
	var done Done
	var err error
	paced, held := r.cfg.Workers[k].(pacedWorker)
	if held {
		done, err = paced.compute(ctx, t)
	} else {
		done, err = r.cfg.Workers[k].Run(ctx, t)
	}
	t.computed()
	if err == nil {
		err = t.keep(done)
	}
	if done.Work == 0 {
		done.Work = r.cfg.Clock.Now() - start
	}
	t.of.shelf.clear()
	if held && err == nil { // the time of a slower cluster passes: what comes next finds the machine as in a run
		err = r.cfg.Clock.Sleep(ctx, start+done.Work)
	}
	return done.Work, err
}
