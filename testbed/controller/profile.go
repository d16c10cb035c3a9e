package controller

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"hidp/strategies/plan"
	"hidp/testbed/control"
	"hidp/workloads"
)

// ProfileOptions say how ops are measured.
type ProfileOptions struct {
	Passes   int // over all ops, that count; 0: 9
	Progress func(done, total int)
}

// OpProfile is what one op takes on its cluster, as measured. Ops that compute the same slice on the same cluster share one.
type OpProfile struct {
	Median, Low, High time.Duration // Low and High are the quartiles
	Passes            []time.Duration
}

// Profile is what the compute ops of a session's plans take.
type Profile struct {
	Plans []*plan.Plan
	Ops   [][]*OpProfile // by plan and op; nil for sends
}

// Work returns the median of compute op i of a plan of the profile, for sim.Config.Work. It panics if there is none.
func (p *Profile) Work(plan *plan.Plan, i int) time.Duration {
	k := slices.Index(p.Plans, plan)
	if k < 0 || p.Ops[k][i] == nil {
		panic(fmt.Sprintf("controller: no profile of op %d of a plan of %s", i, plan.Strategy))
	}
	return p.Ops[k][i].Median
}

// Profile measures every compute op of every plan as it is deployed, in place, in the order of the plans' depth, so that each finds caches as those
// before it leave them, as in a run. Ops on different nodes before which as many must be computed run at the same time, as they do
// in a request: nodes that are emulated on one machine share its memory. On one node they run one after the other: how clusters slow
// each other is the board's to say. In a session that was not profiled before one more pass comes first, which does not
// count: it finds memory that was never used. No requests may be under way. Errors are those of Deploy.
func (s *Session) Profile(ctx context.Context, o ProfileOptions) (*Profile, error) {
	if o.Passes == 0 {
		o.Passes = 9
	}
	out, tasks := s.tasks()
	passes := o.Passes
	s.mu.Lock()
	if !s.profiled {
		s.profiled = true
		passes++
	}
	s.mu.Unlock()
	rounds := s.rounds(tasks)
	m := &measurement{session: s, progress: o.Progress, total: passes * len(tasks)}
	for n := range passes {
		for _, r := range rounds {
			if err := m.round(ctx, r, n >= passes-o.Passes); err != nil {
				return nil, err
			}
		}
	}
	for _, t := range tasks {
		p := t.to
		sorted := slices.Sorted(slices.Values(p.Passes))
		p.Low, p.Median, p.High = quantile(sorted, 0.25), quantile(sorted, 0.5), quantile(sorted, 0.75)
	}
	return out, nil
}

// task is an op to be measured.
type task struct {
	plan, op int
	to       *OpProfile
}

// tasks returns a profile to be filled in, and the ops that are to be measured for it, in the order of the plans.
func (s *Session) tasks() (*Profile, []task) {
	type key struct {
		node, cluster int
		slice         workloads.Slice
	}
	known := map[key]*OpProfile{}
	var tasks []task
	out := &Profile{Plans: s.job.Plans}
	for i, p := range s.job.Plans {
		out.Ops = append(out.Ops, make([]*OpProfile, len(p.Ops)))
		for k := range p.Ops {
			op := &p.Ops[k]
			if op.Kind != plan.Compute {
				continue
			}
			id := key{op.Node, op.Cluster, op.Slice}
			if known[id] == nil {
				known[id] = &OpProfile{}
				tasks = append(tasks, task{i, k, known[id]})
			}
			out.Ops[i][k] = known[id]
		}
	}
	return out, tasks
}

// rounds sorts tasks into those that run at the same time, by node: ops of one plan and one depth.
func (s *Session) rounds(tasks []task) (rounds [][][]task) {
	type place struct{ plan, depth int }
	index := map[place]int{}
	depths := make([][]int, len(s.job.Plans))
	for i, p := range s.job.Plans {
		depths[i] = depthsOf(p)
	}
	for _, t := range tasks {
		at := place{t.plan, depths[t.plan][t.op]}
		if _, known := index[at]; !known {
			index[at] = len(rounds)
			rounds = append(rounds, make([][]task, len(s.streams)))
		}
		node := s.job.Plans[t.plan].Ops[t.op].Node
		to := rounds[index[at]]
		to[node] = append(to[node], t)
	}
	return rounds
}

// depthsOf returns for each op of a plan how many must be computed before it one after the other.
func depthsOf(p *plan.Plan) []int {
	depths := make([]int, len(p.Ops))
	for k := range p.Ops {
		for _, i := range p.Ops[k].After {
			if p.Ops[i].Kind == plan.Compute {
				depths[k] = max(depths[k], depths[i]+1)
			} else {
				depths[k] = max(depths[k], depths[i])
			}
		}
	}
	return depths
}

// measurement is how far a profile is.
type measurement struct {
	session  *Session
	progress func(done, total int) // nil: nobody is told

	mu          sync.Mutex
	done, total int
}

// round measures each op of a round once, and keeps what they take if that counts. It waits for all, whatever comes of one.
func (m *measurement) round(ctx context.Context, nodes [][]task, counts bool) error {
	var all sync.WaitGroup
	errs := make([]error, len(nodes))
	for j, list := range nodes {
		all.Go(func() {
			for _, t := range list {
				m.tell()
				took, err := m.session.measure(ctx, t.plan, t.op)
				if err != nil {
					errs[j] = err
					return
				}
				if counts {
					t.to.Passes = append(t.to.Passes, took)
				}
			}
		})
	}
	all.Wait()
	return unique(errs)
}

// tell notes that one more op is under way.
func (m *measurement) tell() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.progress != nil {
		m.progress(m.done, m.total)
	}
	m.done++
}

// measure profiles one op once.
func (s *Session) measure(ctx context.Context, plan, op int) (time.Duration, error) {
	patience := s.agents.options.Patience
	ctx, cancel := context.WithTimeoutCause(ctx, patience, &TimeoutError{fmt.Sprintf("op %d of plan %d is not measured", op, plan), patience})
	defer cancel()
	st, doing := s.streams[s.job.Plans[plan].Ops[op].Node], fmt.Sprintf("measure op %d of plan %d", op, plan)
	c := &control.Profile{Plan: int32(plan), Op: int32(op)}
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
