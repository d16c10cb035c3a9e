package inference

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"

	"hidp/internal/input"
	"hidp/workloads/onnx"
)

// Reference is an engine in Go for the operators of the zoo's networks: slow and simple. Every element of an output is computed
// from its inputs in an order that depends on nothing else, in double precision inside an operator, so that the parts of a
// partitioned network have the same bits as the whole.
type Reference struct{}

// Name implements Engine.
func (Reference) Name() string { return "reference" }

// Close implements Engine.
func (Reference) Close() error { return nil }

// Load implements Engine. Of the options, it computes with one thread on the CPU whatever they say, but refuses other providers.
func (Reference) Load(m Model, o Options) (Session, error) {
	if o.Provider != "" && o.Provider != "cpu" {
		return nil, fmt.Errorf("the reference engine has no provider %s", o.Provider)
	}
	var err error
	folder := m.Folder
	if (m.Path == "") == (m.Bytes == nil) {
		return nil, errors.New("a model is a file or bytes")
	}
	data := m.Bytes
	if m.Path != "" {
		folder = filepath.Dir(m.Path)
		if data, err = input.Read(m.Path, input.State); err != nil {
			return nil, err
		}
	}
	s, err := newReferenceSession(data, folder)
	if err != nil {
		return nil, fmt.Errorf("the reference engine cannot load %s: %w", m.what(), err)
	}
	return s, nil
}

// array is a tensor during a run: of floats, or of the integers that shapes are made of.
type array struct {
	dims []int
	f    []float32
	i    []int64
}

// maxArray bounds what one operator may produce: 1 GiB.
const maxArray = 1 << 28

func floats(dims ...int) *array {
	n := elements(dims)
	if n < 0 || n > maxArray {
		panic(fmt.Sprintf("an output of dimensions %v", dims))
	}
	return &array{dims: dims, f: make([]float32, n)}
}

// referenceSession is a loaded model.
type referenceSession struct {
	model           *onnx.Model
	weights         map[string]*array
	inputs, outputs []Spec
	table           map[string]kernel
}

// kernel computes the outputs of a node from its inputs, of which those left out are nil.
type kernel func(n *onnx.Node, in []*array) (*array, error)

func newReferenceSession(data []byte, folder string) (*referenceSession, error) {
	file := bytes.NewReader(data)
	m, err := onnx.Decode(file, int64(len(data)), folder)
	if err != nil {
		return nil, err
	}
	s := &referenceSession{model: m, weights: map[string]*array{}, table: kernels()}
	for i := range m.Weights {
		t := &m.Weights[i]
		if s.weights[t.Name], err = load(m, file, t); err != nil {
			return nil, err
		}
	}
	for i := range m.Nodes {
		n := &m.Nodes[i]
		if len(n.Outputs) == 0 {
			return nil, fmt.Errorf("%v has no output", n)
		}
		if n.OpType == "Constant" {
			if s.weights[n.Outputs[0]], err = constant(m, file, n); err != nil {
				return nil, err
			}
		} else if s.table[n.OpType] == nil || n.Domain != "" {
			return nil, fmt.Errorf("it has no operator %s", n.OpType)
		}
	}
	s.inputs, s.outputs = specs(m.Inputs), specs(m.Outputs)
	return s, nil
}

func specs(ports []onnx.Port) []Spec {
	var list []Spec
	for _, p := range ports {
		s := Spec{Name: p.Name}
		for _, d := range p.Dims {
			s.Shape = append(s.Shape, int(d))
		}
		list = append(list, s)
	}
	return list
}

// load reads a weight.
func load(m *onnx.Model, file io.ReaderAt, t *onnx.Tensor) (*array, error) {
	raw, err := m.Values(file, file.(*bytes.Reader).Size(), t)
	if err != nil {
		return nil, err
	}
	a := &array{}
	for _, d := range t.Dims {
		a.dims = append(a.dims, int(d))
	}
	switch t.Type {
	case onnx.Float:
		a.f = make([]float32, len(raw)/4)
		for i := range a.f {
			a.f[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		}
	case onnx.Int64:
		a.i = make([]int64, len(raw)/8)
		for i := range a.i {
			a.i[i] = int64(binary.LittleEndian.Uint64(raw[8*i:]))
		}
	default:
		return nil, fmt.Errorf("weight %q has element type %d; it has floats and 64-bit integers only", t.Name, t.Type)
	}
	return a, nil
}

// constant reads a Constant node.
func constant(m *onnx.Model, file io.ReaderAt, n *onnx.Node) (*array, error) {
	for _, a := range n.Attrs {
		if a.Name == "value" && a.Tensor != nil {
			return load(m, file, a.Tensor)
		}
	}
	return nil, fmt.Errorf("constant %q has no tensor", n.ID)
}

// Close implements Session.
func (s *referenceSession) Close() error { return nil }

// Inputs implements Session.
func (s *referenceSession) Inputs() []Spec { return s.inputs }

// Outputs implements Session.
func (s *referenceSession) Outputs() []Spec { return s.outputs }

// Run implements Session.
func (s *referenceSession) Run(inputs, into map[string]Tensor) (map[string]Tensor, error) {
	if err := checkPorts(s, inputs, into); err != nil {
		return nil, err
	}
	values := map[string]*array{}
	for name, t := range inputs {
		values[name] = &array{dims: t.Shape, f: t.Data}
	}
	get := func(name string) *array {
		if v := values[name]; v != nil {
			return v
		}
		return s.weights[name]
	}
	for i := range s.model.Nodes {
		n := &s.model.Nodes[i]
		if n.OpType == "Constant" {
			continue
		}
		var in []*array
		for _, name := range n.Inputs {
			in = append(in, get(name))
		}
		out, err := s.run(n, in)
		if err != nil {
			return nil, fmt.Errorf("%v: %w", n, err)
		}
		values[n.Outputs[0]] = out
	}
	out := map[string]Tensor{}
	for _, spec := range s.outputs {
		v := get(spec.Name)
		if v == nil || v.f == nil {
			return nil, fmt.Errorf("output %q is not computed", spec.Name)
		}
		t, given := into[spec.Name]
		if !given {
			t = NewTensor(v.dims...)
		}
		if !slices.Equal(t.Shape, v.dims) {
			return nil, fmt.Errorf("output %q has shape %v, not %v", spec.Name, v.dims, t.Shape)
		}
		copy(t.Data, v.f)
		out[spec.Name] = t
	}
	return out, nil
}

// run computes one node. Kernels trust shapes; a model whose shapes do not fit each other is told by the index they reach beyond.
func (s *referenceSession) run(n *onnx.Node, in []*array) (out *array, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("its inputs do not fit: %v", r)
		}
	}()
	if len(in) == 0 || in[0] == nil {
		return nil, errors.New("its input is missing")
	}
	return s.table[n.OpType](n, in)
}

// attribute returns the attribute called name, or one of the given integers.
func attribute(n *onnx.Node, name string, otherwise ...int64) onnx.Attr {
	for _, a := range n.Attrs {
		if a.Name == name {
			return a
		}
	}
	a := onnx.Attr{Name: name, Ints: otherwise}
	if len(otherwise) > 0 {
		a.I = otherwise[0]
	}
	return a
}
