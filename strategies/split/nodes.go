package split

import "hidp/devices"

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
