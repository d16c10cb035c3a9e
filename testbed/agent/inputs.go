package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hidp/sim/node"
	"hidp/testbed/inference"
	"hidp/workloads"
)

// errClosed is what a runtime answers after Close.
var errClosed = errors.New("agent: the session is closed")

// Begin takes in a request at the leader of its plan: it is planned and admitted at once. The input has the dimensions samples ×
// channels × rows × columns and must not be written to any more; in a hollow session it is ignored. Ids are from 0 to 2⁴⁸-1 and
// no two requests of a session have the same; the lower goes first where requests compete.
func (r *Runtime) Begin(id int64, plan int, input inference.Tensor) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec, err := r.admissible(id, plan)
	if err != nil {
		return err
	}
	if !rec.part.Leads {
		return fmt.Errorf("agent: node %s does not lead plan %d", r.spec.Name, plan)
	}
	if r.live[id] != nil || r.ended[id] {
		return fmt.Errorf("agent: there is a request %d already", id)
	}
	r.happens(0)
	a := r.newActivity(id, rec)
	if err := a.shelf.put(rec.input(), input, nil); err != nil {
		return fmt.Errorf("agent: input of request %d: %w", id, err)
	}
	a.shelf.done(&opParts{makes: []workloads.Part{rec.input()}})
	r.enlist(a, r.machine.Receive(id))
	r.machine.Explore(a.handle)
	r.machine.Admit(a.handle, rec.part)
	r.act()
	return nil
}

// Join announces a request to a node that follows. Without it a request begins here with the first tensor, and until then the loss
// of a node that it needs goes unnoticed here. A request that is or was under way is left alone.
func (r *Runtime) Join(id int64, plan int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec, err := r.admissible(id, plan)
	if err != nil {
		return err
	}
	if rec.part.Leads {
		return fmt.Errorf("agent: node %s leads plan %d; its requests start with Begin", r.spec.Name, plan)
	}
	if r.live[id] == nil && !r.ended[id] {
		r.happens(0)
		r.join(id, rec)
		r.act()
	}
	return nil
}

// join is Join for a request that is neither under way nor over.
func (r *Runtime) join(id int64, rec *recipe) *activity {
	a := r.newActivity(id, rec)
	r.enlist(a, r.machine.Join(id, rec.part))
	return a
}

// admissible returns the recipe of a plan that a request may run.
func (r *Runtime) admissible(id int64, plan int) (*recipe, error) {
	switch {
	case r.closed:
		return nil, errClosed
	case r.ctx.Err() != nil:
		return nil, context.Cause(r.ctx)
	case plan < 0 || plan >= len(r.recipes):
		return nil, fmt.Errorf("agent: no plan %d, the session has %d", plan, len(r.recipes))
	case id < 0 || id >= maxRequests:
		return nil, fmt.Errorf("agent: request id %d is not between 0 and 2^%d", id, planShift)
	}
	rec := r.recipes[plan]
	if rec.part == nil {
		return nil, fmt.Errorf("agent: node %s has no part in plan %d", r.spec.Name, plan)
	}
	for j, in := range rec.Plan.Plan.Nodes(len(r.cfg.Platform.Nodes)) {
		if why := r.lost[j]; in && why != nil {
			return nil, why
		}
	}
	return rec, nil
}

func (r *Runtime) newActivity(id int64, rec *recipe) *activity {
	a := &activity{id: id, recipe: rec, arrival: r.now}
	if !r.cfg.Hollow {
		a.shelf = newShelf(rec, &r.memory, r.cfg.Memory)
	}
	return a
}

// enlist notes whose the handle is.
func (r *Runtime) enlist(a *activity, h node.Handle) {
	a.handle = h
	for int(h) >= len(r.owner) {
		r.owner = append(r.owner, nil)
	}
	r.owner[h] = a
	r.live[a.id] = a
	a.queued = map[int32]time.Duration{}
}

// Drop ends a request that cannot be finished elsewhere, if it is under way here, and keeps its tensors out from now on. What runs
// for it goes on to its end.
func (r *Runtime) Drop(id int64, why error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	if a := r.live[id]; a != nil {
		r.happens(0)
		r.drop(a, why)
		r.act()
	}
	r.ended[id] = true
}
