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
	Rounds   int           // per op; 0: 9
	Idle     time.Duration // rest before each round
	Evict    int64         // bytes of other memory walked over before each round
	Progress func(done, total int)
}

// OpProfile is what one op takes on its cluster, as measured. Ops that compute the same slice on the same cluster share one.
type OpProfile struct {
	Median, Low, High time.Duration // Low and High are the quartiles
	Rounds            []time.Duration
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

// Profile measures every compute op of every plan as it is deployed, in place, one at a time on the whole testbed. No requests may be
// under way. Errors are those of Deploy.
func (s *Session) Profile(ctx context.Context, o ProfileOptions) (*Profile, error) {
	if o.Rounds == 0 {
		o.Rounds = 9
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
	for n, t := range tasks {
		if o.Progress != nil {
			o.Progress(n, len(tasks))
		}
		if err := s.measure(ctx, t.plan, t.op, o, out.Ops[t.plan][t.op]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// measure profiles one op.
func (s *Session) measure(ctx context.Context, plan, op int, o ProfileOptions, to *OpProfile) error {
	patience := s.agents.options.Patience + time.Duration(o.Rounds)*o.Idle
	ctx, cancel := context.WithTimeoutCause(ctx, patience, &TimeoutError{fmt.Sprintf("op %d of plan %d is not measured", op, plan), patience})
	defer cancel()
	st := s.streams[s.job.Plans[plan].Ops[op].Node]
	c := &control.Profile{Plan: int32(plan), Op: int32(op), Rounds: int32(o.Rounds), Idle: int64(o.Idle), Evict: o.Evict}
	a, err := s.call(ctx, st, fmt.Sprintf("measure op %d of plan %d", op, plan), &control.Command{What: &control.Command_Profile{Profile: c}})
	if err != nil {
		return err
	}
	for _, d := range a.event.GetProfiled().GetWork() {
		to.Rounds = append(to.Rounds, time.Duration(d))
	}
	if len(to.Rounds) == 0 {
		return &RefusedError{Node: st.Node, Doing: fmt.Sprintf("measure op %d of plan %d", op, plan), Faults: []string{"it answers without numbers"}}
	}
	sorted := slices.Sorted(slices.Values(to.Rounds))
	to.Low, to.Median, to.High = quantile(sorted, 0.25), quantile(sorted, 0.5), quantile(sorted, 0.75)
	return nil
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
