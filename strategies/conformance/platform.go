package conformance

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"hidp/devices"
	"hidp/workloads"
)

// RandomPlatform returns one to five nodes with one to four core clusters each (groups of all CPU cores included) on a shared
// medium, a switch or point-to-point links, of which some may be missing; a few nodes have hardly any memory. The leader is any
// of the nodes. The same state of rng gives the same platform.
func RandomPlatform(rng *rand.Rand) *devices.Platform {
	p := &devices.Platform{Name: fmt.Sprintf("random-%08x", rng.Uint32())}
	for i := 1 + rng.IntN(5); i > 0; i-- {
		p.Nodes = append(p.Nodes, randomNode(rng, fmt.Sprintf("node%d", len(p.Nodes))))
	}
	p.Leader = rng.IntN(len(p.Nodes))
	n := len(p.Nodes)
	p.Network.Paths = make([][]devices.Path, n)
	for u := range p.Network.Paths {
		p.Network.Paths[u] = make([]devices.Path, n)
	}
	switch rng.IntN(3) {
	case 0:
		medium(rng, &p.Network, n)
	case 1:
		switched(rng, &p.Network, n)
	default:
		links(rng, &p.Network, n)
	}
	return p
}

// between returns a number from lo to hi, evenly over orders of magnitude.
func between(rng *rand.Rand, lo, hi float64) float64 {
	return lo * math.Pow(hi/lo, rng.Float64())
}

func randomNode(rng *rand.Rand, name string) devices.Node {
	n := devices.Node{Name: name, Board: "random", Runtime: "random/fp32", Memory: 1 << 30,
		IdlePower: between(rng, 1, 5), NICPower: between(rng, 0.1, 1), Message: time.Duration(rng.IntN(200)) * time.Microsecond}
	if rng.IntN(6) == 0 {
		n.Memory = int64(between(rng, 4<<10, 1<<20))
	}
	cpus := 1 + rng.IntN(2)
	for k := 0; k < cpus; k++ {
		n.Clusters = append(n.Clusters, randomCluster(rng, fmt.Sprintf("cpu%d", k), devices.CPU, 1<<k))
	}
	n.Physical = cpus
	if rng.IntN(2) == 0 {
		n.Clusters = append(n.Clusters, randomCluster(rng, "gpu", devices.GPU, 1<<cpus))
		n.Physical++
		n.DefaultCluster = cpus
	}
	if cpus > 1 {
		n.CPUCluster = len(n.Clusters)
		n.Clusters = append(n.Clusters, randomCluster(rng, "cpus", devices.CPU, 1<<cpus-1))
	}
	if n.Physical == cpus {
		n.DefaultCluster = n.CPUCluster
	}
	for k := range n.Clusters {
		n.Crossings = append(n.Crossings, randomCrossings(rng, len(n.Clusters), k))
		n.Keep = append(n.Keep, nil)
		for range n.Physical {
			n.Keep[k] = append(n.Keep[k], 0.5+0.5*rng.Float64())
		}
	}
	return n
}

func randomCluster(rng *rand.Rand, name string, kind devices.Kind, mask uint32) devices.Cluster {
	c := devices.Cluster{Name: name, Kind: kind, Cores: 1 + rng.IntN(8), Mask: mask, ActivePower: between(rng, 0.5, 10)}
	c.Params = devices.Params{ActBandwidth: between(rng, 1e8, 1e10), WeightBandwidth: between(rng, 1e8, 1e10),
		ConvOverhead: between(rng, 1e-6, 1e-4), OtherOverhead: between(rng, 1e-6, 1e-4), InvokeOverhead: between(rng, 1e-6, 1e-3),
		Fill: between(rng, 1, 1e4)}
	rate := between(rng, 1e7, 1e10)
	for class := range workloads.NumClasses {
		c.Params.Rate[class] = rate * between(rng, 0.2, 1)
	}
	return c
}

func randomCrossings(rng *rand.Rand, n, from int) []devices.Crossing {
	row := make([]devices.Crossing, n)
	for to := range row {
		if to != from {
			row[to].Sync = between(rng, 1e-6, 1e-3)
			row[to].Bandwidth = between(rng, 1e8, 1e10) * float64(rng.IntN(2))
		}
	}
	return row
}

func latency(rng *rand.Rand) time.Duration { return time.Duration(rng.IntN(3000)) * time.Microsecond }

// capacity returns 0.1 to 100 MB/s: next to the small random networks, anything from a bottleneck to nothing at all.
func capacity(rng *rand.Rand) float64 { return between(rng, 1e5, 1e8) }

// medium puts all nodes on one channel; through an access point, every frame crosses it twice.
func medium(rng *rand.Rand, net *devices.Network, n int) {
	net.Resources = []devices.Resource{{Name: "air", Capacity: capacity(rng), Medium: true}}
	path := devices.Path{Hops: []devices.Hop{{Resource: 0, Weight: float64(1 + rng.IntN(2))}}, Latency: latency(rng)}
	connect(net, n, func(u, v int) devices.Path { return path })
}

// switched gives every node an uplink and a downlink to a switch.
func switched(rng *rand.Rand, net *devices.Network, n int) {
	for j := range n {
		c := capacity(rng)
		net.Resources = append(net.Resources, devices.Resource{Name: fmt.Sprintf("up%d", j), Capacity: c},
			devices.Resource{Name: fmt.Sprintf("down%d", j), Capacity: c})
	}
	l := latency(rng)
	connect(net, n, func(u, v int) devices.Path {
		return devices.Path{Hops: []devices.Hop{{Resource: 2 * u, Weight: 1}, {Resource: 2*v + 1, Weight: 1}}, Latency: l}
	})
}

// links joins pairs of nodes by full-duplex links; one in four pairs has none.
func links(rng *rand.Rand, net *devices.Network, n int) {
	for u := range n {
		for v := u + 1; v < n; v++ {
			if rng.IntN(4) == 0 {
				continue
			}
			c, l := capacity(rng), latency(rng)
			for _, d := range [2][2]int{{u, v}, {v, u}} {
				net.Resources = append(net.Resources, devices.Resource{Name: fmt.Sprintf("%d-%d", d[0], d[1]), Capacity: c})
				hop := devices.Hop{Resource: len(net.Resources) - 1, Weight: 1}
				net.Paths[d[0]][d[1]] = devices.Path{Hops: []devices.Hop{hop}, Latency: l}
			}
		}
	}
}

func connect(net *devices.Network, n int, path func(u, v int) devices.Path) {
	for u := range n {
		for v := range n {
			if u != v {
				net.Paths[u][v] = path(u, v)
			}
		}
	}
}
