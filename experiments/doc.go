// Package experiments runs simulations from files: single scenarios, and the experiments that reproduce the paper's figures.
//
// Reading order:
//
//   - scenario.go: Scenario, one simulation; scenariofile.go, workloadfile.go, faultfile.go: the same as a TOML file (see
//     scenarios/ for small ones to start from);
//     run.go: how it runs and what comes out.
package experiments
