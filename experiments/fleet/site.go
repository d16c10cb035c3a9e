package fleet

import (
	"fmt"
	"maps"
	"slices"

	"hidp/devices"
	"hidp/internal/strict"
	"hidp/sim"
	"hidp/strategies/plan"
	"hidp/workloads"
)

// sites resolves the classes of sites, each to one platform that all its sites share.
func (f *file) sites(p *strict.Problems, folder string, d *Description) {
	all := &boards{folder: folder, open: map[string]*devices.Board{}}
	var names []string
	total := 0
	for i := range f.Site {
		s, at := &f.Site[i], p.Under(strict.Index("site", i))
		if slices.Contains(names, s.Name) {
			at.Faultf("name", "%q is taken by another class of sites", s.Name)
		}
		names = append(names, s.Name)
		if s.Count < 1 || s.Count > mostSites {
			at.Faultf("count", "is %d; write a number from 1 to %d", s.Count, mostSites)
		}
		total += max(0, min(s.Count, mostSites))
		c := Class{Name: s.Name, Sites: s.Count, Factor: 1, Offset: s.Offset.Std()}
		if at.Has("load") {
			if c.Factor = s.Load; !(s.Load > 0 && s.Load <= 1e6) {
				at.Faultf("load", "is %v; write a factor above 0 and up to 1e6", s.Load)
			}
		}
		if c.Offset >= day {
			at.Faultf("offset", `is %v; write a duration from "0 h" to below "24 h"`, s.Offset)
		}
		c.Platform = s.platform(at, f.Cloud, p.Under("cloud"), all)
		c.Boards = len(c.Platform.Nodes)
		if f.Cloud != nil {
			c.Boards--
			c.uplink = f.Cloud.Rate.BytesPerSecond()
			d.Shared.extend(&c.Platform.Network, s.nodeCount())
		}
		d.Classes = append(d.Classes, c)
	}
	if len(f.Site) == 0 {
		p.Faultf("site", "is missing; write at least one [[site]]")
	}
	if total > mostSites {
		p.Faultf("", "has %d sites; at most %d can be simulated at once", total, mostSites)
	}
}

// platform makes the platform of a site: the boards of its cell, then the cloud.
func (s *siteFile) platform(p *strict.Problems, cloud *cloudFile, inCloud *strict.Problems, all *boards) *devices.Platform {
	out := &devices.Platform{Name: s.Name, Leader: -1}
	for i := range s.Node {
		s.addNodes(p.Under(strict.Index("node", i)), &s.Node[i], all, out)
	}
	if len(s.Node) == 0 {
		p.Faultf("node", "is missing; write at least one [[site.node]]")
	}
	if out.Leader < 0 && len(out.Nodes) == s.nodeCount() {
		p.Faultf("leader", "%q is none of the nodes %v", s.Leader, out.NodeNames())
	}
	if cloud != nil {
		addNode(inCloud, all, out, devices.Setting{Name: "cloud", Runtime: cloud.Runtime}, cloud.Board)
	}
	if s.Cell.Rate < leastRate {
		p.Faultf("cell.rate", `is %v; write at least "1 kbit/s"`, s.Cell.Rate)
	}
	out.Network = s.Cell.network(s.nodeCount(), cloud, inCloud)
	return out
}

// nodeCount returns the boards that the file asks for.
func (s *siteFile) nodeCount() int {
	n := 0
	for i := range s.Node {
		n += max(1, s.Node[i].Count)
	}
	return n
}

func (s *siteFile) addNodes(p *strict.Problems, n *nodeFile, all *boards, out *devices.Platform) {
	if p.Has("count") && n.Count < 1 || len(out.Nodes)+max(1, n.Count) > mostBoards {
		p.Faultf("count", "is %d; write a number from 1, with at most %d boards per site", n.Count, mostBoards)
		return
	}
	for k := range max(1, n.Count) {
		name := n.Name
		if n.Count > 1 {
			name = fmt.Sprintf("%s-%d", n.Name, k+1)
		}
		if _, taken := out.Node(name); taken || name == "cloud" {
			p.Faultf("name", "%q is taken by another node", name)
			return
		}
		if name == s.Leader {
			out.Leader = len(out.Nodes)
		}
		if !addNode(p, all, out, devices.Setting{Name: name, Runtime: s.Runtime, WiFi: true}, n.Board) {
			return
		}
	}
}

// addNode resolves a board to a node of the platform and reports whether it could.
func addNode(p *strict.Problems, all *boards, out *devices.Platform, s devices.Setting, name string) bool {
	board, err := all.get(name)
	if err != nil {
		p.Faultf("board", "%v", err)
		return false
	}
	node, assumptions, err := board.Node(s)
	if err != nil {
		p.Faultf("", "%v", err)
		return false
	}
	out.Nodes = append(out.Nodes, node)
	for _, a := range assumptions {
		if !slices.Contains(out.Assumptions, a) {
			out.Assumptions = append(out.Assumptions, a)
		}
	}
	return true
}

// network joins n boards by one radio channel, and where there is a cloud, each with it through the access point: over the channel and
// over the site's uplink, whose two directions do not disturb each other.
func (c *cellFile) network(n int, cloud *cloudFile, p *strict.Problems) devices.Network {
	const air, up, down = 0, 1, 2
	net := devices.Network{Resources: []devices.Resource{{Name: "cell", Capacity: c.Rate.BytesPerSecond(), Medium: true}}}
	nodes := n
	if cloud != nil {
		if cloud.Rate < leastRate {
			p.Faultf("rate", `is %v; write at least "1 kbit/s"`, cloud.Rate)
		}
		nodes++
		rate := cloud.Rate.BytesPerSecond()
		net.Resources = append(net.Resources, devices.Resource{Name: "uplink out", Capacity: rate}, devices.Resource{Name: "uplink in", Capacity: rate})
	}
	airtime := 1.0
	if c.ViaAP {
		airtime = 2
	}
	net.Paths = make([][]devices.Path, nodes)
	for u := range nodes {
		net.Paths[u] = make([]devices.Path, nodes)
		for v := range nodes {
			path := devices.Path{Latency: c.Latency.Std(), Jitter: c.Jitter.Std(), Hops: []devices.Hop{{Resource: air, Weight: airtime}}}
			switch {
			case u == v:
				continue
			case v == n:
				path.Hops = []devices.Hop{{Resource: air, Weight: 1}, {Resource: up, Weight: 1}}
			case u == n:
				path.Hops = []devices.Hop{{Resource: down, Weight: 1}, {Resource: air, Weight: 1}}
			}
			if u == n || v == n {
				path.Latency += cloud.Latency.Std()
				path.Jitter += cloud.Jitter.Std()
			}
			net.Paths[u][v] = path
		}
	}
	return net
}

// seed returns the seed of a site: it depends on nothing but the fleet's seed and which site it is.
func (d *Description) seed(c *Class, number int) uint64 {
	return workloads.Stream(d.Seed, fmt.Sprintf("site %s %d", c.Name, number)).Uint64()
}

// config makes the run of a site. All sites of a class share a cache of plans, by network and by the state of the site that the
// strategy looks at.
func (d *Description) config(c *Class, number int, s plan.Planner, cache *sim.Cache) (sim.Config, error) {
	seed := d.seed(c, number)
	source, err := d.Load.scaled(c.Factor).source(seed, d.Mix, d.Duration, c.Offset)
	if err != nil {
		return sim.Config{}, err
	}
	return sim.Config{Truth: c.Platform, Strategy: s, Models: d.Models, Batch: d.Batch, Leader: c.Platform.Leader, Arrivals: source,
		Planning: d.planning(), Seed: seed, Cache: cache, PlanKey: d.planKey()}, nil
}

// planKey names the strategy with its options.
func (d *Description) planKey() string {
	key := d.Strategy
	for _, name := range slices.Sorted(maps.Keys(d.Options)) {
		key += fmt.Sprintf(" %s=%s", name, d.Options[name])
	}
	return key
}
