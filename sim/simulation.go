package sim

import (
	"context"
	"errors"
	"time"

	"hidp/devices"
	"hidp/internal/lines"
	"hidp/sim/engine"
	"hidp/sim/flow"
	"hidp/sim/node"
	"hidp/sim/trace"
	"hidp/strategies/plan"
	"hidp/workloads"
)

// The events. A and B are what the comments say.
const (
	evArrival engine.Kind = iota // a request arrives: model, site
	evPlanned                    // the planner is done with a request: slot, leader
	evOp                         // an op is done: node, cluster
	evSend                       // messages are ready for the network: node
	evArrive                     // a message arrives: transfer
	evFault                      // something breaks or is mended: index in simulation.faults
)

// never is a time that does not come.
const never = engine.Forever

// simulation is the state of a run.
type simulation struct {
	cfg    Config
	eng    *engine.Engine
	net    *flow.Network
	now    time.Duration
	nodes  []nodeState
	dirty  []int32 // nodes with inputs since their last dispatch
	faults []fault
	losses int // nodes lost so far

	requests  []request // by slot
	freeSlot  []int32
	expected  int64 // arrivals in the queue
	inFlight  int64
	unplanned int64 // requests under way that are not admitted
	broken    error // ends the run

	transfers    []transfer
	freeTransfer []int32
	owner        []int32 // by flow: its transfer
	netDirty     bool
	netAt        time.Duration // when the next flow completes, as of the end of the last instant; never if none moves
	completions  uint64        // of flows

	classes     []class
	sites       []site
	resources   []devices.Resource // of the network
	firstShared int                // the first that sites share
	loaded      bool               // there are strategies that look at the backlog
	loads       []int32            // by node: how many entries of the requests' loads are not done; only if loaded
	backlogs    []time.Duration    // by cluster of the site that was asked about last
	actions     []node.Action

	capacities []float64 // of the network's resources at the start

	stats statistics
	trace *trace.Trace
	every int // checkEvery, or less in tests
}

// Run simulates what cfg says. A run that the modelled world ends early returns what was measured so far together with the
// error: *plan.InfeasibleError, *OutOfMemoryError, *DeadlockError, *HorizonError, or the context's error. Requests that
// fail one by one (lost nodes) are counted in the result and are no error.
func Run(ctx context.Context, cfg Config) (*Result, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	s := newSimulation(cfg)
	s.start()
	return s.run(ctx)
}

// run goes on until the end.
func (s *simulation) run(ctx context.Context) (*Result, error) {
	err := s.loop(ctx)
	if c := s.cfg.Clients; err == nil && c != nil && c.Late() {
		err = &LateError{s.now}
	}
	for i := range s.classes {
		if c := &s.classes[i]; c.belief != nil && s.losses == 0 {
			c.cache.returnBelief(c.beliefKey(), c.belief)
		}
	}
	r := s.result()
	s.cfg.Workspace.give(s)
	return r, err
}

// RunPlan simulates requests that all run plan p of graph g: Run with a strategy that answers p whatever it is asked. The
// configuration's Strategy, Models, Batch and Leader are taken from the plan.
func RunPlan(ctx context.Context, cfg Config, p *plan.Plan, g *workloads.Graph) (*Result, error) {
	return Run(ctx, cfg.WithPlan(p, g))
}

// WithPlan returns the configuration of RunPlan, for Resume.
func (c Config) WithPlan(p *plan.Plan, g *workloads.Graph) Config {
	c.Strategy, c.Models, c.Batch, c.Leader, c.Leaders = fixedPlan{p}, []*workloads.Graph{g}, p.Batch, p.Leader, nil
	return c
}

// fixedPlan is the strategy that always answers one plan.
type fixedPlan struct{ plan *plan.Plan }

// Plan implements plan.Planner.
func (f fixedPlan) Plan(plan.Problem, *plan.Belief) (*plan.Plan, error) {
	return f.plan, nil
}

func newSimulation(cfg Config) *simulation {
	cfg.Batch = max(1, cfg.Batch)
	if cfg.Cache == nil {
		cfg.Cache = new(Cache)
	}
	s := cfg.Workspace.take()
	s.cfg, s.netAt = cfg, never
	if cfg.TraceLimit != 0 {
		s.trace = &trace.Trace{Limit: max(0, cfg.TraceLimit)}
	}
	s.place()
	s.loads = lines.Resized(s.loads, len(s.nodes))
	clear(s.loads)
	for i := range s.resources {
		s.capacities = lines.Append(s.capacities, s.resources[i].Capacity)
	}
	s.net.Reset(s.capacities)
	for i := s.firstShared; i < len(s.resources) && cfg.Fleet != nil; i++ {
		s.net.Relax(int32(i))
	}
	s.every = checkEvery
	s.scheduleFaults()
	return s
}

// checkEvery is how many instants pass between two looks at the context and calls of the observer.
const checkEvery = 4096

// loop delivers the events, instant by instant, until every request is served. The completions of flows are no events of the
// queue: they move with every change of the network, and there is only one to wait for.
func (s *simulation) loop(ctx context.Context) error {
	horizon := never
	if s.cfg.Horizon > 0 {
		horizon = s.cfg.Horizon
	}
	untilCheck := s.every
	for s.inFlight > 0 || s.expected > 0 {
		ev, ok := s.eng.NextUntil(min(horizon, s.netAt))
		if ok {
			s.now = ev.At
			s.handle(ev)
			for s.eng.Due(s.now) {
				if ev, ok = s.eng.NextUntil(s.now); !ok {
					break
				}
				s.handle(ev)
			}
		} else if s.netAt > horizon || s.netAt == never {
			return s.stalled()
		} else {
			s.now = s.netAt
		}
		if s.netAt == s.now {
			s.finishFlows()
		}
		s.settle()
		if s.broken != nil {
			return s.broken
		}
		if untilCheck--; untilCheck == 0 {
			untilCheck = s.every
			if err := s.check(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// stalled says why nothing is left to happen before the horizon although requests are unfinished.
func (s *simulation) stalled() error {
	if s.eng.Len() > 0 || s.netAt != never {
		s.now = s.cfg.Horizon
		if s.inFlight == 0 {
			return nil
		}
		return &HorizonError{Horizon: s.cfg.Horizon, Unfinished: s.inFlight}
	}
	return s.deadlock()
}

// check looks at the world outside: has the run been cancelled, is a checkpoint due, who wants to know how far it is.
func (s *simulation) check(ctx context.Context) error {
	save := s.cfg.Checkpoints.Save
	if err := ctx.Err(); err != nil {
		if save != nil {
			err = errors.Join(err, save(s.checkpoint()))
		}
		return err
	}
	p := Progress{Now: s.now, Arrived: s.stats.arrived, Completed: s.stats.completed, Events: s.events()}
	if f := s.cfg.Observe.Progress; f != nil {
		f(p)
	}
	if save != nil && s.cfg.Checkpoints.Due != nil && s.cfg.Checkpoints.Due(p) {
		return save(s.checkpoint())
	}
	return nil
}

// events returns how many events there were so far.
func (s *simulation) events() uint64 { return s.eng.Processed() + s.completions }

func (s *simulation) handle(ev engine.Event) {
	switch ev.Kind {
	case evOp:
		s.opDone(ev)
	case evArrive:
		if s.transfers[ev.A].gen == ev.Gen {
			s.deliver(ev.A)
		}
	case evSend:
		s.startPrepared(&s.nodes[ev.A])
	case evArrival:
		s.arrive(ev.A, ev.B)
	case evPlanned:
		s.planned(ev)
	case evFault:
		s.fault(int(ev.A))
	}
}

// touch notes that a node has new inputs.
func (s *simulation) touch(j int32) {
	if n := &s.nodes[j]; !n.dirty {
		n.dirty = true
		s.dirty = lines.Append(s.dirty, j)
		for i := len(s.dirty) - 1; i > 0 && s.dirty[i-1] > j; i-- { // kept ascending
			s.dirty[i], s.dirty[i-1] = s.dirty[i-1], j
		}
	}
}

// settle ends an instant: the nodes that heard something decide, and the network shares its capacity anew.
func (s *simulation) settle() {
	for len(s.dirty) > 0 {
		j := s.dirty[0]
		rest := len(s.dirty) - 1
		if rest > 0 {
			copy(s.dirty, s.dirty[1:])
		}
		s.dirty = s.dirty[:rest]
		s.nodes[j].dirty = false
		s.dispatch(j)
	}
	if s.netDirty {
		s.netDirty = false
		s.netAt = s.net.NextTime()
	}
}

// dispatch carries out what node j decides.
func (s *simulation) dispatch(j int32) {
	n := &s.nodes[j]
	if n.lost {
		return
	}
	s.actions = n.machine.Next(s.actions[:0])
	for i := range s.actions {
		a := &s.actions[i]
		switch a.Kind {
		case node.StartOp:
			s.startOp(n, a)
		case node.SendTensor:
			s.send(n.owner[a.Handle].slot, a.Op)
		case node.Finish:
			s.partDone(n.owner[a.Handle])
		case node.Fail:
			s.failFor(n.owner[a.Handle].slot, int(a.Node))
		case node.QueueOp:
			s.noteQueued(n, a)
		case node.Enter:
			s.notePhase(n, j, a)
		}
	}
	if mask := n.machine.Busy(); n.fresh || mask != n.mask {
		if n.planner.busy {
			n.notePlanner(s.now)
		}
		s.adjustSpeeds(n, j, mask)
	}
}
