package simgrid

import (
	"fmt"
	"time"

	"hidp/devices"
	"hidp/sim"
	"hidp/strategies/plan"
	"hidp/workloads"
)

// The ring workload: request r does, for s = 0…9, a task of 3 GFLOP on cluster (3r+s) mod 3 of host (r+s) mod 5, and then sends 600 kB
// to the next host of its ring; the last task's result goes back to host r mod 5.
const (
	ringHosts = 5
	ringSteps = 10
	ringFLOPs = 3_000_000_000
	ringBytes = 600_000
	ringRate  = 5 // requests per second
)

// ringClusters are the speeds of the clusters of every host, in FLOP/s.
var ringClusters = [...]float64{150e9, 50e9, 20e9}

// Ring returns the ring workload as a job: five hosts of three clusters on a star of full-duplex links of 10 MB/s with 1 ms from end
// to end, and Poisson arrivals, 5 per second.
func Ring(seed uint64, requests int) (*Job, error) {
	job := &Job{Platform: Star(ringHosts, ringClusters[:], 10e6, time.Millisecond), Latency: Before}
	belief := plan.NewBelief(job.Platform)
	for first := range ringHosts {
		g, err := ringModel(first)
		if err != nil {
			return nil, err
		}
		b := plan.NewBuilder("ring", plan.Problem{Graph: g, Batch: 1, Leader: first}, belief)
		for s := range ringSteps {
			b.Compute((first+s)%ringHosts, s%len(ringClusters), workloads.Slice{From: s + 1, To: s + 2, Out: g.Full(s+1, 1)})
		}
		plan, err := b.Finish()
		if err != nil {
			return nil, err
		}
		job.Models, job.Plans = append(job.Models, g), append(job.Plans, plan)
	}
	source, err := workloads.Poisson{Rate: ringRate}.Source(seed, workloads.Equal(ringHosts), workloads.Limit{Requests: requests})
	if err != nil {
		return nil, err
	}
	for a, ok := source.Next(); ok; a, ok = source.Next() {
		job.Arrivals = append(job.Arrivals, a)
	}
	return job, nil
}

// ringModel is the network of the requests that start at a host: a chain of tasks.
func ringModel(first int) (*workloads.Graph, error) {
	shape := workloads.Shape{C: ringBytes / 4, H: 1, W: 1}
	b := workloads.NewBuilder(fmt.Sprintf("ring%d", first), shape)
	for s := range ringSteps {
		b.Add(workloads.Layer{Name: fmt.Sprintf("task%d", s), Op: workloads.OpElementwise, Inputs: []int{s}, Out: shape,
			Class: workloads.ClassElementwise, FLOPs: ringFLOPs})
	}
	return b.Build()
}

// Star returns a platform of hosts with the given clusters (FLOP/s) on a switch: full-duplex links of a rate in bytes/s, and a latency
// from end to end. Nothing but work and bytes costs time.
func Star(hosts int, clusters []float64, rate float64, latency time.Duration) *devices.Platform {
	p := &devices.Platform{Name: "star"}
	for j := range hosts {
		p.Nodes = append(p.Nodes, host(fmt.Sprintf("host%d", j), clusters))
		p.Network.Resources = append(p.Network.Resources, devices.Resource{Name: p.Nodes[j].Name + " out", Capacity: rate},
			devices.Resource{Name: p.Nodes[j].Name + " in", Capacity: rate})
	}
	p.Network.Paths = make([][]devices.Path, hosts)
	for u := range hosts {
		p.Network.Paths[u] = make([]devices.Path, hosts)
		for v := range hosts {
			if u != v {
				p.Network.Paths[u][v] = devices.Path{Latency: latency, Hops: []devices.Hop{{Resource: 2 * u, Weight: 1}, {Resource: 2*v + 1, Weight: 1}}}
			}
		}
	}
	return p
}

// host returns a node whose clusters do not slow each other and hand tensors over for free.
func host(name string, rates []float64) devices.Node {
	const boundless = 1e30 // bytes/s
	n := devices.Node{Name: name, Physical: len(rates), Memory: 1 << 40, IdlePower: 2, NICPower: 0.5}
	for k, rate := range rates {
		c := devices.Cluster{Name: fmt.Sprintf("c%d", k), Mask: 1 << k, ActivePower: float64(2 + k),
			Params: devices.Params{ActBandwidth: boundless, WeightBandwidth: boundless}}
		for class := range c.Params.Rate {
			c.Params.Rate[class] = rate
		}
		keep := make([]float64, len(rates))
		for i := range keep {
			keep[i] = 1
		}
		n.Clusters, n.Keep, n.Crossings = append(n.Clusters, c), append(n.Keep, keep), append(n.Crossings, make([]devices.Crossing, len(rates)))
	}
	return n
}

// Config returns the job as a run of our simulator.
func (j *Job) Config() sim.Config {
	cfg := sim.Config{Truth: j.Platform, Strategy: planned(j.Plans), Models: j.Models, Arrivals: &recorded{arrivals: j.Arrivals}}
	for _, p := range j.Plans {
		cfg.Leaders = append(cfg.Leaders, p.Leader)
	}
	return cfg
}

// planned is the strategy that answers a request for a model with its plan.
type planned []*plan.Plan

// Plan implements plan.Planner.
func (p planned) Plan(r plan.Problem, _ *plan.Belief) (*plan.Plan, error) {
	for _, plan := range p {
		if plan.Model == r.Graph.Name && plan.Leader == r.Leader {
			return plan, nil
		}
	}
	return nil, &plan.InfeasibleError{Reason: "no plan for model " + r.Graph.Name}
}

// recorded are arrivals from a list.
type recorded struct {
	arrivals []workloads.Arrival
	next     int
}

// Next implements workloads.Source.
func (r *recorded) Next() (workloads.Arrival, bool) {
	if r.next == len(r.arrivals) {
		return workloads.Arrival{}, false
	}
	r.next++
	return r.arrivals[r.next-1], true
}
