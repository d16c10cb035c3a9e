package agent

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"hidp/sim/trace"
)

// hire starts a thread for every cluster, and a goroutine that sees its ops through.
func (r *Runtime) hire() error {
	pinned := make(chan error)
	for range r.cfg.Workers {
		r.tasks = append(r.tasks, make(chan *Task, 1))
		r.errands = append(r.errands, make(chan func()))
	}
	for k := range r.cfg.Workers {
		retired := make(chan struct{})
		r.running.Go(func() { r.thread(k, pinned, retired) })
		r.running.Go(func() { r.work(k, retired) })
	}
	var errs []error
	for range r.cfg.Workers {
		errs = append(errs, <-pinned)
	}
	return errors.Join(errs...)
}

// thread is where cluster k computes: a thread of its own, which ends with it.
func (r *Runtime) thread(k int, pinned chan<- error, retired <-chan struct{}) {
	runtime.LockOSThread()
	var cpus []int
	if r.cfg.CPUs != nil {
		cpus = r.cfg.CPUs[k]
	}
	err := pin(cpus)
	if err != nil {
		err = fmt.Errorf("node %s, cluster %s: %w", r.spec.Name, r.spec.Clusters[k].Name, err)
	}
	pinned <- err
	for {
		select {
		case errand := <-r.errands[k]:
			errand()
		case <-retired:
			return
		}
	}
}

// work sees the ops of cluster k through, one after the other.
func (r *Runtime) work(k int, retired chan<- struct{}) {
	defer close(retired)
	for t := range r.tasks[k] {
		if r.ctx.Err() == nil {
			r.perform(k, t)
		}
	}
}

// perform does a task: the computing on the thread of its cluster, and the waiting for the time of a slower one elsewhere, so that
// the end of an op does not have to wait for a core that other emulated clusters compute on.
func (r *Runtime) perform(k int, t *Task) {
	var done Done
	var err error
	paced, held := r.cfg.Workers[k].(pacedWorker)
	finished := make(chan struct{})
	r.errands[k] <- func() {
		defer close(finished)
		if held {
			done, err = paced.compute(r.ctx, t)
		} else {
			done, err = r.cfg.Workers[k].Run(r.ctx, t)
		}
		t.computed()
	}
	<-finished
	if held {
		err = paced.hold(r.ctx, t, &done, err)
	}
	if err == nil {
		err = t.keep(done)
	}
	r.completed(t, done, err)
}

// on runs f on the thread of cluster k, behind the op that is under way there. The error is ctx's, or says that the session ends.
func (r *Runtime) on(ctx context.Context, k int, f func()) error {
	done := make(chan struct{})
	select {
	case r.errands[k] <- func() { defer close(done); f() }:
		<-done
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	case <-r.ctx.Done():
		return errClosed
	}
}

// keep puts the outputs of a task on its shelf and lets go of what it read.
func (t *Task) keep(d Done) error {
	if t.Hollow {
		return nil
	}
	if len(d.Outputs) != len(t.Outputs) {
		return fmt.Errorf("the worker has made %d tensors instead of %d", len(d.Outputs), len(t.Outputs))
	}
	for i, out := range d.Outputs {
		var release func()
		if d.Memory != nil {
			release = func() { d.Memory.Free(out) }
		}
		if err := t.of.shelf.put(t.Outputs[i], out, release); err != nil {
			return err
		}
	}
	t.of.shelf.done(&opParts{t.needs, t.Outputs})
	return nil
}

// completed tells the machine that a task is over.
func (r *Runtime) completed(t *Task, d Done, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	late := r.happens(d.ended)
	start, end := t.start, r.now-late
	a := t.of
	if d.Work == 0 {
		d.Work = end - start
	}
	r.report.Busy[t.Cluster] += end - start
	r.report.noteLag(t.Request, t.Op, d.Lag+late)
	r.report.Trace.AddCompute(trace.Compute{Request: t.Request, Op: int32(t.Op), Node: int32(r.cfg.Node), Cluster: int32(t.Cluster),
		Ready: a.queued[int32(t.Op)], Start: start, End: end, Work: d.Work, Wasted: a.dropped || err != nil})
	if err != nil && !a.dropped && !r.closed {
		r.fail(a, &OpError{Node: r.spec.Name, Plan: t.Plan, Op: t.Op, Why: err})
	}
	r.machine.OpDone(t.Cluster)
	if !r.closed {
		r.act()
	}
}
