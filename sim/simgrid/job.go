package simgrid

import (
	"bufio"
	"fmt"
	"io"
	"math/bits"
	"time"

	"hidp/devices"
	"hidp/strategies/plan"
	"hidp/workloads"
)

// Latency says where in a transfer SimGrid lets the latency of its path pass.
type Latency uint8

const (
	// After the last byte, where our simulator has it: an own delay, and links without latency. All the rest being equal, the two
	// simulators must agree but for rounding.
	After Latency = iota
	// Before the first byte, as SimGrid's network model does by itself. All paths need the same latency.
	Before
)

// Job is what both simulators run: arrivals name one of the plans by their model.
type Job struct {
	Platform *devices.Platform
	Models   []*workloads.Graph
	Plans    []*plan.Plan // by model
	Arrivals []workloads.Arrival
	Latency  Latency
}

// Write writes the job in the format of s4u/replay.cpp: numbers and letters separated by white space.
//
//	links COUNT, then for each: capacity in bytes/s, latency in s
//	nodes COUNT, then for each: its clusters
//	routes COUNT, then for each: from, to, hops COUNT, links
//	plans COUNT, then for each: ops COUNT, then for each op either
//	    c NODE CLUSTER SECONDS, or s FROM TO BYTES DELAY; then predecessors COUNT, ops
//	requests COUNT, then for each: arrival in s, plan
//
// It returns an error if the platform has what SimGrid cannot express or we do not tell it: message costs, crossings, clusters that
// slow each other, groups of clusters, jitter, weights that are no whole numbers.
func (j *Job) Write(w io.Writer) error {
	if err := j.check(); err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	j.writePlatform(out)
	fmt.Fprintln(out, len(j.Plans))
	for i, p := range j.Plans {
		j.writePlan(out, p, j.Models[i])
	}
	fmt.Fprintln(out, len(j.Arrivals))
	for _, a := range j.Arrivals {
		fmt.Fprintf(out, "%.9f %d\n", a.At.Seconds(), a.Model)
	}
	return out.Flush()
}

func (j *Job) check() error {
	for i := range j.Platform.Nodes {
		if err := plain(&j.Platform.Nodes[i]); err != nil {
			return fmt.Errorf("simgrid: node %s %w", j.Platform.Nodes[i].Name, err)
		}
	}
	latency := time.Duration(-1)
	for u, row := range j.Platform.Network.Paths {
		for v, p := range row {
			if u == v || len(p.Hops) == 0 {
				continue
			}
			if p.Jitter != 0 {
				return fmt.Errorf("simgrid: path %d to %d has jitter", u, v)
			}
			for _, h := range p.Hops {
				if h.Weight != 1 && h.Weight != 2 {
					return fmt.Errorf("simgrid: path %d to %d has a hop of weight %v; must be 1 or 2", u, v, h.Weight)
				}
			}
			if j.Latency == Before && latency >= 0 && p.Latency != latency {
				return fmt.Errorf("simgrid: path %d to %d has a latency of %v, others %v", u, v, p.Latency, latency)
			}
			latency = p.Latency
		}
	}
	return nil
}

// plain returns what a node has that SimGrid is not told of, or nil.
func plain(n *devices.Node) error {
	if n.Message != 0 {
		return fmt.Errorf("has a cost of %v per message", n.Message)
	}
	for k := range n.Clusters {
		if bits.OnesCount32(n.Clusters[k].Mask) != 1 {
			return fmt.Errorf("has a group of clusters, %s", n.Clusters[k].Name)
		}
		for _, keep := range n.Keep[k] {
			if keep != 1 {
				return fmt.Errorf("has clusters that slow each other")
			}
		}
		for _, x := range n.Crossings[k] {
			if x != (devices.Crossing{}) {
				return fmt.Errorf("has crossings that cost time")
			}
		}
	}
	return nil
}

func (j *Job) writePlatform(out *bufio.Writer) {
	net := &j.Platform.Network
	fmt.Fprintln(out, len(net.Resources))
	for r := range net.Resources {
		fmt.Fprintf(out, "%v %v\n", net.Resources[r].Capacity, j.linkLatency(r))
	}
	fmt.Fprintln(out, len(j.Platform.Nodes))
	routes := 0
	for u := range j.Platform.Nodes {
		fmt.Fprintln(out, len(j.Platform.Nodes[u].Clusters))
		for v := range j.Platform.Nodes {
			if u != v && net.Connected(u, v) {
				routes++
			}
		}
	}
	fmt.Fprintln(out, routes)
	for u := range net.Paths {
		for v := range net.Paths[u] {
			if u != v && net.Connected(u, v) {
				links := linksOf(net.Paths[u][v])
				fmt.Fprintln(out, u, v, len(links))
				for _, l := range links {
					fmt.Fprintln(out, l)
				}
			}
		}
	}
}

// linksOf lists the resources of a path, those of weight 2 twice.
func linksOf(p devices.Path) []int {
	var links []int
	for _, h := range p.Hops {
		for range int(h.Weight) {
			links = append(links, h.Resource)
		}
	}
	return links
}

// linkLatency returns the seconds that SimGrid's link for resource r delays a transfer: its share of a path over it.
func (j *Job) linkLatency(r int) float64 {
	if j.Latency == After {
		return 0
	}
	for _, row := range j.Platform.Network.Paths {
		for _, p := range row {
			for _, h := range p.Hops {
				if h.Resource == r {
					return p.Latency.Seconds() / float64(len(linksOf(p)))
				}
			}
		}
	}
	return 0
}

func (j *Job) writePlan(out *bufio.Writer, p *plan.Plan, g *workloads.Graph) {
	costs := devices.NewCosts(j.Platform, g)
	fmt.Fprintln(out, len(p.Ops))
	for i := range p.Ops {
		op := &p.Ops[i]
		if op.Kind == plan.Compute {
			fmt.Fprintf(out, "c %d %d %.9f", op.Node, op.Cluster, p.ComputeTime(costs, i).Seconds())
		} else {
			delay := 0.0
			if j.Latency == After {
				delay = j.Platform.Network.Paths[op.Node][op.To].Latency.Seconds()
			}
			fmt.Fprintf(out, "s %d %d %d %.9f", op.Node, op.To, op.Bytes(g), delay)
		}
		fmt.Fprintf(out, " %d", len(op.After))
		for _, a := range op.After {
			fmt.Fprintf(out, " %d", a)
		}
		fmt.Fprintln(out)
	}
}
