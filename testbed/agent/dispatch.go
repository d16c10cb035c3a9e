package agent

import (
	"time"

	"hidp/sim/node"
	"hidp/sim/trace"
	"hidp/testbed/inference"
	"hidp/testbed/wire"
	"hidp/workloads"
)

// happens notes the time of what the machine is about to be told, and returns how much later that is than it was due. On an emulated
// node this is when it was due, 0 for now, though this machine may have woken up later: what follows counts from there, or the time
// that a virtual machine takes to wake up would add up over the steps of a request. Time does not run backwards on a node, and more than
// wire.Forgiven is not made up for.
func (r *Runtime) happens(due time.Duration) (late time.Duration) {
	now := r.cfg.Clock.Now()
	if due == 0 {
		due = now
	}
	at := now
	if r.cfg.Emulated {
		at = min(now, max(due, now-wire.Forgiven))
	}
	r.now = max(r.now, at)
	return max(0, r.now-due)
}

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
		r.cfg.Pacer.Busy(r.machine.Busy(), r.now)
	}
}

func (r *Runtime) do(x node.Action) {
	a := r.owner[x.Handle]
	switch x.Kind {
	case node.StartOp:
		t := r.task(a, x)
		if w, held := r.cfg.Workers[x.Cluster].(pacedWorker); held {
			w.begin(t)
		}
		r.tasks[x.Cluster] <- t // has a place: the cluster is free
	case node.SendTensor:
		r.send(a, int(x.Op))
	case node.QueueOp:
		a.queued[x.Op] = r.now
	case node.Enter:
		r.closePhase(a, r.now)
		a.phase, a.since, a.open = x.Phase, r.now, true
	case node.Finish:
		r.finish(a)
	}
}

func (r *Runtime) task(a *activity, x node.Action) *Task {
	parts := &a.recipe.ops[x.Op]
	return &Task{Request: a.id, Plan: a.recipe.index, Op: int(x.Op), Cluster: int(x.Cluster), Slice: a.recipe.Plan.Plan.Ops[x.Op].Slice,
		Graph: a.recipe.Graph, Outputs: parts.makes, Hollow: r.cfg.Hollow, needs: parts.reads, of: a, start: r.now}
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
	now := r.now
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
