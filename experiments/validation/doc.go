// Package validation holds the simulator against hardware: for every network and strategy of a matrix, one plan is run by agents on
// boards (real or emulated) and by the simulator, and the two are compared, op by op and request by request.
//
// Reading order:
//
//   - matrix.go: Matrix, what is compared and how much of it is measured; quick.toml and full.toml are the two that exist.
//   - bench.go: Bench, what can run a plan for real; Case and Measurement, what it is given and what it answers. agents.go: AgentBench,
//     the one of a testbed.
//   - plans.go: the plans of a matrix, and which of them are the same; schedule.go: when their requests come.
//   - simulate.go: the simulator's side; observe.go: what is read off a trace, be it a simulator's or an agent's.
//   - compare.go: Row, one plan measured against simulated; ops.go, op by op; energy.go, joules.
//   - statistics.go: medians with their intervals, slopes and rank correlations; summary.go: Summary, the errors over all rows.
//   - run.go: Run goes through a matrix, and repeats what went wrong once.
//   - report.go, table.go, figure.go, timeline.go: Report as JSON, tables, a text and figures; write.go puts them into a folder.
//
// # What is compared with what
//
// The simulator is given the plan, the platform's network, and how long every op takes on its cluster: profiles, taken from the
// deployed sub-models before each block of requests that they are for, and apart from all. It is given no latency. A profile is some
// passes over the ops in the order of the plan, as far apart as the requests: what an op costs depends on what ran before it, and on
// how long ago it ran last (caches, and what the kernel forgets of memory that is not used). So three errors can be told apart:
//
//   - the whole: simulated with the profiles against measured;
//   - protocol: a simulation with the first profile against agents that only wait as long as that says. What is left is what agents, network
//     and machine add to the model of a run;
//   - cost model: simulated with the platform's board files against simulated with the profile: how far the boards' figures are
//     from this machine.
//
// Errors are simulated/measured − 1: positive where the simulator is too slow. Percentages are of the measured value.
package validation
