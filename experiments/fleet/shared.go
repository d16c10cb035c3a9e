package fleet

import (
	"fmt"
	"slices"

	"hidp/devices"
	"hidp/sim"
	"hidp/strategies/catalog"
)

// Shared is what the sites of a fleet share. What is zero is not shared: every site has it to itself.
type Shared struct {
	Nodes    int     // of the cloud; the sites are dealt to them in turn
	Link     float64 // bytes/s between a cloud node and the backbone, each way; 0: boundless
	Backbone float64 // bytes/s, each way; 0: boundless
}

// any reports whether sites share anything.
func (s Shared) any() bool { return s.Nodes > 0 || s.Backbone > 0 }

// sized returns what a share of the fleet shares: the load on every part of it stays what it was, as far as that goes in whole nodes.
func (s Shared) sized(share, uplink float64) Shared {
	if s.Nodes > 0 {
		s.Nodes = max(1, int(float64(float64(s.Nodes)*share)+0.5))
	}
	if s.Backbone > 0 {
		s.Backbone = max(uplink, float64(s.Backbone*share))
	}
	return s
}

// assumptions says what was assumed about what is shared and what is not.
func (s Shared) assumptions() (out []string) {
	if s.Backbone == 0 {
		out = append(out, "the backbone reserves every site's uplink: sites do not contend for it")
	}
	if s.Nodes == 0 {
		return append(out, "every site has a cloud instance of its own")
	}
	return append(out, "sites are dealt to the cloud nodes for good, and their leaders know the backlog of theirs without delay")
}

// extend adds to the network of a site with a cloud what is beyond its uplink, and says which resource of the fleet each is.
func (s Shared) extend(net *devices.Network, cloud int) {
	add := func(name string, rate float64, out bool) {
		net.Resources = append(net.Resources, devices.Resource{Name: name, Capacity: rate})
		hop := devices.Hop{Resource: len(net.Resources) - 1, Weight: 1}
		for u := range net.Paths {
			if path := &net.Paths[u][cloud]; out && u != cloud {
				path.Hops = append(path.Hops, hop)
			}
			if path := &net.Paths[cloud][u]; !out && u != cloud {
				path.Hops = slices.Insert(path.Hops, 0, hop)
			}
		}
	}
	if s.Backbone > 0 {
		add("backbone out", s.Backbone, true)
		add("backbone in", s.Backbone, false)
	}
	if s.Link > 0 {
		add("cloud in", s.Link, true)
		add("cloud out", s.Link, false)
	}
}

// resources lists what the sites share of the network.
func (s Shared) resources() (out []devices.Resource) {
	if s.Backbone > 0 {
		out = append(out, devices.Resource{Name: "backbone out", Capacity: s.Backbone}, devices.Resource{Name: "backbone in", Capacity: s.Backbone})
	}
	for i := range s.Nodes {
		if s.Link > 0 {
			name := cloudName(i)
			out = append(out, devices.Resource{Name: name + " in", Capacity: s.Link}, devices.Resource{Name: name + " out", Capacity: s.Link})
		}
	}
	return out
}

func cloudName(i int) string { return fmt.Sprintf("cloud-%d", i+1) }

// place says which of the shared nodes and resources those of a site are: it is dealt to cloud node number i mod Nodes.
func (s Shared) place(p *devices.Platform, i int) (nodes, resources []int) {
	nodes, resources = slices.Repeat([]int{sim.Own}, len(p.Nodes)), slices.Repeat([]int{sim.Own}, len(p.Network.Resources))
	at, next := 3, 0 // the cell and the uplink are its own
	if s.Backbone > 0 {
		resources[at], resources[at+1] = 0, 1
		at, next = at+2, 2
	}
	if s.Nodes > 0 {
		nodes[len(nodes)-1] = i % s.Nodes
		if s.Link > 0 {
			resources[at], resources[at+1] = next+2*(i%s.Nodes), next+2*(i%s.Nodes)+1
		}
	}
	return nodes, resources
}

// union makes the run of all sites at once.
func (d *Description) union() (sim.Config, error) {
	f := &sim.Fleet{Resources: d.Shared.resources()}
	for i := range d.Classes {
		s, err := catalog.New(d.Strategy, d.Options) // which together closes
		if err != nil {
			return sim.Config{}, err
		}
		p := d.Classes[i].Platform
		f.Classes = append(f.Classes, sim.SiteClass{Truth: p, Strategy: s, Leader: p.Leader})
	}
	for i := range d.Shared.Nodes {
		nodes := d.Classes[0].Platform.Nodes
		cloud := nodes[len(nodes)-1]
		cloud.Name = cloudName(i)
		f.Nodes = append(f.Nodes, cloud)
	}
	for k := range d.Classes {
		c := &d.Classes[k]
		for number := range c.Sites {
			seed := d.seed(c, number)
			source, err := d.Load.scaled(c.Factor).source(seed, d.Mix, d.Duration, c.Offset)
			if err != nil {
				return sim.Config{}, err
			}
			nodes, resources := d.Shared.place(c.Platform, len(f.Sites))
			f.Sites = append(f.Sites, sim.Site{Name: fmt.Sprintf("%s-%d", c.Name, number+1), Class: k, Arrivals: source, Seed: seed, Nodes: nodes, Resources: resources})
		}
	}
	return sim.Config{Fleet: f, Models: d.Models, Batch: d.Batch, Planning: d.planning(), PlanKey: d.planKey()}, nil
}
