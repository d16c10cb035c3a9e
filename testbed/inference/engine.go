// Package inference runs DNNs: what an agent computes its slices with. Behind Engine stand ONNX Runtime, loaded at run time without
// cgo, and a small engine in Go for tests of everything around it on machines without that library.
//
// Reading order:
//
//   - engine.go: Engine, Session, Model, Options, Tensor.
//   - find.go: where the ONNX Runtime library is looked for, and what is wrong with one that cannot be used.
//   - ort.go, ortsession.go, ortcall.go: ONNX Runtime through the function table of its C interface.
//   - reference.go: the engine in Go; kernels.go, rearrange.go and activation.go: its operators.
package inference

import (
	"fmt"
	"slices"
)

// Tensor holds numbers in row-major order. Operations on it do not copy: whoever passes one on must not write to it any more.
type Tensor struct {
	Shape []int
	Data  []float32
}

// NewTensor returns a tensor of zeros.
func NewTensor(shape ...int) Tensor {
	return Tensor{shape, make([]float32, elements(shape))}
}

// elements returns the product of dims, or -1 if one is negative or the product is absurd.
func elements(dims []int) int {
	n := 1
	for _, d := range dims {
		if d < 0 || d > 0 && n > maxElements/d {
			return -1
		}
		n *= d
	}
	return n
}

// maxElements bounds one tensor, as package workloads does.
const maxElements = 1 << 36

// Check reports whether the data fits the shape.
func (t Tensor) Check() error {
	if n := elements(t.Shape); n != len(t.Data) {
		return fmt.Errorf("a tensor of shape %v has %d numbers", t.Shape, len(t.Data))
	}
	return nil
}

// Reshape returns the same data under another shape; it panics if the number of elements differs.
func (t Tensor) Reshape(shape ...int) Tensor {
	if elements(shape) != len(t.Data) {
		panic(fmt.Sprintf("inference: tensor of shape %v as %v", t.Shape, shape))
	}
	return Tensor{shape, t.Data}
}

// Model is an ONNX model to load: a file, or bytes.
type Model struct {
	Path   string // a file; its external data lies beside it
	Bytes  []byte // or the content of one
	Folder string // where the external data of Bytes lies; empty if there is none
}

// Options says how a session computes.
type Options struct {
	Threads  int    // that compute one operator together, the caller among them; 0 means 1
	CPUs     []int  // logical CPUs (from 0) that the other threads are pinned to, one each; the caller pins itself. Nil: not pinned
	Provider string // "cpu" (also the empty string), "cuda" or "tensorrt"
	Device   int    // which GPU
}

// Spec describes an input or output of a model. Open dimensions are -1.
type Spec struct {
	Name  string
	Shape []int
}

// takes reports whether a shape is one of those that the spec allows.
func (s *Spec) takes(shape []int) bool {
	fits := len(shape) == len(s.Shape)
	for i := range min(len(shape), len(s.Shape)) {
		fits = fits && (s.Shape[i] < 0 || s.Shape[i] == shape[i])
	}
	return fits
}

// Engine loads models. Its methods may be called at the same time.
type Engine interface {
	// Name returns the engine's name and version.
	Name() string
	// Load prepares a model, which may take long and much memory. Errors say what is wrong with the model or the options.
	Load(m Model, o Options) (Session, error)
	// Close gives back what the engine holds; sessions must be closed before.
	Close() error
}

// Session is a loaded model whose inputs and outputs are 32-bit floats. One goroutine at a time may use it.
type Session interface {
	// Inputs and Outputs describe the model's ports in its own order. The result is shared: do not modify it.
	Inputs() []Spec
	Outputs() []Spec
	// Run computes all outputs by name: into the tensors of into, which may be nil, as far as it has them, else into new ones. All
	// inputs must be given and nothing else. The outputs do not alias the inputs.
	Run(inputs, into map[string]Tensor) (map[string]Tensor, error)
	Close() error
}

// checkPorts compares the tensors of a run with what the model has.
func checkPorts(s Session, inputs, into map[string]Tensor) error {
	for _, spec := range s.Inputs() {
		if _, ok := inputs[spec.Name]; !ok {
			return fmt.Errorf("input %q is missing", spec.Name)
		}
	}
	if err := checkNamed("input", s.Inputs(), inputs); err != nil {
		return err
	}
	for _, spec := range s.Inputs() { // not outputs: what an engine infers of poolings that round up is not always what it computes
		if t := inputs[spec.Name]; !spec.takes(t.Shape) {
			return fmt.Errorf("input %q has shape %v instead of %v", spec.Name, t.Shape, spec.Shape)
		}
	}
	return checkNamed("output", s.Outputs(), into)
}

// checkNamed reports tensors without a port of a kind, or that are none.
func checkNamed(kind string, specs []Spec, tensors map[string]Tensor) error {
	for name, t := range tensors {
		if !slices.ContainsFunc(specs, func(s Spec) bool { return s.Name == name }) {
			return fmt.Errorf("the model has no %s %q", kind, name)
		}
		if err := t.Check(); err != nil {
			return fmt.Errorf("%s %q: %w", kind, name, err)
		}
	}
	return nil
}
