// Package simgrid compares our simulator with SimGrid (simgrid.org; Casanova et al., "Versatile, scalable, and accurate simulation of
// distributed applications and platforms", JPDC 2014), an independent implementation of the same kind of model. SimGrid is an oracle
// for latencies, and what our speed is measured against.
//
// Reading order: job.go writes a platform, plans and arrivals in the format that s4u/replay.cpp reads; run.go compiles and runs
// that program; ring.go is the workload by which simulators are compared; ringbench/ compares the two on it.
//
// # What is compared
//
// Both serve every cluster first come first served and share links max-min fairly, so SimGrid is told to use its plain flow model:
// network/model:CM02, network/TCP-gamma:0 (no window limit), network/crosstraffic:0 (no cost of acknowledgements). Two differences
// remain. SimGrid lets the latency of a path pass before the bytes start, we let it pass after the last byte; see Latency. And where
// latencies of paths differ, CM02 shares a link in inverse proportion to them, as TCP does, while we share equally; so jobs have
// either one latency for all paths or the latency outside of SimGrid's network.
package simgrid
