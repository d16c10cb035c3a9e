// Package benchmark judges the cost model of package calibration on published latencies, each predicted without having
// been seen. docs/calibration.md shows what Report prints.
//
// Protocols:
//
//   - strict: a network, with its twins, is left out of every set and of the learned prior.
//   - elsewhere: as strict, but the rows of the network on other chips may be seen.
//   - family: a whole family of networks is left out.
//   - new board: all sets of a chip are left out of the learned prior, and few rows of each are then given.
package benchmark
