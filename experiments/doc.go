// Package experiments runs simulations from files: single scenarios, and the experiments that reproduce the paper's figures.
//
// Reading order:
//
//   - scenario.go: Scenario, one simulation; scenariofile.go, workloadfile.go, faultfile.go: the same as a TOML file (see
//     scenarios/ for small ones to start from); run.go: how it runs and what comes out.
//   - point.go: a point of an experiment is a scenario with some of its fields set anew; pool.go: many points on all cores, with
//     the same records whatever their number.
//   - experiment.go, catalogue.go: experiment files and the table of them; reproduce.go: runs them by name and writes what they
//     produce.
//   - change.go, fig5.go: latency and energy per request of every strategy, beside the published averages.
//   - grid.go, claims.go, claimsreport.go: the averages of the paper's abstract against ours, for every reading of "data partition"
//     and over a grid of the other open assumptions.
package experiments
