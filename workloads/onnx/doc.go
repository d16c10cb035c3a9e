// Package onnx turns ONNX files into workloads.Graph and writes graphs of the zoo as ONNX files.
//
// Reading order:
//
//   - model.go: Model, what is kept of a file; wire.go, decode.go, tensor.go and external.go: the reader of the format.
//   - load.go: Load, the way from a file to a Graph; order.go: its topological order and what of it is alive.
//   - import.go and call.go: how nodes are worked through; value.go: tensors meanwhile, and drafts of layers.
//   - rewrite.go: nodes that exporters spell out (Sigmoid and Mul for SiLU, nine nodes for a layer normalisation) become one.
//   - operators.go: the table of operators; infer*.go: their output shapes; lower*.go and resize.go: the layers they become.
//   - evaluate.go and pick.go: shapes that a network computes are computed here.
//   - emit.go: from drafts of layers to the Graph.
//   - export.go and export_layers.go: Export; weights.go and encode.go: the files it writes.
//   - submodel_*.go: for those who cut models to pieces: what tensors show, the data of weights, writing parts of a file again.
//
// The format is decoded by hand over a window of the file (wire.go) and not by generated protobuf code, for two reasons.
// Weights, which may be gigabytes, are never read: only their position is kept. And no length that a hostile file states is
// believed: memory follows what was really there, and nested graphs are skipped, not recursed into.
//
// A Node keeps the place of its bytes in the file, and so does the payload of a Tensor, so that part of a model can be written
// again without decoding it: Layer.Nodes names the nodes of a layer (see Model.Node), Model.Tensors the tensor it produces.
//
// # What becomes of the operators
//
// Convolutions, poolings, sums, products, concatenations along channels, enlargements by whole factors and global averages
// become layers that can be split by rows. Normalisations, biases and activations become part of the layer before them.
// Reshapes, transpositions and constant paddings become nothing: a tensor is seen through them, and only an operator that needs
// rows where there are none any more makes them a layer of their own. Everything else is OpOpaque: executed whole, so that the row
// arithmetic stays exact. A slice of channels is opaque too, as are enlargements by interpolation with other than half-pixel centres.
//
// What an operator's attributes may be is in one table (attributes.go): a file with others is refused by name. Operators that are not
// known are executed whole if the file states the shapes of what they produce (unknown.go). The model's own functions, and branches
// whose condition is known before the network runs, are put in place of the nodes that call them (function.go, branch.go). Which
// constants count as parameters is in learnt.go.
//
// Of several inputs one is the data; the others count for nothing. Several outputs are joined by an opaque layer without cost.
package onnx
