package onnx

import (
	"maps"
	"slices"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

// Writer gathers the parts of a model to be written.
type Writer struct {
	IRVersion, Opset int64
	Domains          map[string]int64 // versions of other operator sets than the default one
	Name             string

	graph []byte
}

// Node adds a node that is not in any file.
func (w *Writer) Node(n *Node) { w.graph = messageField(w.graph, 1, encodeNode(n)) }

// Rewritten adds a node from the bytes it has in a file (see Model.NodeBytes), with the inputs, outputs, name and attributes of n in
// place of its own; its attributes that n does not name stay, unless drop names them. What this package does not understand of a node is kept as it is.
func (w *Writer) Rewritten(source []byte, n *Node, drop ...string) error {
	replaced := map[string]bool{}
	for _, a := range n.Attrs {
		replaced[a.Name] = true
	}
	for _, name := range drop {
		replaced[name] = true
	}
	var b []byte
	for _, s := range n.Inputs {
		b = textField(b, 1, s)
	}
	for _, s := range n.Outputs {
		b = textField(b, 2, s)
	}
	for len(source) > 0 {
		number, kind, k := protowire.ConsumeField(source)
		if k < 0 {
			return errMalformed
		}
		raw := source[:k]
		source = source[k:]
		if number <= 3 {
			continue
		}
		if number == 5 && kind == protowire.BytesType && replaced[attrText(raw, 1)] {
			continue
		}
		b = append(b, raw...)
	}
	if n.Name != "" {
		b = textField(b, 3, n.Name)
	}
	for _, a := range n.Attrs {
		b = messageField(b, 5, encodeAttr(a))
	}
	w.graph = messageField(w.graph, 1, b)
	return nil
}

// attrText returns a text of the attribute in a field: 1 its name, 21 the attribute that it stands for in a function.
func attrText(raw []byte, wanted protowire.Number) string {
	_, _, tag := protowire.ConsumeTag(raw)
	message, n := protowire.ConsumeBytes(raw[tag:])
	for n >= 0 && len(message) > 0 {
		number, kind, k := protowire.ConsumeTag(message)
		if k < 0 {
			break
		}
		if number == wanted && kind == protowire.BytesType {
			name, _ := protowire.ConsumeBytes(message[k:])
			return string(name)
		}
		size := protowire.ConsumeFieldValue(number, kind, message[k:])
		if size < 0 {
			break
		}
		message = message[k+size:]
	}
	return ""
}

// Inline adds an initialiser with its data.
func (w *Writer) Inline(name string, kind DataType, dims []int64, raw []byte) {
	w.graph = messageField(w.graph, 5, messageField(tensorHead(name, kind, dims), 9, raw))
}

// External adds an initialiser whose data is in another file: at a place of it.
func (w *Writer) External(name string, kind DataType, dims []int64, location string, at Span) {
	b := tensorHead(name, kind, dims)
	for _, entry := range [][2]string{{"location", location}, {"offset", strconv.FormatInt(at.Offset, 10)},
		{"length", strconv.FormatInt(at.Length, 10)}} {
		b = messageField(b, 13, textField(textField(nil, 1, entry[0]), 2, entry[1]))
	}
	w.graph = messageField(w.graph, 5, intField(b, 14, 1))
}

func tensorHead(name string, kind DataType, dims []int64) []byte {
	var b []byte
	for _, d := range dims {
		b = intField(b, 1, d)
	}
	return textField(intField(b, 2, int64(kind)), 8, name)
}

// Input adds an input, Output an output.
func (w *Writer) Input(p Port)  { w.graph = messageField(w.graph, 11, encodePort(&p)) }
func (w *Writer) Output(p Port) { w.graph = messageField(w.graph, 12, encodePort(&p)) }

// Bytes returns the model.
func (w *Writer) Bytes() []byte {
	b := textField(intField(nil, 1, w.IRVersion), 2, "hidp")
	b = messageField(b, 7, textField(w.graph[:len(w.graph):len(w.graph)], 2, w.Name))
	b = messageField(b, 8, intField(textField(nil, 1, ""), 2, w.Opset))
	for _, domain := range slices.Sorted(maps.Keys(w.Domains)) {
		if domain != "" {
			b = messageField(b, 8, intField(textField(nil, 1, domain), 2, w.Domains[domain]))
		}
	}
	return b
}
