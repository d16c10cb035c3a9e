// Package submodel cuts networks to pieces that can be computed on different machines, and puts the results together: a
// workloads.Slice becomes an ONNX model whose inputs and outputs are exactly those of Graph.Work. The weights are the network's own,
// from a user's file or from an export of the zoo.
//
// Reading order:
//
//   - source.go: Source, a network together with the file that says how it is computed.
//   - tensors.go: how tensors hold layers' outputs, and from one layout to another.
//   - cut.go: Source.Cut and Sub, the way from a slice to a model; layer.go, window.go, rows.go, channels.go: the nodes of one layer;
//     ports.go: inputs and outputs; batch.go: which nodes can compute several samples at once.
//   - weights.go and place.go: the weights of a cut model and where they lie: in it, in the source's files, in a Pack of their own.
//   - store.go: Store, which assembles tensors from parts that were computed here or received.
//   - compare.go and unsplit.go: what the answer is compared with, and how.
//   - execute.go: Runner, and ExecutePlan, which runs a whole plan in one process: the oracle for everything that does it for real.
//
// # How a layer becomes nodes
//
// A layer whose output and inputs are whole is computed by the very nodes that the file has for it. If only some rows are wanted,
// its window is given the padding of its own strip: rows that do not exist are padded, rows that are there but not needed are cut
// off. Element-wise nodes are copied as they are. A global average over some rows becomes a sum, and a Store makes the mean of the
// sums. A slice of the output channels takes its slice of every weight.
package submodel

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"hidp/internal/input"
	"hidp/workloads"
	"hidp/workloads/onnx"
)

// Source is a network that can be cut: a graph and the ONNX file it came from. It is safe for concurrent use.
type Source struct {
	Graph *workloads.Graph
	Model *onnx.Model

	file    *os.File
	size    int64
	views   onnx.Views
	weights map[string]*onnx.Tensor
	maker   map[string]int // the node that produces a tensor
	nodes   [][]int        // per layer, the nodes that compute it
	tensors []layout       // per layer, how the tensor that carries its output is laid out
}

// Open reads the ONNX file at path for cutting; the options are those of onnx.Load. The file and those with its weights must stay
// where they are until Close.
func Open(path string, opt onnx.Options) (*Source, error) {
	g, m, views, err := onnx.LoadViews(path, opt)
	if err != nil {
		return nil, err
	}
	file, size, err := input.Regular(path, input.Model)
	if err != nil {
		return nil, err
	}
	s := &Source{Graph: g, Model: m, file: file, size: size, views: views}
	s.index()
	for i := range g.Layers {
		l, ok := s.layout(m.Tensors[i], i)
		if !ok {
			panic(fmt.Sprintf("submodel: tensor %q of %s is not said to show layer %d", m.Tensors[i], path, i))
		}
		s.tensors[i] = l
	}
	return s, nil
}

// FromGraph exports g, a network of the zoo, to a file in folder with weights drawn from seed, and opens that.
func FromGraph(g *workloads.Graph, folder string, seed uint64) (*Source, error) {
	path := filepath.Join(folder, filepath.Base(g.Name)+".onnx")
	if err := onnx.Export(g, path, seed); err != nil {
		return nil, err
	}
	s, err := Open(path, onnx.Options{})
	if err != nil {
		return nil, err
	}
	if err := s.Fits(g); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Fits reports why slices of g are not slices of the source's own graph, or nil. Element sizes do not matter.
func (s *Source) Fits(g *workloads.Graph) error {
	if len(g.Layers) != len(s.Graph.Layers) {
		return fmt.Errorf("%s has %d layers, but the file %s has %d", g.Name, len(g.Layers), s.Model.Path, len(s.Graph.Layers))
	}
	for i := range g.Layers {
		a, b := &g.Layers[i], &s.Graph.Layers[i]
		if a.Op != b.Op || a.Out != b.Out || !slices.Equal(a.Inputs, b.Inputs) {
			return fmt.Errorf("layer %d of %s is %s (%v), but in the file %s it is %s (%v)", i, g.Name, a.Name, a.Out, s.Model.Path, b.Name, b.Out)
		}
	}
	return nil
}

// Close closes the file. Models cut before stay usable if their weights have been written.
func (s *Source) Close() error { return s.file.Close() }

// index looks up nodes, tensors and weights by name.
func (s *Source) index() {
	m, g := s.Model, s.Graph
	s.weights, s.maker = map[string]*onnx.Tensor{}, map[string]int{}
	for i := range m.Weights {
		s.weights[m.Weights[i].Name] = &m.Weights[i]
	}
	byID := map[string]int{}
	for i := range m.Nodes {
		byID[m.Nodes[i].ID] = i
		for _, out := range m.Nodes[i].Outputs {
			if out != "" {
				s.maker[out] = i
			}
		}
	}
	n := len(g.Layers)
	s.nodes, s.tensors = make([][]int, n), make([]layout, n)
	for i := range g.Layers {
		for _, id := range g.Layers[i].Nodes {
			s.nodes[i] = append(s.nodes[i], byID[id])
		}
	}
}

// source returns the bytes of a node in the file.
func (s *Source) source(n *onnx.Node) ([]byte, error) {
	b, err := s.Model.NodeBytes(s.file, n)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Model.Path, err)
	}
	return b, nil
}

// constant reports whether a tensor is independent of the data.
func (s *Source) constant(name string) bool {
	if s.weights[name] != nil {
		return true
	}
	v, known := s.views.Last(name)
	return known && v.Constant
}
