package hidp

import (
	"math"
	"slices"

	"hidp/devices"
)

// network is the medium between nodes: messages that begin together share the resources on their paths.
type network struct {
	paths    [][]path
	capacity []float64 // bytes/s per resource
	power    []float64 // NIC power per node
}

// path is how a message goes from one node to another.
type path struct {
	hops  []devices.Hop
	fixed float64 // seconds: message costs at both ends and latency; infinite where there is no path
	pace  float64 // seconds per byte of a lone message
}

func newNetwork(p *devices.Platform) *network {
	n := &network{}
	for _, r := range p.Network.Resources {
		n.capacity = append(n.capacity, r.Capacity)
	}
	for u := range p.Nodes {
		n.power = append(n.power, p.Nodes[u].NICPower)
		row := make([]path, len(p.Nodes))
		for v := range row {
			switch {
			case u == v:
			case !p.Network.Connected(u, v):
				row[v].fixed = math.Inf(1)
			default:
				row[v] = path{p.Network.Paths[u][v].Hops, (p.Nodes[u].Message + p.Nodes[v].Message + p.Network.Paths[u][v].Latency).Seconds(), 1 / p.Network.Goodput(u, v)}
			}
		}
		n.paths = append(n.paths, row)
	}
	return n
}

// carry implements medium. A message shares each resource on its path fairly: what flows there before it has arrived is its own
// bytes from everyone, or all that smaller messages have.
func (n *network) carry(ms []message, arrival []float64) cost {
	last, flow, power := 0.0, 0.0, 0.0
	for i := range ms {
		m := &ms[i]
		p := &n.paths[m.from][m.to]
		if math.IsInf(p.fixed, 1) {
			return impossible
		}
		mine := float64(float64(m.bytes) * p.pace)
		if len(ms) > 1 {
			mine = n.shared(ms, p, m.bytes)
		}
		if arrival != nil {
			arrival[i] = p.fixed + mine
		}
		last = max(last, p.fixed+mine)
		flow = max(flow, mine)
		power = max(power, n.power[m.from]+n.power[m.to])
	}
	return cost{last, float64(power * flow)}
}

// shared returns the seconds until a message of the given size is through path p among all others.
func (n *network) shared(ms []message, p *path, bytes int64) float64 {
	slowest := 0.0
	for _, h := range p.hops {
		load := 0.0
		for i := range ms {
			for _, o := range n.paths[ms[i].from][ms[i].to].hops {
				if o.Resource == h.Resource {
					load += float64(float64(min(ms[i].bytes, bytes)) * o.Weight)
				}
			}
		}
		slowest = max(slowest, load/n.capacity[h.Resource])
	}
	return slowest
}

// collect implements medium: the receiver's link takes the messages one after the other, in the order of their release.
func (n *network) collect(ms []message, release []float64, free float64) cost {
	total := cost{}
	for range ms {
		first := -1
		for i := range ms {
			if ms[i].bytes >= 0 && (first < 0 || release[i] < release[first]) {
				first = i
			}
		}
		m := &ms[first]
		p := &n.paths[m.from][m.to]
		if math.IsInf(p.fixed, 1) {
			return impossible
		}
		flow := float64(float64(m.bytes) * p.pace)
		free = max(free, release[first]) + flow
		total.time = max(total.time, free+p.fixed)
		total.energy += float64(flow * (n.power[m.from] + n.power[m.to]))
		m.bytes = -1
	}
	return total
}

// chip is the medium between the clusters of one node: the receiver pays for every hand-over, one after the other.
type chip struct {
	n    *devices.Node
	busy []float64 // scratch: seconds per receiver
}

// carry implements medium.
func (c *chip) carry(ms []message, arrival []float64) cost {
	clear(c.busy)
	total := cost{}
	for i, m := range ms {
		x := &c.n.Crossings[m.from][m.to]
		t := x.Sync
		if x.Bandwidth > 0 {
			t += float64(m.bytes) / x.Bandwidth
		}
		c.busy[m.to] += t
		total.time = math.Max(total.time, c.busy[m.to])
		total.energy += float64(t * c.n.Clusters[m.to].ActivePower)
		if arrival != nil {
			arrival[i] = c.busy[m.to]
		}
	}
	return total
}

// collect implements medium: a hand-over begins when everything is there.
func (c *chip) collect(ms []message, release []float64, _ float64) cost {
	total := c.carry(ms, nil)
	total.time += slices.Max(release)
	return total
}
