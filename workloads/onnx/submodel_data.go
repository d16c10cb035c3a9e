package onnx

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Values returns the data of an initialiser or constant as little-endian bytes, as raw data has it. File is the model's file.
func (m *Model) Values(file io.ReaderAt, size int64, t *Tensor) ([]byte, error) {
	want := t.Type.Size(t.values)
	switch {
	case t.Type == String:
		return nil, fmt.Errorf("tensor %s holds text", quote(t.Name))
	case t.Location == "" && t.typed == 0:
		b := make([]byte, want)
		_, err := file.ReadAt(b, t.Raw.Offset)
		return b, err
	case t.Location != "":
		b := make([]byte, want)
		return b, m.readExternal(t, b)
	case int64(len(t.list)) == t.values && !t.Type.packed():
		return t.pack(), nil
	}
	return m.typedValues(file, size, t, want)
}

// readExternal fills b with data from a file beside the model.
func (m *Model) readExternal(t *Tensor, b []byte) error {
	f, err := m.openBeside(t.Location)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.ReadAt(b, t.External.Offset)
	return err
}

// pack encodes the few typed values of a tensor as raw data.
func (t *Tensor) pack() []byte {
	var b []byte
	for _, v := range t.list {
		switch t.Type {
		case Float:
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v)))
		case Double:
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		default:
			n := int64(math.MaxInt64) // what rounds to 2^63 as a float
			if v < 1<<63 {
				n = int64(v)
			}
			b = appendInteger(b, uint64(n), t.Type.Bytes())
		}
	}
	return b
}

func appendInteger(b []byte, v uint64, size int) []byte {
	for i := range size {
		b = append(b, byte(v>>(8*i)))
	}
	return b
}

// typedValues reads again a tensor with so many typed values that they were not kept.
func (m *Model) typedValues(file io.ReaderAt, size int64, t *Tensor, want int64) ([]byte, error) {
	c := newCursor(file, size)
	if err := c.skip(t.source.Offset); err != nil {
		return nil, err
	}
	var b []byte
	err := c.message(t.source.Length, func(f field) (bool, error) {
		switch f.number {
		case 4, 5, 7, 10, 11:
			return true, c.repeat(f, func() error {
				v, err := c.bits(f.number)
				if int64(len(b)) < want {
					b = appendInteger(b, v, t.Type.Bytes())
				}
				return err
			})
		}
		return false, nil
	})
	return b, first(err, short(t, int64(len(b)), want))
}

func short(t *Tensor, have, want int64) error {
	if have != want {
		return fmt.Errorf("tensor %s: its data has %d bytes instead of %d", quote(t.Name), have, want)
	}
	return nil
}

// bits reads one value of typed field number as the bits that raw data would have.
func (c *cursor) bits(number protowire.Number) (uint64, error) {
	switch number {
	case 4:
		v, err := c.fixed32()
		return uint64(v), err
	case 10:
		return c.fixed64()
	}
	return c.varint()
}
