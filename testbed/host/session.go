package host

import (
	"context"
	"errors"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"hidp/strategies/plan"
	"hidp/testbed/agent"
	"hidp/testbed/control"
	"hidp/testbed/inference"
	"hidp/testbed/wire"
)

const (
	openWithin = 10 * time.Second // that a session's stream has to say what it is in
	backlog    = 64               // commands that are read ahead, so that an Abort is seen
)

// session is a stream of commands and what they have made.
type session struct {
	host   *Host
	stream grpc.BidiStreamingServer[control.Command, control.Event]
	ctx    context.Context // ends when the session is about to
	end    context.CancelCauseFunc
	sends  sync.Mutex

	job       *job
	dir       string
	loaded    *loaded
	memory    *inference.Memory // of tensors
	tcp       *wire.TCP         // nil on a platform of one
	runtime   *agent.Runtime
	meters    *meters
	undo      []func()
	connected bool
	closed    bool
	requests  requests
}

// errAborted is why a session ends that its controller does not want any more.
var errAborted = errors.New("the session was aborted")

// errEnded is why what is under way ends when a session is closed.
var errEnded = errors.New("the session is closed")

// Session implements control.AgentServer.
func (h *Host) Session(stream grpc.BidiStreamingServer[control.Command, control.Event]) error {
	s := &session{host: h, stream: stream, memory: &inference.Memory{}}
	s.requests.inputs, s.requests.known, s.requests.dropped = map[identity][]float32{}, map[int64]*control.Due{}, map[int64]bool{}
	s.ctx, s.end = context.WithCancelCause(stream.Context())
	defer s.end(errEnded)
	defer context.AfterFunc(h.ctx, func() { s.end(errStopping) })()
	commands := make(chan *control.Command, backlog)
	go s.read(commands)
	first, err := s.first(commands)
	if err != nil {
		return err
	}
	claim, err := h.acquire(s.ctx, callName(first.GetOpen().Holder))
	if err != nil {
		return s.ended(err)
	}
	defer h.release(claim)
	defer s.close()
	if !s.answer(first) {
		return nil
	}
	for {
		select {
		case c := <-commands:
			if _, last := c.What.(*control.Command_Close); last {
				return s.finish(c.Number)
			}
			s.answer(c)
		case <-s.ctx.Done():
			return s.ended(context.Cause(s.ctx))
		}
	}
}

// read takes commands in until the stream or the session ends. An Abort counts at once.
func (s *session) read(commands chan<- *control.Command) {
	var last uint64
	for {
		c, err := s.stream.Recv()
		if err != nil {
			s.end(err)
			return
		}
		if c.Number <= last {
			s.end(status.Errorf(codes.InvalidArgument, "command number %d after number %d", c.Number, last))
			return
		}
		last = c.Number
		if c.GetAbort() != nil {
			s.end(errAborted)
			return
		}
		select {
		case commands <- c:
		case <-s.ctx.Done():
			return
		}
	}
}

// first returns the Open that a session begins with.
func (s *session) first(commands <-chan *control.Command) (*control.Command, error) {
	late := time.NewTimer(openWithin)
	defer late.Stop()
	select {
	case c := <-commands:
		if c.GetOpen() == nil {
			return nil, status.Error(codes.InvalidArgument, "a session begins with Open")
		}
		return c, nil
	case <-late.C:
		return nil, status.Errorf(codes.DeadlineExceeded, "no Open came within %v", openWithin)
	case <-s.ctx.Done():
		return nil, s.ended(context.Cause(s.ctx))
	}
}

// ended returns the status of a stream that ends for a reason other than Close.
func (s *session) ended(why error) error {
	if _, is := status.FromError(why); is {
		return why
	}
	switch {
	case errors.Is(why, errAborted):
		return nil
	case errors.Is(why, errStopping):
		return status.Error(codes.Unavailable, why.Error())
	}
	return status.FromContextError(why).Err()
}

// answer does a command and tells what came of it. It reports whether the command was done.
func (s *session) answer(c *control.Command) bool {
	event := &control.Event{Number: c.Number}
	var err error
	switch w := c.What.(type) {
	case *control.Command_Open:
		event.What, err = s.open(w.Open)
	case *control.Command_Connect:
		event.What, err = &control.Event_Connected{Connected: &control.Connected{}}, s.connect(s.ctx, w.Connect)
	case *control.Command_Profile:
		event.What, err = s.profile(w.Profile)
	case *control.Command_Schedule:
		event.What, err = s.schedule(w.Schedule)
	case *control.Command_Join:
		s.join(w.Join)
		return true
	case *control.Command_Drop:
		s.drop(w.Drop)
		return true
	default:
		err = errors.New("a command that this agent does not know")
	}
	if err != nil {
		event.What = refused(err)
	}
	s.send(event)
	return err == nil
}

// refused tells faults line by line, and whose they are.
func refused(err error) *control.Event_Refused {
	var world worldError
	var memory *agent.OutOfMemoryError
	var lost *agent.NodeLostError
	user := !errors.As(err, &world) && !errors.As(err, &memory) && !errors.As(err, &lost) && !errors.Is(err, context.Canceled)
	return &control.Event_Refused{Refused: &control.Refused{Faults: strings.Split(text(err), "\n"), User: user}}
}

// text returns an error's words as the protocol can carry them: a library's may be anything.
func text(err error) string { return strings.ToValidUTF8(err.Error(), "\ufffd") }

// send tells the controller something. If it cannot be reached, the stream's own end says so.
func (s *session) send(e *control.Event) {
	s.sends.Lock()
	defer s.sends.Unlock()
	if err := s.stream.Send(e); err != nil {
		s.end(err)
	}
}

// open prepares the session. If it fails, close takes back what has been done.
func (s *session) open(o *control.Open) (*control.Event_Opened, error) {
	if s.job != nil {
		return nil, errors.New("the session is open already")
	}
	job, wrong := s.host.check(o)
	if err := wrong.err(); err != nil {
		return nil, err
	}
	s.job = job
	s.host.notes.Session(job.session)
	s.host.log.printf("session %q of %s: node %s, %d plans, %d models", job.session, callName(job.holder), job.platform.Nodes[job.node].Name, len(job.plans), len(job.models))
	if err := job.fits(); err != nil {
		return nil, err
	}
	s.meters = s.host.startMeters()
	var err error
	if s.dir, err = s.host.folder.Session(); err != nil {
		return nil, worldError{err}
	}
	for _, step := range []func() error{s.unpack, func() error { return s.load(s.ctx) }, s.listen, s.start} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	s.meters.sample(s.host, job.energy)
	opened := &control.Opened{Memory: resident()}
	if s.tcp != nil {
		opened.Address = s.tcp.Addr().String()
	}
	return &control.Event_Opened{Opened: opened}, nil
}

// start begins the runtime.
func (s *session) start() error {
	j := s.job
	cfg := agent.Config{Platform: j.platform, Node: j.node, Plans: j.plans, Clock: s.host.clock, Memory: s.memory, Emulated: j.emulated(), Hollow: j.modelled,
		Finished: s.finished, Failed: s.failed, Lost: s.lost}
	cfg.Workers, cfg.CPUs, cfg.Pacer = s.crew()
	if s.tcp != nil {
		cfg.Transport = s.tcp
	}
	r, err := agent.Start(s.ctx, cfg)
	if err != nil {
		var plan *plan.InvalidError
		if errors.As(err, &plan) {
			return err
		}
		return worldError{err}
	}
	s.runtime = r
	return nil
}

// stop ends all work and returns the report of the runtime, if there is one.
func (s *session) stop() *agent.Report {
	s.end(errEnded)
	s.requests.wait()
	if s.runtime == nil {
		if s.tcp != nil {
			s.tcp.Close()
		}
		return nil
	}
	return s.runtime.Close()
}

// close gives back whatever the session has taken. It may be called again.
func (s *session) close() {
	if s.closed {
		return
	}
	s.closed = true
	s.stop()
	if s.meters != nil {
		s.meters.stop()
	}
	if s.loaded != nil {
		if err := s.loaded.close(); err != nil {
			s.host.log.printf("closing models: %v", err)
		}
	}
	for _, undo := range s.undo {
		undo()
	}
	if s.dir != "" {
		if err := os.RemoveAll(s.dir); err != nil {
			s.host.log.printf("removing %s: %v", s.dir, err)
		}
	}
	if s.job != nil {
		s.host.log.printf("session %q ended: %v", s.job.session, context.Cause(s.ctx))
	}
	s.job, s.loaded, s.runtime = nil, nil, nil
	s.host.notes.Session("")
	if engine, can := s.host.engine.(interface{ Trim() }); can {
		engine.Trim()
	}
	debug.FreeOSMemory()
}
