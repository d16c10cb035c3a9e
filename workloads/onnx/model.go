package onnx

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// Model is what is kept of an ONNX file: its structure without the weights, and how it was understood.
type Model struct {
	Path        string
	IRVersion   int64
	Opset       int64            // version of the default operator set
	Domains     map[string]int64 // versions of all operator sets, by their domain; the default one is called ""
	Producer    string
	Nodes       []Node
	Weights     []Tensor // the initialisers
	Inputs      []Port
	Outputs     []Port
	Input       string   // name of the input that is the network's data (set by Load)
	InputDims   []int64  // its dimensions, none dynamic
	Tensors     []string // for each layer of the graph, the name of the tensor it produces
	Assumptions []string // what Load decided by itself, one sentence each

	batch     int64      // of the data, if the file fixes one of more than 1
	stated    []Port     // what the file says of tensors that are neither inputs nor outputs
	functions []function // the model's own operators
	memory    int64      // what the decoded structure takes, by a rough count
}

// Node returns the node that Layer.Nodes calls id, or nil.
func (m *Model) Node(id string) *Node {
	for i := range m.Nodes {
		if m.Nodes[i].ID == id {
			return &m.Nodes[i]
		}
	}
	return nil
}

// Span is a part of a file: Length bytes from Offset.
type Span struct{ Offset, Length int64 }

// Node is one operator application.
type Node struct {
	ID      string // unique: the node's name or, if it has none of its own, the name of its first output
	Name    string // as in the file; may be empty
	OpType  string
	Domain  string // empty for the default operator set
	Inputs  []string
	Outputs []string
	Attrs   []Attr
	Source  Span // the NodeProto in the file; without length for a node that is in no file

	bound []Attr // attributes that a function takes from the node that called it
	scope *scope // of a node that was in a function or branch: the names around it
}

// String names the node for messages.
func (n *Node) String() string { return fmt.Sprintf("node %s (%s)", quote(n.ID), n.op()) }

// op returns the operator with its domain, if that is not the default one.
func (n *Node) op() string {
	if n.Domain == "" {
		return clip(n.OpType)
	}
	return clip(n.Domain) + "." + clip(n.OpType)
}

// Attr is an attribute of a node. Graphs are not decoded here: HasGraph says that there is one.
type Attr struct {
	Name     string
	F        float32
	I        int64
	S        string
	Floats   []float32
	Ints     []int64
	Tensor   *Tensor
	HasGraph bool

	kind   int64  // AttributeProto.AttributeType, or 0
	ref    string // in the body of a function: the attribute of the caller that it stands for
	graph  Span   // of the GraphProto in the file
	source Span   // of the AttributeProto in the file
}

// Port is an input or output of the network. A dimension that is not fixed is -1, and its name, if any, is in Params.
type Port struct {
	Name   string
	Type   DataType
	Dims   []int64
	Params []string
	Shaped bool // the file states the rank
}

// Tensor is an initialiser or the value of a Constant node: its type and dimensions and where its data is.
type Tensor struct {
	Name     string
	Type     DataType
	Dims     []int64
	Raw      Span   // raw data in the model file
	Location string // file of external data, relative to the model; empty if the data is in the model file
	External Span   // the place in that file; a Length of -1 means up to its end

	source    Span      // of the TensorProto in the model file
	list      []float64 // the values, if they are typed and few
	typed     int64     // number of typed values in the file
	generated bool      // made by a node: no data of it is in the file
	values    int64     // product of Dims
}

// Elements returns the number of elements.
func (t *Tensor) Elements() int64 { return t.values }

// DataType is TensorProto.DataType of onnx.proto.
type DataType int32

// The element types that networks compute with.
const (
	Float    DataType = 1
	Uint8    DataType = 2
	Int8     DataType = 3
	Int32    DataType = 6
	Int64    DataType = 7
	String   DataType = 8
	Bool     DataType = 9
	Float16  DataType = 10
	Double   DataType = 11
	BFloat16 DataType = 16

	Uint4  DataType = 21
	Int4   DataType = 22
	Float4 DataType = 23
)

// Bytes returns the size of an element, or 0 for a type without a fixed size or an unknown one. Of two elements that share a byte
// each counts as one: see Size.
func (t DataType) Bytes() int {
	sizes := [...]int{0, 4, 1, 1, 2, 2, 4, 8, 0, 1, 2, 8, 4, 8, 8, 16, 2, 1, 1, 1, 1, 1, 1, 1}
	if t < 0 || int(t) >= len(sizes) {
		return 0
	}
	return sizes[t]
}

// packed reports whether two elements share a byte.
func (t DataType) packed() bool { return t >= Uint4 && t <= Float4 }

// Size returns how many bytes n elements take in a file.
func (t DataType) Size(n int64) int64 {
	if t.packed() {
		return (n + 1) / 2
	}
	return n * int64(t.Bytes())
}

// real reports whether the type holds real numbers: only such tensors can be learnt.
func (t DataType) real() bool {
	return t == Float || t == Float16 || t == Double || t == BFloat16 || (t >= 17 && t <= 20) || t == Float4
}

// quote quotes a name from a file for a message: one line, no control characters, not too long.
func quote(name string) string { return strconv.Quote(clip(name)) }

// clip shortens a name from a file and replaces what cannot be printed.
func clip(name string) string {
	const most = 80
	if len(name) > most {
		name = name[:most] + "…"
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '�'
	}, name)
}
