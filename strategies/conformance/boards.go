package conformance

import (
	"fmt"
	"time"

	"hidp/devices"
)

// Boards returns a platform whose numbers can be checked by hand: a node with one CPU of 1 GFLOP/s times each speed, at 1 W, no
// overheads, no memory bounds, on a switch of the given bytes/s with 1 ms latency.
func Boards(capacity float64, speeds ...float64) *devices.Platform {
	p := &devices.Platform{Name: "boards"}
	for j, speed := range speeds {
		c := devices.Cluster{Name: "cpu", Cores: 1, Mask: 1, ActivePower: 1}
		for class := range c.Params.Rate {
			c.Params.Rate[class] = speed * 1e9
		}
		c.Params.ActBandwidth, c.Params.WeightBandwidth = 1e15, 1e15
		p.Nodes = append(p.Nodes, devices.Node{Name: fmt.Sprintf("n%d", j), Board: "hand-made", Clusters: []devices.Cluster{c}, Physical: 1,
			Memory: 1 << 40, Crossings: [][]devices.Crossing{{{}}}, Keep: [][]float64{{1}}})
		p.Network.Resources = append(p.Network.Resources, devices.Resource{Name: fmt.Sprintf("up%d", j), Capacity: capacity},
			devices.Resource{Name: fmt.Sprintf("down%d", j), Capacity: capacity})
		p.Network.Paths = append(p.Network.Paths, make([]devices.Path, len(speeds)))
	}
	connect(&p.Network, len(speeds), func(u, v int) devices.Path {
		return devices.Path{Hops: []devices.Hop{{Resource: 2 * u, Weight: 1}, {Resource: 2*v + 1, Weight: 1}}, Latency: time.Millisecond}
	})
	return p
}
