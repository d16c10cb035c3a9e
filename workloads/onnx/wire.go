package onnx

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// maxName is the longest string that is kept from a file, and maxMemory the most bytes that the decoded structure of one may
// take, by a rough count. The largest networks in use take a tenth of it.
const (
	maxName   = 1 << 12
	maxMemory = 1 << 27
)

var (
	errTruncated = errors.New("the file ends in the middle of a message: it is truncated or no ONNX file")
	errMalformed = errors.New("malformed message: this is no ONNX file, or it is damaged")
)

// cursor reads protobuf messages from a file without holding more of it than a small window.
type cursor struct {
	file   io.ReaderAt
	size   int64
	window *bufio.Reader
	at     int64 // offset of the next byte
	memory int64 // bytes kept so far
}

func newCursor(file io.ReaderAt, size int64) *cursor {
	return &cursor{file: file, size: size, window: bufio.NewReaderSize(io.NewSectionReader(file, 0, size), 1<<16)}
}

// keep accounts for n bytes of memory.
func (c *cursor) keep(n int64) error {
	if c.memory += n; c.memory > maxMemory {
		return fmt.Errorf("the model's structure (without weights) takes more than %d MiB", maxMemory>>20)
	}
	return nil
}

// varint reads a base-128 number.
func (c *cursor) varint() (uint64, error) {
	b, _ := c.window.Peek(10)
	v, n := protowire.ConsumeVarint(b)
	if n < 0 {
		if len(b) < 10 {
			return 0, errTruncated
		}
		return 0, errMalformed
	}
	c.at += int64(n)
	_, err := c.window.Discard(n)
	return v, err
}

// fixed32 reads a little-endian number of four bytes.
func (c *cursor) fixed32() (uint32, error) {
	b, err := c.window.Peek(4)
	if err != nil {
		return 0, errTruncated
	}
	v, n := protowire.ConsumeFixed32(b)
	c.at += int64(n)
	_, err = c.window.Discard(n)
	return v, err
}

// skip passes over n bytes; a long stretch is not read.
func (c *cursor) skip(n int64) error {
	if n < 0 || n > c.size-c.at {
		return errTruncated
	}
	c.at += n
	if n <= int64(c.window.Buffered()) {
		_, err := c.window.Discard(int(n))
		return err
	}
	c.window.Reset(io.NewSectionReader(c.file, c.at, c.size-c.at))
	return nil
}

// field is the head of one field of a message.
type field struct {
	number protowire.Number
	kind   protowire.Type
	length int64 // of a length-delimited field
}

// next reads the head of the next field of the message that ends at end; ok is false at the end.
func (c *cursor) next(end int64) (f field, ok bool, err error) {
	if c.at == end {
		return f, false, nil
	}
	tag, err := c.varint()
	if err != nil {
		return f, false, err
	}
	f.number, f.kind = protowire.DecodeTag(tag)
	if f.number < 1 {
		return f, false, errMalformed
	}
	if f.kind == protowire.BytesType {
		n, err := c.varint()
		if err != nil {
			return f, false, err
		}
		if n > math.MaxInt64 || int64(n) > c.size-c.at {
			return f, false, errTruncated
		}
		f.length = int64(n)
	}
	if c.at+f.length > end {
		return f, false, errMalformed
	}
	return f, true, nil
}

// pass skips the value of field f.
func (c *cursor) pass(f field) error {
	switch f.kind {
	case protowire.VarintType:
		_, err := c.varint()
		return err
	case protowire.Fixed32Type:
		return c.skip(4)
	case protowire.Fixed64Type:
		return c.skip(8)
	case protowire.BytesType:
		return c.skip(f.length)
	}
	return errMalformed
}

// message calls on for each field of a message of length bytes. A field that on does not read (it returns false) is skipped.
func (c *cursor) message(length int64, on func(f field) (bool, error)) error {
	end := c.at + length
	for {
		f, more, err := c.next(end)
		if err != nil || !more {
			return err
		}
		read, err := on(f)
		if err == nil && !read {
			err = c.pass(f)
		}
		if err != nil {
			return err
		}
		if c.at > end {
			return errMalformed
		}
	}
}

// text reads the value of field f as a string.
func (c *cursor) text(f field) (string, error) {
	if f.kind != protowire.BytesType {
		return "", errMalformed
	}
	if f.length > maxName {
		return "", fmt.Errorf("a name or string of %d bytes (at most %d are supported)", f.length, maxName)
	}
	if err := c.keep(f.length + 16); err != nil {
		return "", err
	}
	b := make([]byte, f.length)
	if _, err := io.ReadFull(c.window, b); err != nil {
		return "", errTruncated
	}
	c.at += f.length
	return string(b), nil
}

// integer reads the value of field f as a varint.
func (c *cursor) integer(f field) (int64, error) {
	if f.kind != protowire.VarintType {
		return 0, errMalformed
	}
	v, err := c.varint()
	return int64(v), err
}

// repeat calls one for each element of a repeated scalar field, packed or not.
func (c *cursor) repeat(f field, one func() error) error {
	if f.kind != protowire.BytesType {
		return one()
	}
	end := c.at + f.length
	for c.at < end {
		if err := one(); err != nil {
			return err
		}
	}
	if c.at > end {
		return errMalformed
	}
	return nil
}
