package hidp

import (
	"time"

	"hidp/devices"
)

// The five boards of the paper as round numbers, for tests that must not depend on the board files: conv GFLOP/s of the GPU and of
// the CPU clusters, memory bandwidth GB/s, overheads in µs. Nothing here is a measurement.
type roughCluster struct {
	name      string
	kind      devices.Kind
	mask      uint32
	gflops    float64
	bandwidth float64
	overhead  float64
	watts     float64
}

func roughNode(name string, memory int64, idle float64, cs ...roughCluster) devices.Node {
	n := devices.Node{Name: name, Board: name, Runtime: "test", Memory: memory << 30, IdlePower: idle, NICPower: 0.5, Message: 300 * time.Microsecond}
	for k, c := range cs {
		cl := devices.Cluster{Name: c.name, Kind: c.kind, Mask: c.mask, ActivePower: c.watts}
		for i := range cl.Params.Rate {
			cl.Params.Rate[i] = c.gflops * 1e9
		}
		cl.Params.Rate[3] /= 5 // depthwise
		cl.Params.ActBandwidth, cl.Params.WeightBandwidth = c.bandwidth*1e9, c.bandwidth*1e9
		cl.Params.ConvOverhead, cl.Params.OtherOverhead = c.overhead*1e-6, c.overhead*0.5e-6
		cl.Params.InvokeOverhead, cl.Params.Fill = 500e-6, 2000
		if c.kind == devices.GPU {
			n.DefaultCluster, cl.Params.Fill = k, 20000
		}
		n.Clusters = append(n.Clusters, cl)
		if c.mask&(c.mask-1) == 0 {
			n.Physical++
		} else {
			n.CPUCluster = k
		}
	}
	for k := range cs {
		n.Crossings = append(n.Crossings, make([]devices.Crossing, len(cs)))
		n.Keep = append(n.Keep, nil)
		for j := range cs {
			if j != k {
				n.Crossings[k][j] = devices.Crossing{Sync: 100e-6}
			}
		}
		for range n.Physical {
			n.Keep[k] = append(n.Keep[k], 0.9)
		}
	}
	return n
}

// roughPlatform is five boards on a switch of mbit Mbit/s per port.
func roughPlatform(mbit float64, leader int) *devices.Platform {
	cpu, gpu := devices.CPU, devices.GPU
	p := &devices.Platform{Name: "rough", Leader: leader, Nodes: []devices.Node{
		roughNode("orin-nx", 7, 5, roughCluster{"cpu", cpu, 1, 100, 12, 10, 5}, roughCluster{"gpu", gpu, 2, 900, 60, 60, 9}),
		roughNode("tx2", 7, 3, roughCluster{"denver", cpu, 1, 12, 6, 15, 2}, roughCluster{"a57", cpu, 2, 16, 6, 20, 2.5},
			roughCluster{"gpu", gpu, 4, 250, 30, 120, 7}, roughCluster{"cpus", cpu, 3, 26, 8, 25, 4}),
		roughNode("nano", 3, 1.5, roughCluster{"cpu", cpu, 1, 14, 4, 25, 2.5}, roughCluster{"gpu", gpu, 2, 110, 15, 150, 4}),
		roughNode("pi5", 7, 2.8, roughCluster{"cpu", cpu, 1, 110, 6, 10, 6}),
		roughNode("pi4", 3, 2.3, roughCluster{"cpu", cpu, 1, 22, 2.5, 20, 3}),
	}}
	n := len(p.Nodes)
	for u := range n {
		p.Network.Resources = append(p.Network.Resources, devices.Resource{Name: "up", Capacity: mbit / 8 * 1e6}, devices.Resource{Name: "down", Capacity: mbit / 8 * 1e6})
		p.Network.Paths = append(p.Network.Paths, make([]devices.Path, n))
		for v := range n {
			if u != v {
				p.Network.Paths[u][v] = devices.Path{Hops: []devices.Hop{{Resource: 2 * u, Weight: 1}, {Resource: 2*v + 1, Weight: 1}}, Latency: time.Millisecond}
			}
		}
	}
	return p
}
