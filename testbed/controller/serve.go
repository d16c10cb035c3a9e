package controller

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sort"
	"sync"
	"time"

	"hidp/testbed/control"
	"hidp/testbed/inference"
)

// Request is one inference to be run.
type Request struct {
	Plan   int           // index in Job.Plans
	At     time.Duration // when it is due at the leader of its plan, from the start of Serve's requests
	Output bool          // bring the answer back
	Warmup bool          // leave it out of the Run
}

// Outcome is what became of a request.
type Outcome struct {
	Request
	ID       int64
	Due      time.Duration // by the leader's clock
	Finished time.Duration // the leader had the whole output, by its clock; 0 if it never had
	Output   inference.Tensor
	Lag      time.Duration // how much later than meant things happened for it, along the way through its plan on which most adds up; set by Close
	Err      error         // why there is no answer; *NodeLostError, *RequestError, *TimeoutError or that of Serve's context
}

// Latency returns the time from when the request was due to when the leader had the output, by the leader's clock.
func (o *Outcome) Latency() time.Duration { return o.Finished - o.Due }

// mostRequests is how many requests one Serve takes: all are announced to all nodes before the first begins.
const mostRequests = 4096

// serving is a Serve that is under way. The session's lock guards it.
type serving struct {
	outcomes []Outcome
	index    map[int64]int // of requests that have not ended
	needs    []bool        // nodes that any of its requests needs
	zero     map[int]time.Duration
	moved    time.Time
	done     chan struct{} // closed when nothing is left or stop was called
	over     bool
	err      error
}

// stop ends the serving early.
func (w *serving) stop(err error) {
	if !w.over {
		w.over, w.err = true, err
		close(w.done)
	}
}

// settle ends a request.
func (w *serving) settle(id int64, set func(*Outcome)) {
	i := w.index[id]
	delete(w.index, id)
	set(&w.outcomes[i])
	w.moved = time.Now()
	if len(w.index) == 0 {
		w.stop(nil)
	}
}

// Serve runs requests, all with the same input of the dimensions samples × channels × rows × columns (ignored where compute is
// modelled), and returns what became of each, in the order given, when the last has ended. Where requests compete, the one that is
// due earlier goes first, then the one that is given earlier.
//
// If a node is lost that any of them needs, what is under way is dropped everywhere and the error is a *NodeLostError; nodes that
// are not lost stay usable, in this session for plans that do not need that node. If nothing happens for Options.Patience after a
// request was due, the error is a *TimeoutError. Requests that fail otherwise do not stop others; the error then joins a
// *RequestError for each. Outcomes are returned in any case.
func (s *Session) Serve(ctx context.Context, requests []Request, input inference.Tensor) ([]Outcome, error) {
	w, err := s.admit(requests, input)
	if err != nil {
		return nil, err
	}
	defer s.leave(w)
	if err := s.begin(ctx, w, input); err != nil {
		s.drop(w, err)
		return w.outcomes, err
	}
	s.await(ctx, w)
	s.mu.Lock()
	err = w.err
	s.mu.Unlock()
	if err != nil {
		s.drop(w, err)
		return w.outcomes, err
	}
	var errs []error
	for i := range w.outcomes {
		errs = append(errs, w.outcomes[i].Err)
	}
	return w.outcomes, unique(errs)
}

// admit checks requests and gives them their numbers.
func (s *Session) admit(requests []Request, input inference.Tensor) (*serving, error) {
	if len(requests) == 0 || len(requests) > mostRequests {
		return nil, &JobError{[]string{fmt.Sprintf("%d requests at once; 1 to %d can be served, more by calling again", len(requests), mostRequests)}}
	}
	for i, r := range requests {
		if r.Plan < 0 || r.Plan >= len(s.job.Plans) || r.At < 0 {
			return nil, &JobError{[]string{fmt.Sprintf("request %d: plan %d at %v; there are %d plans, and times from 0", i, r.Plan, r.At, len(s.job.Plans))}}
		}
		if want := s.inputShape(r.Plan); s.job.Modelled == nil && (!slices.Equal(input.Shape, want) || input.Check() != nil) {
			return nil, &JobError{[]string{fmt.Sprintf("request %d: an input of shape %v with %d numbers; plan %d takes %v", i, input.Shape, len(input.Data), r.Plan, want)}}
		}
	}
	w := &serving{outcomes: make([]Outcome, len(requests)), index: map[int64]int{}, needs: make([]bool, len(s.streams)), zero: map[int]time.Duration{},
		done: make(chan struct{}), moved: time.Now()}
	order := make([]int, len(requests))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool { return requests[order[a]].At < requests[order[b]].At })
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range order {
		w.outcomes[i] = Outcome{Request: requests[i], ID: s.next}
		w.index[s.next], s.pending[s.next] = i, w
		s.next++
		for j, in := range s.job.Plans[requests[i].Plan].Nodes(len(s.streams)) {
			w.needs[j] = w.needs[j] || in
		}
	}
	for j, lost := range s.lost {
		if w.needs[j] {
			w.stop(lost)
		}
	}
	s.serving++
	s.history = append(s.history, w)
	return w, nil
}

// leave forgets the requests of a serving.
func (s *Session) leave(w *serving) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serving--
	for i := range w.outcomes {
		delete(s.pending, w.outcomes[i].ID)
	}
}

// await returns when a serving is over.
func (s *Session) await(ctx context.Context, w *serving) {
	patience := s.agents.options.Patience
	begun := time.Now()
	tick := time.NewTicker(min(patience/4+1, 250*time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-w.done:
			return
		case <-ctx.Done():
			s.mu.Lock()
			w.stop(context.Cause(ctx))
			s.mu.Unlock()
		case now := <-tick.C:
			s.mu.Lock()
			due := time.Duration(math.MaxInt64)
			for _, i := range w.index {
				due = min(due, w.outcomes[i].At)
			}
			if idle := min(now.Sub(w.moved), now.Sub(begun)-due); idle > patience {
				w.stop(&TimeoutError{fmt.Sprintf("%d of %d requests have not ended, none", len(w.index), len(w.outcomes)), idle.Round(time.Millisecond)})
			}
			s.mu.Unlock()
		}
	}
}

// dropWait is how long agents have to take note that requests are dropped.
const dropWait = 200 * time.Millisecond

// drop ends what is left of a serving on all nodes.
func (s *Session) drop(w *serving, why error) {
	s.mu.Lock()
	var ids []int64
	for id, i := range w.index {
		ids = append(ids, id)
		w.outcomes[i].Err = why
	}
	clear(w.index)
	w.stop(why)
	s.mu.Unlock()
	slices.Sort(ids)
	if len(ids) == 0 {
		return
	}
	var told sync.WaitGroup
	for j, st := range s.streams {
		if st != nil && w.needs[j] {
			told.Go(func() { // hangs where the agent does, until its stream is given up
				_ = st.tell(&control.Command{What: &control.Command_Drop{Drop: &control.Drop{Requests: ids, Why: why.Error()}}})
			})
		}
	}
	done := make(chan struct{})
	go func() { told.Wait(); close(done) }()
	select {
	case <-done: // so that what is said next comes after it
	case <-time.After(dropWait):
	}
}
