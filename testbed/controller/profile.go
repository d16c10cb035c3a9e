package controller

import (
	"context"
	"fmt"
	"slices"
	"time"

	"hidp/strategies"
	"hidp/testbed/control"
	"hidp/workloads"
)

// ProfileOptions say how ops are measured.
type ProfileOptions struct {
	Passes   int           // over all ops, that count; 0: 9
	Rest     time.Duration // before each op
	Progress func(done, total int)
}

// OpProfile is what one op takes on its cluster, as measured. Ops that compute the same slice on the same cluster share one.
type OpProfile struct {
	Median, Low, High time.Duration // Low and High are the quartiles
	Passes            []time.Duration
}

// Profile is what the compute ops of a session's plans take.
type Profile struct {
	Plans []*strategies.Plan
	Ops   [][]*OpProfile // by plan and op; nil for sends
}

// Work returns the median of compute op i of a plan of the profile, for sim.Config.Work. It panics if there is none.
func (p *Profile) Work(plan *strategies.Plan, i int) time.Duration {
	k := slices.Index(p.Plans, plan)
	if k < 0 || p.Ops[k][i] == nil {
		panic(fmt.Sprintf("controller: no profile of op %d of a plan of %s", i, plan.Strategy))
	}
	return p.Ops[k][i].Median
}

// Profile measures every compute op of every plan as it is deployed, in place, one at a time on the whole testbed. It goes over the ops
// in the order of the plans again and again, so that each finds caches as those before it leave them, as in a run, and what happens on
// the machine meanwhile does not meet one op alone. In a session that was not profiled before one more pass comes first, which does not
// count: it finds memory that was never used. No requests may be under way. Errors are those of Deploy.
func (s *Session) Profile(ctx context.Context, o ProfileOptions) (*Profile, error) {
	if o.Passes == 0 {
		o.Passes = 9
	}
	type key struct {
		node, cluster int
		slice         workloads.Slice
	}
	known := map[key]*OpProfile{}
	type task struct{ plan, op int }
	var tasks []task
	out := &Profile{Plans: s.job.Plans}
	for i, p := range s.job.Plans {
		out.Ops = append(out.Ops, make([]*OpProfile, len(p.Ops)))
		for k := range p.Ops {
			op := &p.Ops[k]
			id := key{op.Node, op.Cluster, op.Slice}
			if op.Kind == strategies.Compute && known[id] == nil {
				known[id] = &OpProfile{}
				tasks = append(tasks, task{i, k})
			}
			if op.Kind == strategies.Compute {
				out.Ops[i][k] = known[id]
			}
		}
	}
	passes := o.Passes
	s.mu.Lock()
	if !s.profiled {
		s.profiled = true
		passes++
	}
	s.mu.Unlock()
	for n := range passes * len(tasks) {
		if o.Progress != nil {
			o.Progress(n, passes*len(tasks))
		}
		t := tasks[n%len(tasks)]
		took, err := s.measure(ctx, t.plan, t.op, o.Rest)
		if err != nil {
			return nil, err
		}
		if to := out.Ops[t.plan][t.op]; n >= (passes-o.Passes)*len(tasks) {
			to.Passes = append(to.Passes, took)
		}
	}
	for _, p := range known {
		sorted := slices.Sorted(slices.Values(p.Passes))
		p.Low, p.Median, p.High = quantile(sorted, 0.25), quantile(sorted, 0.5), quantile(sorted, 0.75)
	}
	return out, nil
}

// measure profiles one op once.
func (s *Session) measure(ctx context.Context, plan, op int, rest time.Duration) (time.Duration, error) {
	patience := s.agents.options.Patience + rest
	ctx, cancel := context.WithTimeoutCause(ctx, patience, &TimeoutError{fmt.Sprintf("op %d of plan %d is not measured", op, plan), patience})
	defer cancel()
	st, doing := s.streams[s.job.Plans[plan].Ops[op].Node], fmt.Sprintf("measure op %d of plan %d", op, plan)
	c := &control.Profile{Plan: int32(plan), Op: int32(op), Rest: int64(rest)}
	a, err := s.call(ctx, st, doing, &control.Command{What: &control.Command_Profile{Profile: c}})
	if err != nil {
		return 0, err
	}
	if took := a.event.GetProfiled().GetWork(); took > 0 {
		return time.Duration(took), nil
	}
	return 0, &RefusedError{Node: st.Node, Doing: doing, Faults: []string{"it answers without a duration"}}
}

// quantile interpolates in a sorted list (type 7 of Hyndman and Fan, 1996).
func quantile(sorted []time.Duration, q float64) time.Duration {
	at := float64(q * float64(len(sorted)-1))
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + time.Duration(float64((at-float64(i))*float64(sorted[i+1]-sorted[i])))
}
