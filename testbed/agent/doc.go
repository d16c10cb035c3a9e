// Package agent is the runtime of a node of a real platform, or of an emulated one: it drives the state machine of package sim/node
// with a real clock, real work and real messages, where the simulator drives it with computed durations. What a node does with a
// plan is the same in both.
//
// Reading order:
//
//   - runtime.go: Config, Runtime, its start and end; errors.go, how a session can fail.
//   - inputs.go: what a runtime is told: Begin, Join and Drop by whoever controls the run; receive.go, messages and lost peers.
//   - dispatch.go: what it does about it; send.go, messages out.
//   - crew.go: one thread per core cluster runs ops through a Worker (worker.go). pace.go: workers that take the time of another
//     board, or of a cost model, and Pacer, the speed that clusters leave each other.
//   - profile.go: what an op takes where it is deployed, measured apart from requests.
//   - recipe.go, shelf.go: which parts of tensors an op reads and makes; where they lie until the last op has read them.
//   - report.go: what was measured, and Merge, which makes one trace of the reports of all nodes.
//   - energy: joules that a board can measure.
//
// # Sessions
//
// A Runtime serves one session: the plans that it is given at the start, and any number of requests for them. When a node is lost
// the requests that need it fail with a *NodeLostError; requests that do not go on. Whoever controls the run drops failed requests
// at the other nodes, for a node hears of no others than those it exchanges tensors with. After Close nothing of a runtime is left
// running, and the next session starts with a Runtime and a transport of its own.
package agent
