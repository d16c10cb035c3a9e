package onnx

import (
	"fmt"
	"math"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

const (
	maxRank     = 16
	maxElements = 1 << 36 // of one tensor, as package workloads has it
	maxFolded   = 1 << 12 // elements of a constant whose values are looked at: shapes, scales, axes
)

// tensor reads a TensorProto without its data, except for few typed values.
func (c *cursor) tensor(f field) (Tensor, error) {
	t := Tensor{source: Span{c.at, f.length}, External: Span{0, -1}}
	if err := c.keep(256); err != nil {
		return t, err
	}
	external := false
	err := c.submessage(f, func(f field) (bool, error) {
		var err error
		switch f.number {
		case 1:
			err = c.repeat(f, func() error {
				v, err := c.varint()
				if len(t.Dims) == maxRank {
					return fmt.Errorf("tensor %s has more than %d dimensions", quote(t.Name), maxRank)
				}
				t.Dims = append(t.Dims, int64(v))
				return err
			})
		case 2:
			var v int64
			v, err = c.integer(f)
			t.Type = DataType(v)
		case 4, 5, 7, 10, 11:
			err = c.typed(f, &t)
		case 8:
			t.Name, err = c.text(f)
		case 9:
			t.Raw = Span{c.at, f.length}
			return false, nil
		case 13:
			err = c.externalEntry(f, &t)
		case 14:
			var v int64
			v, err = c.integer(f)
			external = v == 1
		default:
			return false, nil
		}
		return true, err
	})
	if err == nil {
		err = t.check(external)
	}
	return t, err
}

// typed reads values of a typed field: float_data 4, int32_data 5, int64_data 7, double_data 10, uint64_data 11.
func (c *cursor) typed(f field, t *Tensor) error {
	return c.repeat(f, func() error {
		v, err := c.scalar(f.number)
		t.typed++
		if t.typed > maxFolded { // too many to look at: only count
			t.list = nil
			return err
		}
		t.list = append(t.list, v)
		return first(err, c.keep(8))
	})
}

// scalar reads one value of typed field number.
func (c *cursor) scalar(number protowire.Number) (float64, error) {
	switch number {
	case 4:
		v, err := c.fixed32()
		return float64(math.Float32frombits(v)), err
	case 10:
		v, err := c.fixed64()
		return math.Float64frombits(v), err
	}
	v, err := c.varint()
	return float64(int64(v)), err
}

func (c *cursor) fixed64() (uint64, error) {
	b, err := c.window.Peek(8)
	if err != nil {
		return 0, errTruncated
	}
	v, n := protowire.ConsumeFixed64(b)
	c.at += int64(n)
	_, err = c.window.Discard(n)
	return v, err
}

// externalEntry reads one key and value of external_data.
func (c *cursor) externalEntry(f field, t *Tensor) error {
	var key, value string
	err := c.submessage(f, func(f field) (bool, error) {
		var err error
		switch f.number {
		case 1:
			key, err = c.text(f)
		case 2:
			value, err = c.text(f)
		default:
			return false, nil
		}
		return true, err
	})
	if err != nil {
		return err
	}
	switch key {
	case "location":
		t.Location = value
	case "offset":
		t.External.Offset, err = strconv.ParseInt(value, 10, 64)
	case "length":
		t.External.Length, err = strconv.ParseInt(value, 10, 64)
	}
	if err != nil || t.External.Offset < 0 {
		return fmt.Errorf("external data of a tensor has the %s %s", key, quote(value))
	}
	return nil
}

// check compares what the tensor says about itself with the data that is there.
func (t *Tensor) check(external bool) error {
	n, err := product(t.Dims)
	if err != nil {
		return fmt.Errorf("tensor %s: %w", quote(t.Name), err)
	}
	t.values = n
	size := int64(t.Type.Bytes())
	if size == 0 {
		if t.Type == String {
			return nil
		}
		return fmt.Errorf("tensor %s has element type %d, which is unknown", quote(t.Name), t.Type)
	}
	var have int64
	switch {
	case external:
		if t.Location == "" {
			return fmt.Errorf("tensor %s: its data is external, but the file of it is not named", quote(t.Name))
		}
		if have = t.External.Length; have < 0 {
			return nil
		}
	case t.Raw.Length > 0:
		have = t.Raw.Length
	default:
		have = t.typed * size // packed elements are packed in the typed fields as well
	}
	if !external {
		t.Location = ""
	}
	if need := t.Type.Size(n); have != need {
		return fmt.Errorf("tensor %s: its dimensions %v are %d bytes, but its data has %d", quote(t.Name), t.Dims, need, have)
	}
	return nil
}

// product multiplies dimensions; it fails for negative ones and for more elements than supported.
func product(dims []int64) (int64, error) {
	n := int64(1)
	for _, d := range dims {
		if d < 0 {
			return 0, fmt.Errorf("impossible dimensions %v", dims)
		}
		if d > 0 && n > maxElements/d {
			return 0, fmt.Errorf("dimensions %v are more than the %d elements supported", dims, int64(maxElements))
		}
		n *= d
	}
	return n, nil
}
