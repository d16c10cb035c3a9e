package hidp

import (
	"math"
	"slices"

	"hidp/devices"
)

// network is the medium between nodes: messages that begin together share the resources on their paths.
type network struct {
	p     *devices.Platform
	fixed [][]float64 // message costs at both ends and latency; infinite where there is no path
	power []float64   // NIC power per node
}

func newNetwork(p *devices.Platform) *network {
	n := &network{p: p}
	for u := range p.Nodes {
		n.power = append(n.power, p.Nodes[u].NICPower)
		row := make([]float64, len(p.Nodes))
		for v := range row {
			switch {
			case u == v:
			case !p.Network.Connected(u, v):
				row[v] = math.Inf(1)
			default:
				row[v] = (p.Nodes[u].Message + p.Nodes[v].Message + p.Network.Paths[u][v].Latency).Seconds()
			}
		}
		n.fixed = append(n.fixed, row)
	}
	return n
}

// carry implements medium. A message shares each resource on its path fairly: what flows there before it has arrived is its own
// bytes from everyone, or all that smaller messages have.
func (n *network) carry(ms []message, arrival []float64) cost {
	last, flow, power := 0.0, 0.0, 0.0
	for i := range ms {
		m := &ms[i]
		fixed := n.fixed[m.from][m.to]
		if math.IsInf(fixed, 1) {
			return impossible
		}
		mine := 0.0
		for _, h := range n.p.Network.Paths[m.from][m.to].Hops {
			mine = math.Max(mine, n.load(ms, h.Resource, m.bytes)/n.p.Network.Resources[h.Resource].Capacity)
		}
		if arrival != nil {
			arrival[i] = fixed + mine
		}
		last = math.Max(last, fixed+mine)
		flow = math.Max(flow, mine)
		power = math.Max(power, n.power[m.from]+n.power[m.to])
	}
	return cost{last, float64(power * flow)}
}

// load returns the bytes that resource r carries until a message of the given size is through.
func (n *network) load(ms []message, r int, most int64) float64 {
	total := 0.0
	for i := range ms {
		for _, h := range n.p.Network.Paths[ms[i].from][ms[i].to].Hops {
			if h.Resource == r {
				total += float64(float64(min(ms[i].bytes, most)) * h.Weight)
			}
		}
	}
	return total
}

// collect implements medium: the receiver's link takes the messages one after the other, in the order of their release.
func (n *network) collect(ms []message, release []float64) cost {
	total := cost{}
	free := 0.0
	for range ms {
		first := -1
		for i := range ms {
			if ms[i].bytes >= 0 && (first < 0 || release[i] < release[first]) {
				first = i
			}
		}
		m := &ms[first]
		fixed := n.fixed[m.from][m.to]
		if math.IsInf(fixed, 1) {
			return impossible
		}
		flow := float64(m.bytes) / n.p.Network.Goodput(m.from, m.to)
		free = math.Max(free, release[first]) + flow
		total.time = math.Max(total.time, free+fixed)
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
func (c *chip) collect(ms []message, release []float64) cost {
	total := c.carry(ms, nil)
	total.time += slices.Max(release)
	return total
}
