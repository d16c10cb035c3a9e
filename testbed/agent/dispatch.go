package agent

import (
	"hidp/sim/node"
	"hidp/sim/trace"
	"hidp/testbed/inference"
	"hidp/workloads"
)

// act does what the machine asks for after an input. The runtime is locked, here and in all that follows.
func (r *Runtime) act() {
	for {
		r.actions = r.machine.Next(r.actions[:0])
		failed := false
		for _, x := range r.actions {
			if x.Kind == node.Fail {
				failed = true
				r.fail(r.owner[x.Handle], r.lost[int(x.Node)])
			} else if !r.closed {
				r.do(x)
			}
		}
		if !failed {
			break
		}
	}
	if r.cfg.Pacer != nil {
		r.cfg.Pacer.Busy(r.machine.Busy())
	}
}

func (r *Runtime) do(x node.Action) {
	a := r.owner[x.Handle]
	switch x.Kind {
	case node.StartOp:
		r.tasks[x.Cluster] <- r.task(a, x) // has a place: the cluster is free
	case node.SendTensor:
		r.send(a, int(x.Op))
	case node.QueueOp:
		a.queued[x.Op] = r.cfg.Clock.Now()
	case node.Enter:
		now := r.cfg.Clock.Now()
		r.closePhase(a, now)
		a.phase, a.since, a.open = x.Phase, now, true
	case node.Finish:
		r.finish(a)
	}
}

func (r *Runtime) task(a *activity, x node.Action) *Task {
	parts := &a.recipe.ops[x.Op]
	return &Task{Request: a.id, Plan: a.recipe.index, Op: int(x.Op), Cluster: int(x.Cluster), Slice: a.recipe.Plan.Plan.Ops[x.Op].Slice,
		Graph: a.recipe.Graph, Outputs: parts.makes, Hollow: r.cfg.Hollow, needs: parts.reads, of: a}
}

// finish ends the node's part of a request.
func (r *Runtime) finish(a *activity) {
	r.end(a, nil)
	if !a.recipe.part.Leads {
		return
	}
	r.notes.add(func() {
		out, _, err := a.shelf.take([]workloads.Part{a.recipe.output()})
		if err != nil {
			if r.cfg.Failed != nil {
				r.cfg.Failed(a.id, err)
			}
			return
		}
		if f := r.cfg.Finished; f != nil && len(out) > 0 {
			f(a.id, out[0])
		} else if f != nil {
			f(a.id, inference.Tensor{})
		}
		a.shelf.surrender(a.recipe.output())
	})
}

// fail ends a request that cannot go on here, and says so.
func (r *Runtime) fail(a *activity, why error) {
	r.drop(a, why)
	if r.cfg.Failed != nil {
		r.notes.add(func() { r.cfg.Failed(a.id, why) })
	}
}

// drop makes the machine forget a request.
func (r *Runtime) drop(a *activity, why error) {
	a.dropped = true
	r.machine.Drop(a.handle)
	r.end(a, why)
	a.shelf.empty()
}

// end writes down what became of a request.
func (r *Runtime) end(a *activity, why error) {
	now := r.cfg.Clock.Now()
	r.closePhase(a, now)
	delete(r.live, a.id)
	r.ended[a.id] = true
	r.owner[a.handle] = nil
	if !a.recipe.part.Leads {
		return
	}
	x := trace.Request{ID: a.id, Model: int32(a.recipe.index), Leader: int32(r.cfg.Node), Plan: int32(a.recipe.index),
		Arrival: a.arrival, Planned: a.arrival, Finish: now}
	if why != nil {
		x.Failed = why.Error()
	}
	r.report.Trace.AddRequest(x)
}
