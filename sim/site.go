package sim

import (
	"time"

	"hidp/devices"
	"hidp/internal/lines"
	"hidp/sim/flow"
	"hidp/strategies/plan"
	"hidp/workloads"
)

// class is a SiteClass in a run. Programs are in terms of its platform; a site says what they mean in the run.
type class struct {
	SiteClass // Belief is set
	cache     *Cache
	first     *workloads.Graph // the first of the run's models
	belief    *plan.Belief     // nil until a plan is made
	loaded    bool             // the strategy looks at the backlog
	plans     planCache
	programs  int32      // numbers given to programs
	oldest    int32      // the first of them that sites keep in mind
	own       []*program // memory of programs, some used by this run
	used      int
}

// site is a Site in a run.
type site struct {
	class     *class
	nodes     []int32      // in the run, by node of the class's platform; nil: the same
	resources []int32      // likewise
	firstNode int32        // its own nodes are those from here to
	lastNode  int32        // before here; only in a fleet
	paths     [][]flow.Hop // by from·nodes+to, nil until used; only where nodes and resources are not the class's
	noise     noise

	arrivals  workloads.Source
	drawn     int64 // arrivals so far, those expected included
	drawnHash uint64
	resident  []uint64 // a bit for every program of the class whose parameters were brought into memory

	arrived, completed, failed int64
	sum                        time.Duration // of latencies
	last                       time.Duration // when its last request ended
}

// node returns the number in the run of a node of the site's platform.
func (t *site) node(j int) int32 {
	if t.nodes == nil {
		return int32(j)
	}
	return t.nodes[j]
}

// route returns the path of a transfer, always the same slice: flow.Network is faster when flows on one path have one.
func (s *simulation) route(x *transfer) []flow.Hop {
	if s.cfg.Fleet == nil {
		return x.cost.path
	}
	t, c := &s.sites[s.requests[x.slot].site], x.cost
	at := int(c.from)*len(t.nodes) + int(c.to)
	if t.paths == nil {
		t.paths = make([][]flow.Hop, len(t.nodes)*len(t.nodes))
	}
	if t.paths[at] == nil {
		path := make([]flow.Hop, len(c.path))
		for i, h := range c.path {
			path[i] = flow.Hop{Resource: t.resources[h.Resource], Weight: h.Weight}
		}
		t.paths[at] = path
	}
	return t.paths[at]
}

// brings reports whether a program was not known to bring parameters into the site's memories before, and notes that it does.
func (t *site) brings(p *program) bool {
	at := int(p.number - t.class.oldest)
	if at < 0 {
		return true
	}
	for at>>6 >= len(t.resident) {
		t.resident = lines.Append(t.resident, 0)
	}
	before := t.resident[at>>6]
	t.resident[at>>6] |= 1 << (at & 63)
	return t.resident[at>>6] != before
}

// forgetPrograms starts the site's memory of programs anew, for the numbers that are given from now on.
func (s *simulation) forgetPrograms(c *class) {
	c.oldest = c.programs
	for i := range s.sites {
		if t := &s.sites[i]; t.class == c {
			t.resident = t.resident[:0]
		}
	}
}

// begin makes k a class of a run, in the memory that it has.
func (k *class) begin(x SiteClass, s *simulation) {
	*k = class{SiteClass: x, cache: s.cfg.Cache, first: s.cfg.Models[0], plans: k.plans, own: k.own}
	if k.Belief == nil {
		k.Belief = k.Truth
	}
	if l, ok := k.Strategy.(plan.Loaded); ok {
		k.loaded = l.UsesBacklog()
	}
	s.loaded = s.loaded || k.loaded
	k.plans.reset(len(s.cfg.Models))
}

// begin makes t a site of a run, in the memory that it has.
func (t *site) begin(k *class, arrivals workloads.Source, seed uint64) {
	*t = site{class: k, arrivals: arrivals, noise: noise{seed: seed, nodes: k.Truth.Nodes}, resident: t.resident[:0]}
}

// place makes the classes, sites, nodes and resources of the run.
func (s *simulation) place() {
	c := &s.cfg
	if c.Fleet != nil {
		s.placeFleet(c.Fleet)
		return
	}
	s.classes, s.sites = lines.Resized(s.classes, 1), lines.Resized(s.sites, 1)
	s.classes[0].begin(SiteClass{c.Truth, c.Belief, c.Strategy, c.Leader, c.Leaders}, s)
	s.sites[0].begin(&s.classes[0], c.Arrivals, c.Seed)
	s.nodes = lines.Resized(s.nodes, len(c.Truth.Nodes))
	for j := range s.nodes {
		s.nodes[j].begin(&c.Truth.Nodes[j], "", s.trace != nil)
	}
	s.resources = c.Truth.Network.Resources
}

// placeFleet makes the sites, and lines up their nodes and resources, then those that they share.
func (s *simulation) placeFleet(f *Fleet) {
	s.classes, s.sites, s.nodes = lines.Resized(s.classes, len(f.Classes)), lines.Resized(s.sites, len(f.Sites)), s.nodes[:0]
	for i := range f.Classes {
		s.classes[i].begin(f.Classes[i], s)
	}
	for i := range f.Sites {
		x, t := &f.Sites[i], &s.sites[i]
		t.begin(&s.classes[x.Class], x.Arrivals, x.Seed)
		prefix := ""
		if x.Name != "" {
			prefix = x.Name + "/"
		}
		t.firstNode = int32(len(s.nodes))
		t.nodes = number(x.Nodes, len(t.class.Truth.Nodes), func(j int) int { return s.addNode(&t.class.Truth.Nodes[j], prefix) })
		t.lastNode = int32(len(s.nodes))
		t.resources = number(x.Resources, len(t.class.Truth.Network.Resources), func(j int) int {
			r := t.class.Truth.Network.Resources[j]
			r.Name = prefix + r.Name
			s.resources = append(s.resources, r)
			return len(s.resources) - 1
		})
	}
	nodes := int32(len(s.nodes))
	s.firstShared = len(s.resources)
	for i := range s.sites {
		resolve(s.sites[i].nodes, nodes)
		resolve(s.sites[i].resources, int32(s.firstShared))
	}
	for j := range f.Nodes {
		s.addNode(&f.Nodes[j], "")
	}
	s.resources = append(s.resources, f.Resources...)
}

// number returns the numbers in the run of a site's own things, which add makes, and the complements of those of shared ones.
func number(shared []int, n int, add func(int) int) []int32 {
	out := make([]int32, n)
	for j := range out {
		if shared != nil && shared[j] != Own {
			out[j] = ^int32(shared[j])
		} else {
			out[j] = int32(add(j))
		}
	}
	return out
}

// resolve turns the complements of numbers of shared things into numbers in the run, where they start at first.
func resolve(list []int32, first int32) {
	for i, x := range list {
		if x < 0 {
			list[i] = first + ^x
		}
	}
}

// addNode adds a node to the run and returns its number.
func (s *simulation) addNode(spec *devices.Node, prefix string) int {
	s.nodes = append(s.nodes, nodeState{})
	s.nodes[len(s.nodes)-1].begin(spec, prefix, s.trace != nil)
	return len(s.nodes) - 1
}

// siteResults writes down what the sites of a fleet did.
func (s *simulation) siteResults() (out []SiteResult) {
	if s.cfg.Fleet == nil {
		return nil
	}
	for i := range s.sites {
		t := &s.sites[i]
		r := SiteResult{Name: s.cfg.Fleet.Sites[i].Name, Arrived: t.arrived, Completed: t.completed, Failed: t.failed,
			InFlight: t.arrived - t.completed - t.failed, Makespan: t.last}
		if r.InFlight > 0 {
			r.Makespan = s.now
		}
		if r.Completed > 0 {
			r.Mean = t.sum / time.Duration(r.Completed)
		}
		for j := t.firstNode; j < t.lastNode; j++ {
			n := s.nodeResult(&s.nodes[j], r.Makespan, nil)
			r.EnergyPlatform += n.Energy()
			r.ServingJoules += n.ServingEnergy()
		}
		out = append(out, r)
	}
	return out
}
