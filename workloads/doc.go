// Package workloads describes what is computed and when: networks (Graph, Layer), the parts of them that a device may be
// given (Slice), and the requests that ask for them.
//
// Reading order:
//
//   - graph.go: Graph, Layer, Shape; how a DNN is represented and contracted to a chain of blocks.
//   - tensor/: axes, boxes, and what a layer reads of its inputs; geometry.go: the axes and reads of each operator.
//   - slice.go: Slice and the exact arithmetic of partitioned work; line.go: the same for planners, along one axis, incrementally.
//   - table.go: networks of which there is only a profile.
//   - arrivals.go, mix.go, trace.go, stream.go: who asks for which network when, and where all chance comes from.
//   - zoo/: the networks of the literature, each in a file one can read beside its paper.
//   - onnx/: import of real ONNX files and export of zoo networks.
//
// A Layer is a fused operator: a convolution carries its batch normalisation and its activation, because every runtime the
// project models fuses them and no partition ever cuts between them. Reshapes that only rename a tensor are not layers.
package workloads
