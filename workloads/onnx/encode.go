package onnx

import (
	"math"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

// Writing of the protobuf messages of onnx.proto. Each function returns a message; messageField puts it into another.

func messageField(b []byte, number protowire.Number, message []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, number, protowire.BytesType), message)
}

func textField(b []byte, number protowire.Number, s string) []byte {
	return messageField(b, number, []byte(s))
}

func intField(b []byte, number protowire.Number, v int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, number, protowire.VarintType), uint64(v))
}

// Kinds of attributes (AttributeProto.AttributeType).
const (
	attrFloat  = 1
	attrInt    = 2
	attrString = 3
	attrTensor = 4
	attrInts   = 7
)

// encodeAttr writes an attribute; of its values the one is taken that is there, a bare attribute is an integer.
func encodeAttr(a Attr) []byte {
	b := textField(nil, 1, a.Name)
	switch {
	case a.S != "":
		return intField(textField(b, 4, a.S), 20, attrString)
	case a.Ints != nil:
		for _, v := range a.Ints {
			b = intField(b, 8, v)
		}
		return intField(b, 20, attrInts)
	case a.F != 0:
		b = protowire.AppendFixed32(protowire.AppendTag(b, 2, protowire.Fixed32Type), math.Float32bits(a.F))
		return intField(b, 20, attrFloat)
	case a.Tensor != nil:
		return intField(messageField(b, 5, encodeTensor(a.Tensor)), 20, attrTensor)
	}
	return intField(intField(b, 3, a.I), 20, attrInt)
}

func encodeNode(n *Node) []byte {
	var b []byte
	for _, s := range n.Inputs {
		b = textField(b, 1, s)
	}
	for _, s := range n.Outputs {
		b = textField(b, 2, s)
	}
	b = textField(textField(b, 3, n.Name), 4, n.OpType)
	for _, a := range n.Attrs {
		b = messageField(b, 5, encodeAttr(a))
	}
	if n.Domain != "" {
		b = textField(b, 7, n.Domain)
	}
	return b
}

// encodeTensor writes a tensor with external data, or with its typed values.
func encodeTensor(t *Tensor) []byte {
	var b []byte
	for _, d := range t.Dims {
		b = intField(b, 1, d)
	}
	b = intField(b, 2, int64(t.Type))
	for _, v := range t.list {
		switch t.Type {
		case Float:
			b = protowire.AppendFixed32(protowire.AppendTag(b, 4, protowire.Fixed32Type), math.Float32bits(float32(v)))
		case Int64:
			b = intField(b, 7, int64(v))
		default:
			b = intField(b, 5, int64(v))
		}
	}
	b = textField(b, 8, t.Name)
	if t.Location == "" {
		return b
	}
	entry := func(key, value string) {
		b = messageField(b, 13, textField(textField(nil, 1, key), 2, value))
	}
	entry("location", t.Location)
	entry("offset", strconv.FormatInt(t.External.Offset, 10))
	entry("length", strconv.FormatInt(t.External.Length, 10))
	return intField(b, 14, 1)
}

// encodePort writes an input or output; an open dimension is written by its name in Params.
func encodePort(p *Port) []byte {
	var dims []byte
	for i, d := range p.Dims {
		one := intField(nil, 1, d)
		if d < 0 {
			one = textField(nil, 2, p.Params[i])
		}
		dims = messageField(dims, 1, one)
	}
	tensor := intField(nil, 1, int64(p.Type))
	if p.Shaped {
		tensor = messageField(tensor, 2, dims)
	}
	return messageField(textField(nil, 1, p.Name), 2, messageField(nil, 1, tensor))
}

// encode writes a model.
func encode(m *Model, graph string) []byte {
	var g []byte
	for i := range m.Nodes {
		g = messageField(g, 1, encodeNode(&m.Nodes[i]))
	}
	g = textField(g, 2, graph)
	for i := range m.Weights {
		g = messageField(g, 5, encodeTensor(&m.Weights[i]))
	}
	for i := range m.Inputs {
		g = messageField(g, 11, encodePort(&m.Inputs[i]))
	}
	for i := range m.Outputs {
		g = messageField(g, 12, encodePort(&m.Outputs[i]))
	}
	b := textField(intField(nil, 1, m.IRVersion), 2, m.Producer)
	b = messageField(b, 7, g)
	return messageField(b, 8, intField(textField(nil, 1, ""), 2, m.Opset))
}
