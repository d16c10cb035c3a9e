// Package conformance is the suite that every strategy of the catalog must pass, and the random networks and platforms it is run
// over. Tests of executors use the generators as well.
//
// Reading order: graph.go and platform.go (the generators), conformance.go (Run, the suite), laws.go (what one answer must
// fulfil).
package conformance
