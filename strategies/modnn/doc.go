// Package modnn implements MoDNN (Mao et al., DATE 2017, DOI 10.23919/DATE.2017.7927211): a biased one-dimensional partition of
// the feature maps over nodes, in a map-reduce fashion around a host.
//
// What carries over from the paper: the rows of a layer are split in proportion to the nodes' measured speed; a node is one
// worker; the weights of large fully connected layers are split by output neurons; the host scatters strips and gathers results.
// What the paper leaves open here is an option: how often strips are gathered (sync), through whom (route), and what becomes of the
// rows around a strip (halo). Clustering of sparse fully connected layers is left out: the networks of today's zoos are dense.
//
// The wake-up time per transfer that the paper minimises does not enter the split, which sees no network at all; it is a
// property of the platform (the latency of a path).
//
// Reading order: modnn.go (the method), star.go (scatter and gather through the host).
package modnn
