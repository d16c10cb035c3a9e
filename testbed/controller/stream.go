package controller

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"hidp/testbed/control"
)

// stream is the session of one node: commands go out, events come in.
type stream struct {
	*link
	calls  control.Agent_SessionClient
	cancel context.CancelCauseFunc
	ctx    context.Context
	events func(*stream, *control.Event) // is told of Finished, Failed and Lost
	ended  func(*stream, error)          // is told once, why nothing comes any more
	gone   chan struct{}                 // closed after that
	broken chan struct{}                 // closed when nothing comes any more; why may not be known yet
	id     string                        // of the session

	send   sync.Mutex // held while a command goes out, so that numbers ascend
	number uint64

	mu       sync.Mutex
	waiting  map[uint64]chan answer
	assembly control.Assembly
}

// answer is what a command is answered with.
type answer struct {
	event    *control.Event
	measured *control.Measured
}

// errEnded is why nothing comes from an agent that has ended its session in order.
var errEnded = errors.New("the agent has ended the session")

// open begins a session with an agent. It ends with ctx.
func (l *link) open(ctx context.Context, id string, events func(*stream, *control.Event), ended func(*stream, error)) (*stream, error) {
	s := &stream{link: l, events: events, ended: ended, gone: make(chan struct{}), broken: make(chan struct{}), id: id, waiting: map[uint64]chan answer{}}
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	var err error
	if s.calls, err = l.client.Session(s.ctx); err != nil {
		s.cancel(nil)
		return nil, l.failed(ctx, err)
	}
	go s.read()
	return s, nil
}

// read takes events until there are no more.
func (s *stream) read() {
	defer close(s.gone)
	for {
		e, err := s.calls.Recv()
		if err != nil {
			close(s.broken)
			s.ended(s, s.why(err))
			s.cancel(nil)
			return
		}
		switch w := e.What.(type) {
		case *control.Event_Finished, *control.Event_Failed, *control.Event_Lost:
			s.events(s, e)
		case *control.Event_Report:
			m, err := s.assembly.Add(w.Report)
			if err != nil {
				s.cancel(err)
			} else if m != nil {
				s.settle(e.Number, answer{measured: m})
			}
		default:
			s.settle(e.Number, answer{event: e})
		}
	}
}

// why says why a stream ended.
func (s *stream) why(err error) error {
	switch cause := context.Cause(s.ctx); {
	case cause != nil:
		return cause
	case errors.Is(err, io.EOF):
		return errEnded
	case status.Code(err) == codes.ResourceExhausted:
		return &BusyError{s.Node, s.Address, said(err)}
	case status.Code(err) == codes.Unavailable:
		if crash := s.crash(); crash != nil {
			return crash
		}
		return errors.New(handshake(err))
	}
	return errors.New(said(err))
}

// revival is how long a supervisor may take until an agent that crashed answers again.
const revival = 3 * time.Second

// crash asks an agent whose process is gone whether it crashed in this session. It returns nil if nobody answers: then the whole agent
// is gone, not only what computes.
func (s *stream) crash() error {
	ctx, cancel := context.WithTimeout(context.Background(), revival)
	defer cancel()
	d, err := s.client.Describe(ctx, &control.DescribeRequest{Protocol: control.Protocol})
	if err != nil || d.Crash == nil || d.Crash.Session != s.id {
		return nil
	}
	return &CrashError{s.Node, d.Crash.What}
}

// settle hands an answer to who waits for it.
func (s *stream) settle(number uint64, a answer) {
	s.mu.Lock()
	c := s.waiting[number]
	delete(s.waiting, number)
	s.mu.Unlock()
	if c != nil {
		c <- a
	}
}

// tell sends a command and returns its number.
func (s *stream) tell(c *control.Command) error {
	s.send.Lock()
	defer s.send.Unlock()
	s.number++
	c.Number = s.number
	return s.calls.Send(c)
}

// call sends a command and waits for its answer. A refusal is a *RefusedError that says what the node was to do; if the stream ends
// before the answer comes, the error is errEnded or what ended was told.
func (s *stream) call(ctx context.Context, doing string, c *control.Command) (answer, error) {
	back := make(chan answer, 1)
	s.send.Lock()
	s.number++
	c.Number = s.number
	s.mu.Lock()
	s.waiting[c.Number] = back
	s.mu.Unlock()
	_ = s.calls.Send(c) // if that fails the stream has ended, and read tells why
	s.send.Unlock()
	select {
	case a := <-back:
		return a, s.refusal(doing, a)
	case <-s.gone:
		select {
		case a := <-back: // it came before the end
			return a, s.refusal(doing, a)
		default:
			return answer{}, errEnded
		}
	case <-ctx.Done():
		s.settle(c.Number, answer{})
		return answer{}, context.Cause(ctx)
	}
}

func (s *stream) refusal(doing string, a answer) error {
	if r := a.event.GetRefused(); r != nil {
		return &RefusedError{Node: s.Node, Doing: doing, Faults: r.Faults, User: r.User}
	}
	return nil
}
