package host

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"hidp/testbed/agent"
	"hidp/testbed/agent/energy"
	"hidp/testbed/control"
	"hidp/testbed/inference"
	"hidp/testbed/wire"
)

// settle is how long Close waits for what nodes still do for requests that have their answer.
const settle = time.Second

// finished tells that the output of a request is here.
func (s *session) finished(id int64, output inference.Tensor) {
	e := &control.Finished{Request: id, At: int64(s.host.clock.Now())}
	s.requests.mu.Lock()
	due := s.requests.known[id]
	s.requests.mu.Unlock()
	if due != nil && due.Output {
		for _, d := range output.Shape {
			e.Shape = append(e.Shape, int64(d))
		}
		e.Output = wire.FloatBytes(output.Data)
	}
	s.send(&control.Event{What: &control.Event_Finished{Finished: e}})
}

// failed tells that a request has come to nothing.
func (s *session) failed(id int64, why error) {
	e := &control.Failed{Request: id, Why: text(why)}
	var lost *agent.NodeLostError
	if errors.As(why, &lost) {
		e.Lost = lost.Node
	}
	s.send(&control.Event{What: &control.Event_Failed{Failed: e}})
}

// lost tells that another node is gone.
func (s *session) lost(node string, why error) {
	s.send(&control.Event{What: &control.Event_Lost{Lost: &control.Lost{Node: node, Why: text(why)}}})
}

// finish ends the session in order: everything is given back before the last report goes out.
func (s *session) finish(number uint64) error {
	for end := time.Now().Add(settle); s.runtime.Live() > 0 && time.Now().Before(end) && s.ctx.Err() == nil; {
		time.Sleep(time.Millisecond)
	}
	if s.ctx.Err() != nil {
		return s.ended(context.Cause(s.ctx))
	}
	m := &control.Measured{}
	s.meters.read(m) // before threads end and their figures with them
	m.Report = s.stop()
	m.Late = s.requests.late
	if s.tcp != nil {
		m.Transport = s.tcp.Stats()
	}
	s.meters.stop()
	m.Readings, m.Failure = s.meters.readings, s.meters.failure
	if s.host.sampler != nil && s.job.energy >= 0 {
		m.Sampler = s.host.sampler.Name()
	}
	s.close()
	pieces, err := m.Pieces()
	if err != nil {
		return status.Errorf(codes.Internal, "%v", err)
	}
	for _, piece := range pieces {
		if err := s.stream.Send(&control.Event{Number: number, What: &control.Event_Report{Report: piece}}); err != nil {
			return err
		}
	}
	return nil
}

// meters are what is measured of a session beside its trace.
type meters struct {
	before usage
	cancel context.CancelFunc
	done   chan struct{}

	readings []energy.Reading // after stop
	failure  string
}

// startMeters begins to count what the process takes.
func (h *Host) startMeters() *meters {
	resetPeak()
	return &meters{before: used()}
}

// sample begins to read the power, every period or as the monitor likes; not if the period is negative.
func (m *meters) sample(h *Host, period time.Duration) {
	if h.sampler == nil || period < 0 {
		return
	}
	ctx, cancel := context.WithCancel(h.ctx)
	m.cancel, m.done = cancel, make(chan struct{})
	go func() {
		defer close(m.done)
		readings, err := energy.Record(ctx, h.sampler, h.clock, period)
		m.readings = readings
		if err != nil {
			m.failure = err.Error()
		}
	}()
}

// read enters what the process has taken.
func (m *meters) read(into *control.Measured) {
	now := used()
	into.Resident = now.peak
	into.Processor = now.processor - m.before.processor
	into.Waited = now.waited - m.before.waited
	into.Throttled = now.throttled - m.before.throttled
	into.Stolen = now.stolen - m.before.stolen
}

// stop ends the sampling. It may be called again.
func (m *meters) stop() {
	if m.cancel != nil {
		m.cancel()
		<-m.done
	}
}

// usage is what the system says that the process has taken so far, as far as it says so.
type usage struct {
	peak      int64         // most bytes of memory since resetPeak
	processor time.Duration // time on processors
	waited    time.Duration // time for which its threads could have run and did not
	throttled time.Duration // time for which its control group was kept from running
	stolen    time.Duration // time for which the machine's processors were somebody else's, of the hypervisor
}
