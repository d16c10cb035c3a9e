package controller

import (
	"fmt"
	"slices"
	"time"

	"hidp/testbed/control"
	"hidp/testbed/inference"
	"hidp/testbed/submodel"
	"hidp/testbed/wire"
	"hidp/workloads"
)

// event takes in what a node says by itself.
func (s *Session) event(st *stream, e *control.Event) {
	switch {
	case e.GetFinished() != nil:
		s.finished(st, e.GetFinished())
	case e.GetFailed() != nil:
		s.failed(st, e.GetFailed())
	case e.GetLost() != nil:
		if j, ok := s.platform.Node(e.GetLost().Node); ok && s.streams[j] != nil && j != st.node {
			s.rumour(j, st.Node, fmt.Errorf("%s", e.GetLost().Why))
		}
	}
}

func (s *Session) finished(st *stream, f *control.Finished) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.pending[f.Request]
	if w == nil {
		return
	}
	i, open := w.index[f.Request]
	if !open || w.over || s.job.Plans[w.outcomes[i].Plan].Leader != st.node {
		return
	}
	w.settle(f.Request, func(o *Outcome) {
		o.Finished = time.Duration(f.At)
		if o.Request.Output && s.job.Modelled == nil {
			o.Output, o.Err = s.output(o, st, f)
		}
	})
}

// output reads an answer.
func (s *Session) output(o *Outcome, st *stream, f *control.Finished) (inference.Tensor, error) {
	g := s.job.Graph
	want := submodel.Shape(g, workloads.Part{Layer: g.Output(), Box: g.Full(g.Output(), s.job.Plans[o.Plan].Batch)})
	if t := (inference.Tensor{Shape: want}); len(f.Output)%4 == 0 && slices.Equal(f.Shape, shape64(want)) {
		if t.Data = wire.BytesFloats(f.Output); t.Check() == nil {
			return t, nil
		}
	}
	return inference.Tensor{}, &RequestError{o.ID, st.Node, fmt.Sprintf("the output has %d bytes of shape %v instead of %v", len(f.Output), f.Shape, want)}
}

func (s *Session) failed(st *stream, f *control.Failed) {
	if j, ok := s.platform.Node(f.Lost); ok && f.Lost != "" && s.streams[j] != nil && j != st.node {
		s.rumour(j, st.Node, fmt.Errorf("%s", f.Why))
		return
	}
	s.mu.Lock()
	w := s.pending[f.Request]
	if w == nil || w.over {
		s.mu.Unlock()
		return
	}
	i, open := w.index[f.Request]
	if !open {
		s.mu.Unlock()
		return
	}
	plan := s.job.Plans[w.outcomes[i].Plan]
	w.settle(f.Request, func(o *Outcome) { o.Err = &RequestError{f.Request, st.Node, f.Why} })
	s.mu.Unlock()
	for j, in := range plan.Nodes(len(s.streams)) {
		if other := s.streams[j]; in && other != st {
			go other.tell(&control.Command{What: &control.Command_Drop{Drop: &control.Drop{Requests: []int64{f.Request}, Why: f.Why}}})
		}
	}
}
