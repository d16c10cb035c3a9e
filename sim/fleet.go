package sim

import (
	"reflect"
	"time"

	"hidp/devices"
	"hidp/strategies/plan"
	"hidp/workloads"
)

// Fleet is many sites that are simulated together because they share nodes and resources of the network: a cloud, a backbone. Each
// has nodes of its own, a leader that plans for it, and requests. In a run with Config.Fleet it stands in place of Truth, Belief,
// Strategy, Leader, Leaders, Arrivals, Clients and Seed.
//
// The nodes of the run are the own nodes of all sites, in order, then the shared ones; and likewise the resources: so they are
// listed in a Result. A site's leader knows the backlog of a shared node as a whole, whoever caused it: the node tells it without
// delay. A fleet cannot be traced, nor can its nodes be lost; Faults.Resources names shared resources, by index in Resources.
type Fleet struct {
	Classes   []SiteClass
	Sites     []Site
	Nodes     []devices.Node     // that sites share
	Resources []devices.Resource // that sites share; cheap as long as they are seldom full (flow.Network.Relax)
}

// SiteClass is what sites of one kind have in common. They share plans and prices.
type SiteClass struct {
	Truth    *devices.Platform // a site's own nodes and those that it shares, as it sees them
	Belief   *devices.Platform // nil: the truth
	Strategy plan.Planner
	Leader   int
	Leaders  []int // by model, or nil
}

// Site is one site. Its chance depends on nothing but its seed.
type Site struct {
	Name      string // goes before the names of its nodes and resources, with a slash, unless it is empty
	Class     int
	Arrivals  workloads.Source
	Seed      uint64
	Nodes     []int // by node of the class's platform: the shared node that it is, or Own; nil: all its own
	Resources []int // by resource of the class's network, likewise
}

// Own says that a node or resource is a site's own.
const Own = -1

// SiteResult is what one site of a Fleet did.
type SiteResult struct {
	Name                                 string
	Arrived, Completed, Failed, InFlight int64
	Mean                                 time.Duration // latency
	Makespan                             time.Duration // until the end of its last request, or of the run if some are unfinished
	ServingJoules                        float64       // of its own nodes, each while it takes part in some request
	EnergyPlatform                       float64       // of its own nodes, over its makespan
}

// sites returns the sites of a run: those of Config.Fleet, or the one site that the rest of the configuration describes.
func (c *Config) sites() *Fleet {
	if c.Fleet != nil {
		return c.Fleet
	}
	return &Fleet{Classes: []SiteClass{{c.Truth, c.Belief, c.Strategy, c.Leader, c.Leaders}}, Sites: []Site{{Arrivals: c.Arrivals, Seed: c.Seed}}}
}

// checkFleet reports what is wrong with a run of a fleet.
func (c *Config) checkFleet(faultf func(string, ...any)) {
	f := c.Fleet
	if c.Truth != nil || c.Belief != nil || c.Strategy != nil || c.Leaders != nil || c.Arrivals != nil || c.Clients != nil {
		faultf("the sites of a fleet have platforms, strategies, leaders and arrivals of their own: the run must have none")
	}
	if c.TraceLimit != 0 || len(c.Faults.Nodes) > 0 {
		faultf("a fleet cannot be traced, and its nodes cannot be lost")
	}
	for i := range f.Classes {
		f.Classes[i].check(len(c.Models), faultf)
	}
	f.checkSites(faultf)
}

// checkSites reports what is wrong with the sites.
func (f *Fleet) checkSites(faultf func(string, ...any)) {
	if len(f.Sites) == 0 {
		faultf("a fleet needs sites")
	}
	same := map[[2]int]bool{} // class and its node → shared node, compared already
	for i := range f.Sites {
		x := &f.Sites[i]
		if x.Class < 0 || x.Class >= len(f.Classes) || x.Arrivals == nil {
			faultf("site %d needs arrivals and one of the %d classes, not %d", i, len(f.Classes), x.Class)
			continue
		}
		p := f.Classes[x.Class].Truth
		if p == nil {
			continue
		}
		if !within(x.Nodes, len(p.Nodes), len(f.Nodes)) || !within(x.Resources, len(p.Network.Resources), len(f.Resources)) {
			faultf("site %d: nodes and resources must say for each of the class's which of the %d shared nodes and %d shared resources it is, or Own",
				i, len(f.Nodes), len(f.Resources))
			continue
		}
		for j, shared := range x.Nodes {
			pair := [2]int{x.Class<<16 | j, shared}
			if shared != Own && !same[pair] {
				same[pair] = true
				if !sameNode(&p.Nodes[j], &f.Nodes[shared]) {
					faultf("site %d: node %s is not the shared node %d: they differ in more than the name", i, p.Nodes[j].Name, shared)
				}
			}
		}
	}
}

// check reports what is wrong with a class of sites.
func (c *SiteClass) check(models int, faultf func(string, ...any)) {
	if c.Truth == nil || c.Strategy == nil {
		faultf("a run needs a platform and a strategy")
		return
	}
	if c.Belief != nil && len(c.Belief.Nodes) != len(c.Truth.Nodes) {
		faultf("the belief has %d nodes, the platform %d", len(c.Belief.Nodes), len(c.Truth.Nodes))
	}
	for _, l := range append([]int{c.Leader}, c.Leaders...) {
		if l < 0 || l >= len(c.Truth.Nodes) {
			faultf("leader %d is not one of the platform's %d nodes", l, len(c.Truth.Nodes))
		}
	}
	if len(c.Leaders) > 0 && len(c.Leaders) != models {
		faultf("%d leaders for %d models", len(c.Leaders), models)
	}
}

// within reports whether a site's list says for each of own things which of the shared ones it is.
func within(list []int, own, shared int) bool {
	if list == nil {
		return true
	}
	for _, x := range list {
		if x < Own || x >= shared {
			return false
		}
	}
	return len(list) == own
}

// sameNode reports whether two nodes differ in no more than their names.
func sameNode(a, b *devices.Node) bool {
	c := *a
	c.Name = b.Name
	return reflect.DeepEqual(c, *b)
}

// leader returns the node that receives the requests for a model.
func (c *SiteClass) leader(model int32) int {
	if len(c.Leaders) > 0 {
		return c.Leaders[model]
	}
	return c.Leader
}
