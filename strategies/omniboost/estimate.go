package omniboost

import (
	"hash/fnv"
	"math"
	"math/rand/v2"

	"hidp/devices"
	"hidp/strategies/plan"
	"hidp/strategies/split"
	"hidp/workloads"
)

// device is a core cluster that can hold one stage of the pipeline.
type device struct{ node, cluster int }

// estimator predicts the throughput of mappings: the rate at which a pipeline's slowest part works, be it a device or a link.
type estimator struct {
	r       plan.Problem
	b       *plan.Belief
	links   bool
	devices []device
	home    int // the device of the default framework: the mapping without a pipeline
	chain   []workloads.Block
	cost    [][]float64 // [device][block], seconds for the whole batch
	bytes   []int64     // [block], of the tensor that enters it; one more for the output
	busy    []float64   // scratch: seconds per device and request
	wire    []float64   // scratch: seconds per network resource and request
}

// stream returns the random numbers for one purpose.
func (o *omniboost) stream(purpose string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(purpose))
	return rand.New(rand.NewPCG(uint64(o.seed), h.Sum64()))
}

// clusters returns the clusters of a node that are devices.
func (o *omniboost) clusters(n *devices.Node) []int {
	if o.scope == "global" {
		return []int{n.DefaultCluster}
	}
	all := make([]int, n.Physical)
	for k := range all {
		all[k] = k
	}
	return all
}

func (o *omniboost) newEstimator(r plan.Problem, b *plan.Belief) *estimator {
	e := &estimator{r: r, b: b, links: o.links, chain: blocks(r.Graph)}
	nodes := []int{r.Leader}
	if o.scope != "local" {
		nodes = split.Reachable(b.Platform, r.Leader)
	}
	for _, j := range nodes {
		n := &b.Platform.Nodes[j]
		for _, k := range o.clusters(n) {
			if j == r.Leader && k == n.DefaultCluster {
				e.home = len(e.devices)
			}
			e.devices = append(e.devices, device{j, k})
		}
	}
	rng := o.stream("noise")
	for _, d := range e.devices {
		row := make([]float64, len(e.chain))
		for i, block := range e.chain {
			for l := block.From; l < block.To; l++ {
				full := r.Graph.Full(l, r.Batch)
				row[i] += b.Costs(r.Graph).Layer(d.node, d.cluster, l, &full)
			}
			row[i] *= math.Exp(o.noise * rng.NormFloat64())
		}
		e.cost = append(e.cost, row)
	}
	for _, block := range e.chain {
		e.bytes = append(e.bytes, r.Graph.Bytes(r.Graph.Tensor(block.From-1, r.Batch)))
	}
	out := r.Graph.Output()
	e.bytes = append(e.bytes, r.Graph.Bytes(r.Graph.Tensor(out, r.Batch)))
	e.busy = make([]float64, len(e.devices))
	e.wire = make([]float64, len(b.Platform.Network.Resources))
	return e
}

// blocks returns the chain at the granularity of the paper, whose blocks hold a convolution or a fully connected layer each: a
// block without multiplications (a pool) goes with the one before it.
func blocks(g *workloads.Graph) []workloads.Block {
	var out []workloads.Block
	for _, b := range g.Blocks() {
		var macs int64
		for i := b.From; i < b.To; i++ {
			macs += g.Layers[i].MACs
		}
		if macs == 0 && len(out) > 0 {
			out[len(out)-1].To = b.To
			continue
		}
		out = append(out, b)
	}
	return out
}

// period returns the seconds between two results of the pipeline: the load of its busiest device or, if seen, network resource.
// A mapping holds a device per block.
func (e *estimator) period(mapping []int) float64 {
	clear(e.busy)
	clear(e.wire)
	leader := device{e.r.Leader, -1}
	from := leader
	for i, at := range mapping {
		to := e.devices[at]
		if to != from {
			e.busy[at] += e.b.Costs(e.r.Graph).Invoke(to.node, to.cluster)
			e.hand(i, from, to, at)
		}
		e.busy[at] += e.cost[at][i]
		from = to
	}
	e.send(len(mapping), from.node, leader.node)
	slowest := 0.0
	for _, t := range e.busy {
		slowest = math.Max(slowest, t)
	}
	for _, t := range e.wire {
		slowest = math.Max(slowest, t)
	}
	return slowest
}

// hand adds the cost of passing the tensor that enters block i from one device to the next, number at.
func (e *estimator) hand(i int, from, to device, at int) {
	if from.node == to.node && from.cluster >= 0 {
		e.busy[at] += e.b.Costs(e.r.Graph).Cross(to.node, from.cluster, to.cluster, e.bytes[i]).Seconds()
	}
	e.send(i, from.node, to.node)
}

func (e *estimator) send(i, u, v int) {
	if u == v || !e.links {
		return
	}
	net := &e.b.Platform.Network
	for _, h := range net.Paths[u][v].Hops {
		e.wire[h.Resource] += float64(e.bytes[i]) * h.Weight / net.Resources[h.Resource].Capacity
	}
}

// follows reports whether a stage on device to may come behind one on device from.
func (e *estimator) follows(from, to int) bool {
	return e.b.Platform.Network.Connected(e.devices[from].node, e.devices[to].node)
}
