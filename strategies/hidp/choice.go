package hidp

import (
	"fmt"
	"math"

	"hidp/strategies"
	"hidp/workloads"
)

// choice keeps the candidate plan with the best forecast.
type choice struct {
	p         *planner
	objective string
	plan      *strategies.Plan
	score     float64
	tight     string // why a candidate was refused
	seen      [][]stage
}

// consider forecasts the plan of some stages and keeps it if it fits and is the best so far.
func (c *choice) consider(stages []stage, halo workloads.Halo) {
	if stages == nil || c.known(stages) {
		return
	}
	plan, err := c.p.emit(stages, halo)
	if err != nil {
		c.tight = err.Error()
		return
	}
	for j, m := range strategies.Memory(plan, c.p.r.Graph, len(c.p.b.Platform.Nodes)) {
		if n := &c.p.b.Platform.Nodes[j]; m.Total() > n.Memory {
			c.tight = fmt.Sprintf("node %s has %d MB of memory, a plan needs %d MB there", n.Name, n.Memory>>20, m.Total()>>20)
			return
		}
	}
	if score := c.forecast(plan); c.plan == nil || score < c.score {
		c.plan, c.score = plan, score
	}
}

// known reports whether the same stages have been considered, and remembers them.
func (c *choice) known(stages []stage) bool {
	for _, s := range c.seen {
		if equal(s, stages) {
			return true
		}
	}
	c.seen = append(c.seen, stages)
	return false
}

func equal(a, b []stage) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].from != b[i].from || a[i].to != b[i].to || a[i].samples != b[i].samples || len(a[i].leaves) != len(b[i].leaves) {
			return false
		}
		for k := range a[i].leaves {
			if a[i].leaves[k] != b[i].leaves[k] {
				return false
			}
		}
	}
	return true
}

func (c *choice) forecast(plan *strategies.Plan) float64 {
	f := strategies.Forecast(plan, c.p.r.Graph, c.p.b)
	switch c.objective {
	case "energy":
		return f.Energy
	case "edp":
		return float64(f.Energy * f.Latency.Seconds())
	}
	return f.Latency.Seconds()
}

// alone considers node j running the whole network on one of its clusters.
func (c *choice) alone(h *hidp, j int) {
	n := &c.p.b.Platform.Nodes[j]
	if h.tier == "local" && j != c.p.r.Leader || !c.reachable(j) {
		return
	}
	best, k := math.Inf(1), -1
	for i := range n.Clusters {
		if h.tier == "global" && i != n.DefaultCluster {
			continue
		}
		if s := c.p.goal.score(c.p.single(j, i, 0, c.p.c.end(), 0)); s < best {
			best, k = s, i
		}
	}
	c.consider([]stage{{from: 1, to: len(c.p.r.Graph.Layers), leaves: []leaf{{node: j, cluster: k}}}}, workloads.HaloRecompute)
}

func (c *choice) reachable(j int) bool {
	net := &c.p.b.Platform.Network
	return net.Connected(c.p.r.Leader, j) && net.Connected(j, c.p.r.Leader)
}

// answer returns the plan kept.
func (c *choice) answer() (*strategies.Plan, error) {
	if c.plan == nil {
		reason := c.tight
		if reason == "" {
			reason = "no plan connects the nodes"
		}
		return nil, &strategies.InfeasibleError{Reason: reason}
	}
	return c.plan, nil
}
