package controller

import (
	"context"
	"slices"
	"sync"
	"time"

	"hidp/testbed/control"
	"hidp/testbed/inference"
	"hidp/testbed/submodel"
	"hidp/testbed/wire"
	"hidp/workloads"
)

// begin brings the input to the leaders, announces the requests to who follows, and schedules them.
func (s *Session) begin(ctx context.Context, w *serving, input inference.Tensor) error {
	s.mu.Lock()
	over, err := w.over, w.err
	s.mu.Unlock()
	if over {
		return err
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
	if err := s.schedule(ctx, w, lead, file); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range w.outcomes {
		o := &w.outcomes[i]
		o.Due = w.zero[s.job.Plans[o.Plan].Leader] + o.At
	}
	return nil
}

// schedule tells the leaders what they lead.
func (s *Session) schedule(ctx context.Context, w *serving, lead [][]*control.Due, input *control.File) error {
	zero := s.zeros(lead)
	errs := make([]error, len(lead))
	var all sync.WaitGroup
	for j, dues := range lead {
		if len(dues) == 0 {
			continue
		}
		for _, d := range dues {
			if d.Input = input; input != nil {
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

func (s *Session) inputShape(plan int) []int {
	g := s.job.Graph
	return submodel.Shape(g, workloads.Part{Layer: 0, Box: g.Full(0, s.job.Plans[plan].Batch)})
}

func shape64(shape []int) []int64 {
	out := make([]int64, len(shape))
	for i, n := range shape {
		out[i] = int64(n)
	}
	return out
}
