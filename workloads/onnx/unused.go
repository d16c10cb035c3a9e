package onnx

import (
	"errors"
	"io"

	"google.golang.org/protobuf/encoding/protowire"
)

// Files whose weights nobody reads are rewritten without them within these bounds.
const (
	// fewUnused is how many such weights ONNX Runtime may get: it takes a file's weights away one by one, in time that grows with
	// the square of their number (300 000 take a minute).
	fewUnused = 1000
	// mostRewritten is how large a file may be to be rewritten in memory.
	mostRewritten = 1 << 30
)

// WithoutUnused returns the bytes of the model without the weights that no node reads, or nil if it has few of them or is too
// large. File is the model's file, of size bytes. Everything else of the file stays as it is.
func (m *Model) WithoutUnused(file io.ReaderAt, size int64) ([]byte, error) {
	read := map[string]bool{}
	for i := range m.Nodes {
		for _, in := range m.Nodes[i].Inputs {
			read[in] = true
		}
	}
	for i := range m.Outputs {
		read[m.Outputs[i].Name] = true
	}
	unused := 0
	for i := range m.Weights {
		if !read[m.Weights[i].Name] {
			unused++
		}
	}
	if unused <= fewUnused || size > mostRewritten {
		return nil, nil
	}
	b := make([]byte, size)
	if _, err := file.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return rebuilt(b, 7, func(graph []byte) ([]byte, error) {
		return rebuilt(graph, 5, func(tensor []byte) ([]byte, error) {
			if name, err := tensorName(tensor); err != nil || !read[name] {
				return nil, err
			}
			return tensor, nil
		})
	})
}

// rebuilt returns message b with its fields of one number, which are messages, replaced by what change returns, or left out where
// that is nil.
func rebuilt(b []byte, number protowire.Number, change func(message []byte) ([]byte, error)) ([]byte, error) {
	out := make([]byte, 0, len(b))
	for len(b) > 0 {
		n, kind, tag := protowire.ConsumeTag(b)
		if tag < 0 {
			return nil, errMalformed
		}
		length := protowire.ConsumeFieldValue(n, kind, b[tag:])
		if length < 0 {
			return nil, errMalformed
		}
		field := b[:tag+length]
		b = b[tag+length:]
		if n != number || kind != protowire.BytesType {
			out = append(out, field...)
			continue
		}
		message, _ := protowire.ConsumeBytes(field[tag:])
		message, err := change(message)
		if err != nil {
			return nil, err
		}
		if message != nil {
			out = messageField(out, number, message)
		}
	}
	return out, nil
}

// tensorName returns the name of an encoded tensor.
func tensorName(b []byte) (string, error) {
	for len(b) > 0 {
		n, kind, tag := protowire.ConsumeTag(b)
		if tag < 0 {
			return "", errMalformed
		}
		length := protowire.ConsumeFieldValue(n, kind, b[tag:])
		if length < 0 {
			return "", errMalformed
		}
		if n == 8 && kind == protowire.BytesType {
			name, _ := protowire.ConsumeBytes(b[tag:])
			return string(name), nil
		}
		b = b[tag+length:]
	}
	return "", nil
}
