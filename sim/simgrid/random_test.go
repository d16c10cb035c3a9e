package simgrid

import (
	"fmt"
	"math/rand/v2"
	"time"

	"hidp/devices"
	"hidp/strategies/conformance"
	"hidp/strategies/plan"
	"hidp/workloads"
	"hidp/workloads/tensor"
)

// The networks of random jobs.
const (
	onSwitch = iota
	onMedium
	onLinks // a chain of links with shortcuts: paths of several hops
)

// randomJob draws a platform of 2 to 6 nodes, two plans and Poisson arrivals that load the busiest cluster or link by 20 to 80 %.
func randomJob(seed uint64, requests int) *Job {
	rng := rand.New(rand.NewPCG(seed, 31))
	layers := rng.IntN(2) == 0
	speed := 1.0
	if layers {
		speed = 1e-3 // the layers are small: ops shorter than microseconds would show the rounding to nanoseconds
	}
	job := &Job{Platform: randomPlatform(rng, int(seed%3), speed)}
	for len(job.Plans) < 2 {
		g := randomTasks(rng, fmt.Sprintf("tasks%d", len(job.Plans)))
		if layers {
			g = conformance.RandomGraph(rng)
		}
		leader := rng.IntN(len(job.Platform.Nodes))
		p, err := randomPlan(rng, plan.Problem{Graph: g, Batch: 1, Leader: leader}, job.Platform)
		if err == nil && plan.Validate(p, g, job.Platform) == nil {
			job.Models, job.Plans = append(job.Models, g), append(job.Plans, p)
		}
	}
	rate := (0.2 + 0.6*rng.Float64()) / job.demand()
	at := 0.0
	for i := range requests {
		at += rng.ExpFloat64() / rate
		job.Arrivals = append(job.Arrivals, workloads.Arrival{At: devices.RoundDuration(at), Model: i % len(job.Plans)})
	}
	return job
}

// demand returns the seconds that a request of the mix occupies the busiest cluster or link.
func (j *Job) demand() float64 {
	most := 0.0
	busy := map[[2]int]float64{}
	add := func(a, b int, seconds float64) {
		busy[[2]int{a, b}] += seconds / float64(len(j.Plans))
		most = max(most, busy[[2]int{a, b}])
	}
	for m, p := range j.Plans {
		costs := devices.NewCosts(j.Platform, j.Models[m])
		for i := range p.Ops {
			if op := &p.Ops[i]; op.Kind == plan.Compute {
				add(op.Node, op.Cluster, p.ComputeTime(costs, i).Seconds())
			} else {
				for _, h := range j.Platform.Network.Paths[op.Node][op.To].Hops {
					add(-1, h.Resource, float64(op.Bytes(j.Models[m]))*h.Weight/j.Platform.Network.Resources[h.Resource].Capacity)
				}
			}
		}
	}
	return most
}

func randomPlatform(rng *rand.Rand, kind int, speed float64) *devices.Platform {
	n := 2 + rng.IntN(5)
	p := Star(n, []float64{1}, speed*1e6*(1+9*rng.Float64()), time.Duration(1+rng.IntN(2000))*time.Microsecond)
	for j := range p.Nodes {
		var rates []float64
		for range 1 + rng.IntN(3) {
			rates = append(rates, speed*1e9*(1+20*rng.Float64()))
		}
		p.Nodes[j] = host(p.Nodes[j].Name, rates)
	}
	switch kind {
	case onMedium:
		p.Network.Resources = []devices.Resource{{Name: "air", Capacity: p.Network.Resources[0].Capacity, Medium: true}}
		weight := float64(1 + rng.IntN(2))
		for u := range n {
			for v := range n {
				if u != v {
					p.Network.Paths[u][v].Hops = []devices.Hop{{Resource: 0, Weight: weight}}
				}
			}
		}
	case onLinks:
		p.Network = line(rng, n, speed)
	}
	return p
}

// line joins every node with the next by a full-duplex link of its own rate and latency; messages to others pass through.
func line(rng *rand.Rand, n int, speed float64) devices.Network {
	net := devices.Network{Paths: make([][]devices.Path, n)}
	var latency []time.Duration
	for j := range n - 1 {
		for _, way := range []string{"right", "left"} {
			net.Resources = append(net.Resources, devices.Resource{Name: fmt.Sprint(way, j), Capacity: speed * 1e6 * (1 + 9*rng.Float64())})
		}
		latency = append(latency, time.Duration(1+rng.IntN(2000))*time.Microsecond)
	}
	for u := range n {
		net.Paths[u] = make([]devices.Path, n)
		for v := range n {
			p := &net.Paths[u][v]
			for j := min(u, v); j < max(u, v); j++ {
				r := 2 * j
				if u > v {
					r++
				}
				p.Hops = append(p.Hops, devices.Hop{Resource: r, Weight: 1})
				p.Latency += latency[j]
			}
		}
	}
	return net
}

// randomTasks is a task graph: every task needs one to three earlier ones, the last one all that nobody needs.
func randomTasks(rng *rand.Rand, name string) *workloads.Graph {
	size := func() workloads.Shape { return workloads.Shape{C: 1000 + rng.IntN(60_000), H: 1, W: 1} }
	b := workloads.NewBuilder(name, size())
	n := 4 + rng.IntN(8)
	needed := make([]bool, n+1)
	for i := 1; i <= n; i++ {
		var inputs []int
		for k := range i {
			last := i == n && !needed[k]
			if last || len(inputs) < 3 && rng.IntN(i) < 2 {
				inputs = append(inputs, k)
				needed[k] = true
			}
		}
		if len(inputs) == 0 {
			inputs, needed[i-1] = []int{i - 1}, true
		}
		b.Add(workloads.Layer{Name: fmt.Sprintf("task%d", i), Op: workloads.OpOpaque, Inputs: inputs, Out: size(),
			Class: workloads.ClassElementwise, FLOPs: 1_000_000 + rng.Int64N(100_000_000)})
	}
	g, err := b.Build()
	if err != nil {
		panic(err)
	}
	return g
}

// randomPlan places every block on random clusters: whole, or in uneven row strips where that is possible.
func randomPlan(rng *rand.Rand, r plan.Problem, p *devices.Platform) (*plan.Plan, error) {
	b := plan.NewBuilder("random", r, plan.NewBelief(p))
	place := func(s workloads.Slice) {
		j := rng.IntN(len(p.Nodes))
		b.Compute(j, rng.IntN(len(p.Nodes[j].Clusters)), s)
	}
	for l := 1; l < len(r.Graph.Layers); l++ {
		s := workloads.Slice{From: l, To: l + 1, Out: r.Graph.Full(l, 1)}
		rows := r.Graph.Rows(l)
		cut := 1 + rng.IntN(max(1, rows-1))
		upper := r.Graph.Strip(s, tensor.Row, workloads.Range{Hi: cut})
		lower := r.Graph.Strip(s, tensor.Row, workloads.Range{Lo: cut, Hi: rows})
		if rows > 1 && r.Graph.Check(upper, 1) == nil && r.Graph.Check(lower, 1) == nil {
			place(upper)
			place(lower)
		} else {
			place(s)
		}
	}
	return b.Finish()
}
