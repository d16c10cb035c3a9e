package controller

import (
	"errors"
	"fmt"

	"hidp/strategies/plan"
	"hidp/testbed/inference"
	"hidp/testbed/submodel"
)

// Checked is an answer that was compared.
type Checked struct {
	Request   int64
	Plan      int
	Against   string // what the answer is to be
	Agreement submodel.Agreement
}

// What answers are compared with.
const (
	againstUnsplit = "the network unsplit"
	againstPlan    = "the plan in one process" // plans that ignore halos do not compute the network
)

// err returns what is wrong with the answer.
func (c *Checked) err() error {
	if c.Agreement.OK() {
		return nil
	}
	return &DisagreementError{c.Request, c.Plan, c.Against, c.Agreement}
}

// oracle remembers what the answer is to be: requests that are checked together have one input.
type oracle struct {
	runner *submodel.Runner
	known  map[string]inference.Tensor
}

// Check compares the answers of requests that Serve brought back with that of the network as it is, computed here, or for plans that
// ignore halos with that of the plan executed here; the results go into the Run. The input is the one that Serve had. The error
// joins a *DisagreementError for every request whose answer is another one. It may be called before and after Close.
func (s *Session) Check(outcomes []Outcome, input inference.Tensor) ([]Checked, error) {
	switch {
	case s.job.Modelled != nil:
		return nil, errors.New("controller: where compute is modelled there are no answers to check")
	case s.agents.options.Engine == nil:
		return nil, errors.New("controller: no inference engine to check answers with; see make ort, or --no-check")
	}
	o := oracle{runner: &submodel.Runner{Source: s.job.Source, Engine: s.agents.options.Engine, Options: inference.Options{Threads: s.threads()}},
		known: map[string]inference.Tensor{}}
	var out []Checked
	var errs []error
	for i := range outcomes {
		got := &outcomes[i]
		if got.Output.Data == nil || got.Err != nil {
			continue
		}
		want, against, err := s.want(&o, got.Plan, input)
		if err != nil {
			return out, err
		}
		agreement, err := s.job.Source.Compare(want, got.Output)
		if err != nil {
			return out, fmt.Errorf("request %d: %w", got.ID, err)
		}
		c := Checked{got.ID, got.Plan, against, agreement}
		out, errs = append(out, c), append(errs, c.err())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.checks = append(s.checks, out...)
	if s.run != nil {
		s.run.Checks = s.checks
	}
	return out, unique(errs)
}

// want returns the answer of a plan.
func (s *Session) want(o *oracle, plan int, input inference.Tensor) (inference.Tensor, string, error) {
	p := s.job.Plans[plan]
	key, against := againstUnsplit, againstUnsplit
	if !p.Exact() {
		key, against = fmt.Sprint(plan), againstPlan
	}
	if t, ok := o.known[key]; ok {
		return t, against, nil
	}
	var t inference.Tensor
	var err error
	if p.Exact() {
		t, err = o.runner.Unsplit(input)
	} else {
		t, err = o.runner.ExecutePlan(p, input)
	}
	o.known[key] = t
	return t, against, err
}

// threads returns how many threads all clusters that compute anything do it with; 1 if not all have the same: the order of sums may
// depend on it.
func (s *Session) threads() int {
	same := 0
	for _, p := range s.job.Plans {
		for i := range p.Ops {
			op := &p.Ops[i]
			if op.Kind != plan.Compute {
				continue
			}
			spec := s.streams[op.Node].clusters(&s.platform.Nodes[op.Node])[op.Cluster]
			n := max(1, int(spec.Threads))
			if same != 0 && n != same {
				return 1
			}
			same = n
		}
	}
	return max(1, same)
}
