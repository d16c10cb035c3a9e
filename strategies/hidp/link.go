package hidp

import (
	"math"

	"hidp/devices"
)

// network is the medium between nodes: messages that begin together share the resources on their paths.
type network struct {
	p     *devices.Platform
	fixed [][]float64 // message costs at both ends and latency; infinite where there is no path
	power []float64   // NIC power per node
	load  []float64   // scratch: bytes per resource
}

func newNetwork(p *devices.Platform) *network {
	n := &network{p: p, load: make([]float64, len(p.Network.Resources))}
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

// carry returns the time until all messages have arrived: the slowest fixed part and the most loaded resource.
func (n *network) carry(ms []message) cost {
	fixed, flow, power := 0.0, 0.0, 0.0
	for i := range ms {
		m := &ms[i]
		f := n.fixed[m.from][m.to]
		if math.IsInf(f, 1) {
			n.clear(ms[:i])
			return impossible
		}
		fixed = math.Max(fixed, f)
		for _, h := range n.p.Network.Paths[m.from][m.to].Hops {
			n.load[h.Resource] += float64(float64(m.bytes) * h.Weight)
			flow = math.Max(flow, n.load[h.Resource]/n.p.Network.Resources[h.Resource].Capacity)
		}
		power = math.Max(power, n.power[m.from]+n.power[m.to])
	}
	n.clear(ms)
	return cost{fixed + flow, float64(power * flow)}
}

func (n *network) clear(ms []message) {
	for i := range ms {
		for _, h := range n.p.Network.Paths[ms[i].from][ms[i].to].Hops {
			n.load[h.Resource] = 0
		}
	}
}

// chip is the medium between the clusters of one node: the receiver pays for every hand-over, one after the other.
type chip struct {
	n    *devices.Node
	busy []float64 // scratch: seconds per receiver
}

// carry returns the time until the last receiver has taken over what it gets.
func (c *chip) carry(ms []message) cost {
	clear(c.busy)
	total := cost{}
	for _, m := range ms {
		x := &c.n.Crossings[m.from][m.to]
		t := x.Sync
		if x.Bandwidth > 0 {
			t += float64(m.bytes) / x.Bandwidth
		}
		c.busy[m.to] += t
		total.time = math.Max(total.time, c.busy[m.to])
		total.energy += float64(t * c.n.Clusters[m.to].ActivePower)
	}
	return total
}
