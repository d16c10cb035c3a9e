package agent

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"hidp/strategies/plan"
	"hidp/testbed/submodel"
	"hidp/workloads"
)

// errBusy says that an op cannot be measured while there is other work.
var errBusy = errors.New("agent: requests are under way; ops are measured apart from them")

// Profile measures compute op i of a plan once, in place: on the thread of its cluster and with its worker, from the tensors that a
// request would find on the node, made of the parts that it would find them in, to the op's outputs put away. What it returns is
// what a trace would have as the op's Work. Requests that begin meanwhile are served, and spoil the figure.
func (r *Runtime) Profile(ctx context.Context, plan, i int) (time.Duration, error) {
	r.mu.Lock()
	rec, err := r.profilable(plan, i)
	busy := len(r.live) > 0
	r.mu.Unlock()
	if err == nil && busy {
		err = errBusy
	}
	if err != nil {
		return 0, err
	}
	t, err := r.trial(ctx, rec, i)
	if err != nil {
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
func (r *Runtime) profilable(p, i int) (*recipe, error) {
	switch {
	case r.closed:
		return nil, errClosed
	case p < 0 || p >= len(r.recipes):
		return nil, fmt.Errorf("agent: no plan %d, the session has %d", p, len(r.recipes))
	case i < 0 || i >= len(r.recipes[p].ops):
		return nil, fmt.Errorf("agent: plan %d has no op %d, but %d ops", p, i, len(r.recipes[p].ops))
	}
	if op := &r.recipes[p].Plan.Plan.Ops[i]; op.Kind != plan.Compute || op.Node != r.cfg.Node {
		return nil, fmt.Errorf("agent: op %d of plan %d computes nothing on node %s", i, p, r.spec.Name)
	}
	return r.recipes[p], nil
}

// find is a part of a tensor that lies on the node, and the cluster that computed it there.
type find struct {
	workloads.Part
	cluster int // -1: it came over the network, or with the request
}

// found returns the parts that lie on the node when op i starts, of the layers that it reads.
func (rec *recipe) found(i int) []find {
	read := map[int]bool{}
	for _, p := range rec.ops[i].reads {
		read[p.Layer] = true
	}
	var parts []find
	add := func(cluster int, list ...workloads.Part) {
		for _, p := range list {
			if read[p.Layer] && !slices.ContainsFunc(parts, func(f find) bool { return f.Part == p }) {
				parts = append(parts, find{p, cluster})
			}
		}
	}
	if rec.part.Leads {
		add(-1, rec.input())
	}
	for k := range i {
		cluster := -1
		if op := &rec.Plan.Plan.Ops[k]; op.Kind == plan.Compute {
			cluster = op.Cluster
		}
		add(cluster, rec.ops[k].makes...)
	}
	return parts
}

// trial makes a task with random tensors. Each is written by the thread of the cluster that would compute it in a request, so that
// the op finds it in that cluster's caches, as a request's would.
func (r *Runtime) trial(ctx context.Context, rec *recipe, i int) (*Task, error) {
	op := &rec.Plan.Plan.Ops[i]
	t := &Task{Request: -1, Plan: rec.index, Op: i, Cluster: op.Cluster, Slice: op.Slice, Graph: rec.Graph, Outputs: rec.ops[i].makes,
		Hollow: r.cfg.Hollow, needs: rec.ops[i].reads, of: &activity{id: -1, recipe: rec}}
	if r.cfg.Hollow {
		return t, nil
	}
	t.of.shelf = newShelf(rec, new(memory), r.cfg.Memory)
	rng := rand.New(rand.NewPCG(uint64(rec.index), uint64(i)))
	for _, f := range rec.found(i) {
		write := func() {
			x := r.cfg.Memory.Tensor(submodel.Shape(rec.Graph, f.Part)...)
			for k := range x.Data {
				x.Data[k] = rng.Float32()
			}
			if err := t.of.shelf.put(f.Part, x, func() { r.cfg.Memory.Free(x) }); err != nil {
				panic("agent: a tensor of the plan's own parts does not fit: " + err.Error())
			}
		}
		if f.cluster < 0 {
			write()
		} else if err := r.on(ctx, f.cluster, write); err != nil {
			t.of.shelf.clear()
			return nil, err
		}
	}
	return t, nil
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
