package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"hidp/testbed/agent"
	"hidp/testbed/control"
	"hidp/testbed/inference"
	"hidp/testbed/submodel"
	"hidp/testbed/wire"
)

// Limits of what a controller may have begun or measured.
const (
	mostRequests = 1 << 20        // of a session
	mostAhead    = 24 * time.Hour // that a request is due in
	mostID       = 1<<48 - 1      // of a request
	mostInputs   = int64(1) << 30 // bytes of different inputs of a session
	mostOutput   = control.MaxMessage - 1<<10
	soon         = time.Millisecond // before a schedule without a time begins
)

// requests are those that a session has to begin.
type requests struct {
	inputs  map[identity][]float32
	bytes   int64          // of inputs
	running sync.WaitGroup // of begin

	mu      sync.Mutex
	known   map[int64]*control.Due
	dropped map[int64]bool
	late    time.Duration // the latest that one was begun
}

// begun is a request that is to begin.
type begun struct {
	*control.Due
	input inference.Tensor
}

func (r *requests) wait() { r.running.Wait() }

// schedule notes requests and begins them when they are due.
func (s *session) schedule(c *control.Schedule) (*control.Event_Scheduled, error) {
	now := s.host.clock.Now()
	zero := time.Duration(c.Zero)
	if zero == 0 {
		zero = now + soon
	}
	if zero < 0 || zero > now+mostAhead {
		return nil, fmt.Errorf("schedule: it begins at %v, more than %v from now, %v", zero, mostAhead, now)
	}
	if len(s.receivers()) > 0 && !s.connected {
		return nil, errors.New("schedule: the session is not connected")
	}
	list, err := s.noted(c.Requests)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(list, func(a, b begun) int { return cmp.Compare(a.At, b.At) })
	s.requests.running.Go(func() { s.begin(list, zero) })
	return &control.Event_Scheduled{Scheduled: &control.Scheduled{Zero: int64(zero)}}, nil
}

// noted checks requests, reads their inputs and enters them: all or none.
func (s *session) noted(requests []*control.Due) ([]begun, error) {
	var f faults
	world := false
	fresh := map[int64]*control.Due{}
	var list []begun
	if len(requests)+len(s.requests.known) > mostRequests {
		f.addf("schedule: more than the %d requests that a session can have", mostRequests)
		requests = nil
	}
	for _, due := range requests {
		input, err := s.checkDue(due)
		if err == nil && (s.requests.known[due.Request] != nil || fresh[due.Request] != nil) {
			err = errors.New("there is one of that number already")
		}
		if err != nil {
			f.addf("request %d: %v", due.Request, err)
			world = world || errors.As(err, new(worldError))
		}
		fresh[due.Request] = due
		list = append(list, begun{due, input})
	}
	switch err := f.err(); {
	case err != nil && world:
		return nil, worldError{err}
	case err != nil:
		return nil, err
	}
	s.requests.mu.Lock()
	defer s.requests.mu.Unlock()
	maps.Copy(s.requests.known, fresh)
	return list, nil
}

// checkDue returns what is wrong with a request, or its input.
func (s *session) checkDue(due *control.Due) (none inference.Tensor, err error) {
	if due.Request < 0 || due.Request > mostID {
		return none, fmt.Errorf("its number is not between 0 and %d", int64(mostID))
	}
	if due.At < 0 || due.At > int64(mostAhead) {
		return none, fmt.Errorf("it is due %v after the start; at most %v", time.Duration(due.At), mostAhead)
	}
	if due.Plan < 0 || int(due.Plan) >= len(s.job.plans) {
		return none, fmt.Errorf("there is no plan %d, but %d", due.Plan, len(s.job.plans))
	}
	p := s.job.plans[due.Plan]
	if p.Plan.Leader != s.job.node {
		return none, fmt.Errorf("plan %d is led by %s", due.Plan, s.job.platform.Nodes[p.Plan.Leader].Name)
	}
	if s.job.modelled {
		return none, nil
	}
	if out := p.Graph.Output(); due.Output && 4*elements(submodel.Shape(p.Graph, p.Graph.Tensor(out, p.Plan.Batch))) > mostOutput {
		return none, fmt.Errorf("its output is too large for a message; a message has up to %d bytes", control.MaxMessage)
	}
	shape := submodel.Shape(p.Graph, p.Graph.Tensor(0, p.Plan.Batch))
	if !slices.EqualFunc(due.Shape, shape, func(a int64, b int) bool { return a == int64(b) }) {
		return none, fmt.Errorf("its input has the shape %v; plan %d takes %v", due.Shape, due.Plan, shape)
	}
	file, err := fileOf(due.Input)
	if err != nil {
		return none, fmt.Errorf("input: %w", err)
	}
	if file.size != 4*elements(shape) {
		return none, fmt.Errorf("its input has %d bytes; of shape %v it has %d", file.size, shape, 4*elements(shape))
	}
	data, err := s.readInput(file)
	return inference.Tensor{Shape: shape, Data: data}, err
}

func elements(shape []int) int64 {
	n := int64(1)
	for _, d := range shape {
		n *= int64(d)
	}
	return n
}

// readInput brings an input into memory, once.
func (s *session) readInput(file identity) ([]float32, error) {
	r := &s.requests
	if data := r.inputs[file]; data != nil {
		return data, nil
	}
	if r.bytes+file.size > mostInputs {
		return nil, worldError{fmt.Errorf("the inputs of the session have more than %d bytes", mostInputs)}
	}
	path, release, ok := s.host.folder.Use(file)
	if !ok {
		return nil, worldError{fmt.Errorf("the agent has no file %v of %d bytes", file.digest, file.size)}
	}
	defer release()
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, worldError{err}
	}
	if int64(len(data)) != file.size {
		return nil, worldError{fmt.Errorf("file %v has %d bytes instead of %d", file.digest, len(data), file.size)}
	}
	r.inputs[file] = wire.BytesFloats(data)
	r.bytes += file.size
	return r.inputs[file], nil
}

// begin begins requests when they are due.
func (s *session) begin(list []begun, zero time.Duration) {
	for _, due := range list {
		at := zero + time.Duration(due.At)
		if s.host.clock.Sleep(s.ctx, at) != nil {
			return
		}
		s.requests.mu.Lock()
		dropped := s.requests.dropped[due.Request]
		s.requests.mu.Unlock()
		if dropped {
			continue
		}
		now := s.host.clock.Now()
		err := s.runtime.Begin(due.Request, int(due.Plan), due.input)
		s.requests.mu.Lock()
		s.requests.late = max(s.requests.late, now-at)
		s.requests.mu.Unlock()
		if err != nil {
			s.failed(due.Request, err)
		}
	}
}

// join announces requests that others lead.
func (s *session) join(c *control.Join) {
	for _, due := range c.Requests {
		if err := s.runtime.Join(due.Request, int(due.Plan)); err != nil {
			s.failed(due.Request, err)
		}
	}
}

// drop ends requests, also those that have not begun.
func (s *session) drop(c *control.Drop) {
	for _, id := range c.Requests {
		s.requests.mu.Lock()
		if s.requests.known[id] != nil {
			s.requests.dropped[id] = true
		}
		s.requests.mu.Unlock()
		s.runtime.Drop(id, errors.New(c.Why))
	}
}

// profile measures an op.
func (s *session) profile(c *control.Profile) (*control.Event_Profiled, error) {
	work, err := s.runtime.Profile(s.ctx, int(c.Plan), int(c.Op))
	if err != nil {
		var op *agent.OpError
		if errors.As(err, &op) || errors.Is(err, context.Canceled) {
			err = worldError{err}
		}
		return nil, err
	}
	return &control.Event_Profiled{Profiled: &control.Profiled{Work: int64(work)}}, nil
}
