package host

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"hidp/testbed/agent"
)

// crew returns the workers of a session by cluster, with the pacer that they keep to, if any does.
//
// A cluster that is emulated slower is paced by processor time, which other work on the machine does not change: that of the calling
// thread, and with several threads that of the busiest of them. The engine's threads are told from others when a model is loaded.
// The process' own processor time would not do, for clusters compute at the same time.
func (s *session) crew() (workers []agent.Worker, cpus [][]int, pacer *agent.Pacer) {
	j := s.job
	pacer = agent.NewPacer(s.host.clock, &j.platform.Nodes[j.node], j.alone)
	if j.modelled {
		m := agent.Modelled{Pacer: pacer}
		for _, works := range j.works {
			m.Costs = append(m.Costs, func(op int) time.Duration { return works[op] })
		}
		for range j.clusters {
			worker := m
			workers = append(workers, &worker)
		}
		return workers, nil, pacer
	}
	for k, c := range j.clusters {
		var w agent.Worker = &guarded{Worker: &agent.Segments{Loaded: s.loaded.ops, Memory: s.memory}, host: s.host, cluster: k, doing: j.doing(k)}
		if c.slowdown > 1 {
			p := &agent.Pace{Worker: w, Slowdown: c.slowdown, Pacer: pacer}
			if c.engine.Threads > 1 {
				p.Others = func(plan, op int) []int { return s.loaded.threads[plan][op] }
			}
			w = p
		}
		workers = append(workers, w)
		cpus = append(cpus, c.caller)
	}
	return workers, cpus, pacer
}

// doing returns what a supervisor is told of the ops of a cluster, by plan and op.
func (j *job) doing(cluster int) []map[int]string {
	texts := make([]map[int]string, len(j.plans))
	for i := range texts {
		texts[i] = map[int]string{}
	}
	for _, m := range j.models {
		if m.cluster == cluster {
			texts[m.plan][m.op] = "in " + j.describe(m.plan, m.op)
		}
	}
	return texts
}

// guarded is a worker whose panics are errors of its op, and whose crashes are its supervisor's to tell.
type guarded struct {
	agent.Worker
	host    *Host
	cluster int
	doing   []map[int]string // by plan and op
}

// Run implements agent.Worker.
func (g *guarded) Run(ctx context.Context, t *agent.Task) (d agent.Done, err error) {
	defer g.host.recovered(fmt.Sprintf("plan %d, op %d", t.Plan, t.Op), &err)
	g.host.notes.Begin(g.cluster, g.doing[t.Plan][t.Op])
	defer g.host.notes.End(g.cluster)
	return g.Worker.Run(ctx, t)
}

// recovered turns a panic into an error and logs it.
func (h *Host) recovered(doing string, err *error) {
	if p := recover(); p != nil {
		h.log.printf("%s: panic: %v\n%s", doing, p, debug.Stack())
		*err = fmt.Errorf("the engine has a fault: %v", p)
	}
}
