// Package devices describes the hardware: boards with their core clusters, the platforms made of them, the network between, and
// what work costs on them.
//
// Reading order:
//
//   - node.go: Node, Cluster, Platform, Network: the numbers everybody works with, resolved and immutable.
//   - costs.go: Costs: the price of a layer, a slice, a crossing.
//   - board.go, platform.go, modify.go: where these numbers come from: LoadBoard, Open, and variants of a platform.
//   - boardfile.go, platformfile.go: what the files boards/*.toml and platforms/*.toml may say; resolve.go and mode.go turn it
//     into nodes.
//   - fit.go, prior.go, solve.go, features.go: how a board's parameters follow from published latencies; report.go: how well;
//     inspect.go: which of them to doubt.
//   - rewrite.go: a board file with the rows and parameters of a calibration (package calibration/boards).
//
// A board file holds the published measurements its parameters were fitted on, and at its end the fitted parameters, which
//
//	go test ./devices -run Stored -update
//
// rewrites. Every number in it names its source or is marked as an assumption; assumptions travel to Platform.Assumptions.
package devices
