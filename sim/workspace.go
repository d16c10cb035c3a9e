package sim

import (
	"hidp/internal/lines"
	"hidp/sim/engine"
	"hidp/sim/flow"
)

// Workspace keeps the memory of a run for the next one. With many short runs, handing out that memory and collecting it is most of
// the work. A run's output does not depend on the workspace. The caller owns the Result, unless Lend is set: then it is
// valid until the next run starts. The zero value is ready to use, by one run at a time.
type Workspace struct {
	// Lend makes runs put their Result into memory of the workspace, too.
	Lend bool

	idle *simulation
	lent lent
}

// lent is the memory of a Result.
type lent struct {
	result    Result
	nodes     []NodeResult
	clusters  []ClusterResult
	resources []ResourceResult
}

// lend returns where the workspace wants results; nil: nowhere.
func (w *Workspace) lend() *lent {
	if w == nil || !w.Lend {
		return nil
	}
	return &w.lent
}

// take returns a simulation that has done nothing, with the memory of the last one if there was one. A run that panics does not give
// it back.
func (w *Workspace) take() *simulation {
	if w == nil || w.idle == nil {
		s := lines.New[simulation]()
		s.eng, s.net = engine.New(), lines.New[flow.Network]()
		return s
	}
	s := w.idle
	w.idle = nil
	s.eng.Reset()
	*s = simulation{eng: s.eng, net: s.net, nodes: s.nodes, dirty: s.dirty[:0], faults: s.faults[:0], requests: s.requests[:0], freeSlot: s.freeSlot[:0],
		transfers: s.transfers[:0], freeTransfer: s.freeTransfer[:0], owner: s.owner[:0], classes: s.classes[:0], sites: s.sites[:0], actions: s.actions[:0], loads: s.loads, backlogs: s.backlogs,
		capacities: s.capacities[:0], stats: statistics{samples: s.stats.samples[:0]}}
	return s
}

// give keeps the memory of a simulation whose result is made.
func (w *Workspace) give(s *simulation) {
	if w != nil {
		s.cfg, s.resources = Config{}, nil // what they name may be large
		for i := range s.classes {
			k := &s.classes[i]
			for _, p := range k.own {
				*p = program{}
			}
			*k = class{plans: k.plans, own: k.own}
		}
		for i := range s.sites {
			s.sites[i] = site{resident: s.sites[i].resident}
		}
		w.idle = s
	}
}

// withRequest adds an empty request to the list, in the memory of one that was there in an earlier run if there is some.
func withRequest(list []request) []request {
	n := len(list)
	if n == cap(list) {
		return lines.Append(list, request{})
	}
	list = list[:n+1]
	r := &list[n]
	*r = request{handles: r.handles[:0], load: r.load[:0], ready: r.ready[:0], phases: r.phases[:0]}
	return list
}
