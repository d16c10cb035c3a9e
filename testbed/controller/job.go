package controller

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"hidp/devices"
	"hidp/strategies/plan"
	"hidp/testbed/submodel"
	"hidp/workloads"
)

// Job is what a session is to run.
type Job struct {
	// Source is the network with its weights, that sub-models are cut from. It may be nil where compute is modelled.
	Source *submodel.Source
	Graph  *workloads.Graph // that the plans are of; nil: the source's. Its layers must be those of the source, element sizes may differ
	Plans  []*plan.Plan

	// Modelled, if not nil, is how long compute op op of a plan takes on its cluster: nothing is computed then and no tensors move,
	// though messages take the time of the plan's bytes.
	Modelled func(plan, op int) time.Duration

	Energy   time.Duration  // between samples of power; 0: as boards like, negative: none
	Progress func(Progress) // told how deployment goes on, one call at a time; may be nil
}

// Progress is how far a part of a deployment is: models that were cut, bytes that were sent, nodes that are ready.
type Progress struct {
	Phase       Phase
	Done, Total int64
}

// Phase is a part of a deployment.
type Phase string

// The phases, in their order.
const (
	Cutting    Phase = "cut"     // compute ops
	Sending    Phase = "send"    // bytes
	Opening    Phase = "open"    // nodes
	Connecting Phase = "connect" // nodes
)

// JobError lists why a job cannot be run on the agents of a roster, whatever they do: the user's fault.
type JobError struct{ Faults []string }

// Error implements error.
func (e *JobError) Error() string { return strings.Join(e.Faults, "\n") }

// check completes the job and returns all its faults.
func (job *Job) check(r *Roster) error {
	var e JobError
	faultf := func(format string, args ...any) { e.Faults = append(e.Faults, fmt.Sprintf(format, args...)) }
	switch {
	case job.Source == nil && job.Modelled == nil:
		faultf("a job needs a source of models, or modelled compute")
	case job.Graph == nil && job.Source == nil:
		faultf("a job without a source needs the graph of its plans")
	case job.Graph == nil:
		job.Graph = job.Source.Graph
	case job.Source != nil:
		if err := job.Source.Fits(job.Graph); err != nil {
			faultf("%v", err)
		}
	}
	if len(job.Plans) == 0 {
		faultf("a job has at least one plan")
	}
	if len(e.Faults) > 0 {
		return &e
	}
	for i, p := range job.Plans {
		e.plan(i, p, job.Graph, r)
	}
	if len(e.Faults) > 0 {
		return &e
	}
	return nil
}

// plan adds what is wrong with a plan.
func (e *JobError) plan(i int, p *plan.Plan, g *workloads.Graph, r *Roster) {
	name := fmt.Sprintf("plan %d (%s)", i, p.Strategy)
	if err := plan.Validate(p, g, r.platform); err != nil {
		var bad *plan.InvalidError
		if !errors.As(err, &bad) {
			bad = &plan.InvalidError{Faults: []string{err.Error()}}
		}
		for _, f := range bad.Faults {
			e.Faults = append(e.Faults, name+": "+f)
		}
		return
	}
	for j, takesPart := range p.Nodes(len(r.platform.Nodes)) {
		if _, ok := r.Entry(r.platform.Nodes[j].Name); takesPart && !ok {
			e.Faults = append(e.Faults, fmt.Sprintf("%s needs node %s, which has no agent; add an [[agent]] for it to the agents file", name, r.platform.Nodes[j].Name))
		}
	}
}

// takesPart returns which nodes any of the plans needs.
func (job *Job) takesPart(p *devices.Platform) []bool {
	out := make([]bool, len(p.Nodes))
	for _, plan := range job.Plans {
		for j, in := range plan.Nodes(len(p.Nodes)) {
			out[j] = out[j] || in
		}
	}
	return out
}
