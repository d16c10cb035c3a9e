// Package devices describes the hardware: boards with their core clusters, the platforms made of them, the network between, and
// what work costs on them.
//
// Reading order:
//
//   - node.go: Node, Cluster, Platform, Network: the numbers everybody works with, resolved and immutable.
//   - costs.go: Costs: the price of a layer, a slice, a crossing.
//   - board.go, platform.go: the files these numbers come from (boards/*.toml, platforms/*.toml).
//   - fit.go: how a board's parameters are fitted on measured rows.
package devices
