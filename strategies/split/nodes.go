package split

import (
	"fmt"

	"hidp/devices"
	"hidp/strategies/plan"
	"hidp/workloads"
)

// Reachable returns the nodes that exchange messages with node hub in both directions, hub first, the others ascending.
func Reachable(t *devices.Platform, hub int) []int {
	nodes := []int{hub}
	for j := range t.Nodes {
		if j != hub && t.Network.Connected(hub, j) && t.Network.Connected(j, hub) {
			nodes = append(nodes, j)
		}
	}
	return nodes
}

// Fits returns an *plan.InfeasibleError that names the first node without the memory for its part of the plan, or nil.
func Fits(p *plan.Plan, g *workloads.Graph, t *devices.Platform) error {
	for j, m := range plan.Memory(p, g, len(t.Nodes)) {
		if n := &t.Nodes[j]; m.Total() > n.Memory {
			return &plan.InfeasibleError{Reason: fmt.Sprintf("%s puts %d kB of %s on node %s, which has memory for %d kB",
				p.Strategy, m.Total()>>10, g.Name, n.Name, n.Memory>>10)}
		}
	}
	return nil
}

// Clique returns nodes that all exchange messages with each other: node hub and, ascending, every node that is connected both
// ways to all before it. It is Reachable wherever one network joins all nodes.
func Clique(t *devices.Platform, hub int) []int {
	var nodes []int
	for _, j := range Reachable(t, hub) {
		joined := true
		for _, v := range nodes {
			joined = joined && t.Network.Connected(j, v) && t.Network.Connected(v, j)
		}
		if joined {
			nodes = append(nodes, j)
		}
	}
	return nodes
}
