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
	"hidp/testbed/submodel"
	"hidp/testbed/wire"
	"hidp/workloads"
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
	Err      error // why there is no answer; *NodeLostError, *RequestError, *TimeoutError or that of Serve's context
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

func (s *Session) inputShape(plan int) []int {
	g := s.job.Graph
	return submodel.Shape(g, workloads.Part{Layer: 0, Region: g.Full(0, s.job.Plans[plan].Batch)})
}

// begin brings the input to the leaders, announces the requests to who follows, and schedules them.
func (s *Session) begin(ctx context.Context, w *serving, input inference.Tensor) error {
	if w.over {
		return w.err
	}
	follow, lead := s.dues(w)
	var file *control.File
	if s.job.Modelled == nil {
		b := bytesBlob(wire.FloatBytes(input.Data))
		file = b.file
		if err := s.bringInput(ctx, lead, b); err != nil {
			return err
		}
	}
	for j, dues := range follow {
		if st := s.streams[j]; len(dues) > 0 {
			_ = st.tell(&control.Command{What: &control.Command_Join{Join: &control.Join{Requests: dues}}}) // if it cannot be told, it is lost
		}
	}
	zero := s.zeros(lead)
	errs := make([]error, len(lead))
	var all sync.WaitGroup
	for j, dues := range lead {
		if len(dues) == 0 {
			continue
		}
		for _, d := range dues {
			d.Input, d.Shape = file, nil
			if file != nil {
				d.Shape = shape64(s.inputShape(int(d.Plan)))
			}
		}
		all.Go(func() {
			c := &control.Command{What: &control.Command_Schedule{Schedule: &control.Schedule{Requests: dues, Zero: int64(zero[j])}}}
			a, err := s.call(ctx, s.streams[j], "schedule requests", c)
			s.mu.Lock()
			defer s.mu.Unlock()
			w.zero[j], errs[j] = time.Duration(a.event.GetScheduled().GetZero()), err
		})
	}
	all.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range w.outcomes {
		o := &w.outcomes[i]
		o.Due = w.zero[s.job.Plans[o.Plan].Leader] + o.At
	}
	return unique(errs)
}

// dues returns what every node follows and leads, in the order of ids.
func (s *Session) dues(w *serving) (follow, lead [][]*control.Due) {
	s.mu.Lock()
	defer s.mu.Unlock()
	follow, lead = make([][]*control.Due, len(s.streams)), make([][]*control.Due, len(s.streams))
	for i := range w.outcomes {
		o := &w.outcomes[i]
		plan := s.job.Plans[o.Plan]
		for j, in := range plan.Nodes(len(s.streams)) {
			switch due := (&control.Due{Request: o.ID, Plan: int32(o.Plan), At: int64(o.At)}); {
			case j == plan.Leader:
				due.Output = o.Request.Output && s.job.Modelled == nil
				lead[j] = append(lead[j], due)
			case in:
				follow[j] = append(follow[j], due)
			}
		}
	}
	for _, list := range append(slices.Clone(follow), lead...) {
		slices.SortFunc(list, func(a, b *control.Due) int { return int(a.Request - b.Request) })
	}
	return follow, lead
}

// bringInput sends the input to the leaders.
func (s *Session) bringInput(ctx context.Context, lead [][]*control.Due, b blob) error {
	errs := make([]error, len(lead))
	var all sync.WaitGroup
	for j, dues := range lead {
		if len(dues) == 0 {
			continue
		}
		all.Go(func() {
			l := s.agents.links[j]
			lacks, err := l.missing(ctx, []blob{b})
			if err == nil && lacks[0] > 0 {
				err = l.put(ctx, b, lacks[0], s.agents.options.stall(), func(int64) {})
			}
			errs[j] = err
		})
	}
	all.Wait()
	return unique(errs)
}

// ahead is how long before the start requests are scheduled where several leaders begin together.
const ahead = 100 * time.Millisecond

// zeros returns when the requests of each leader start, by its clock: as soon as possible where there is one leader, else together.
func (s *Session) zeros(lead [][]*control.Due) []time.Duration {
	out := make([]time.Duration, len(lead))
	leaders := 0
	for _, dues := range lead {
		if len(dues) > 0 {
			leaders++
		}
	}
	if leaders < 2 {
		return out
	}
	start := s.agents.options.Clock.Now() + ahead
	for j := range out {
		out[j] = start + s.before[j].Offset.Offset
	}
	return out
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
	for j, st := range s.streams {
		if st != nil && w.needs[j] && len(ids) > 0 {
			go st.tell(&control.Command{What: &control.Command_Drop{Drop: &control.Drop{Requests: ids, Why: why.Error()}}}) // hangs if the agent does
		}
	}
}

// event takes in what a node says by itself.
func (s *Session) event(st *stream, e *control.Event) {
	switch {
	case e.GetFinished() != nil:
		s.finished(st, e.GetFinished())
	case e.GetFailed() != nil:
		s.failed(st, e.GetFailed())
	case e.GetLost() != nil:
		if j, ok := s.platform.Node(e.GetLost().Node); ok && s.streams[j] != nil && j != st.node {
			s.lose(j, st.Node, fmt.Errorf("%s", e.GetLost().Why))
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
	want := submodel.Shape(g, workloads.Part{Layer: g.Output(), Region: g.Full(g.Output(), s.job.Plans[o.Plan].Batch)})
	if t := (inference.Tensor{Shape: want}); len(f.Output)%4 == 0 && slices.Equal(f.Shape, shape64(want)) {
		if t.Data = wire.BytesFloats(f.Output); t.Check() == nil {
			return t, nil
		}
	}
	return inference.Tensor{}, &RequestError{o.ID, st.Node, fmt.Sprintf("the output has %d bytes of shape %v instead of %v", len(f.Output), f.Shape, want)}
}

func (s *Session) failed(st *stream, f *control.Failed) {
	if j, ok := s.platform.Node(f.Lost); ok && f.Lost != "" && s.streams[j] != nil && j != st.node {
		s.lose(j, st.Node, fmt.Errorf("%s", f.Why))
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

func shape64(shape []int) []int64 {
	out := make([]int64, len(shape))
	for i, n := range shape {
		out[i] = int64(n)
	}
	return out
}
