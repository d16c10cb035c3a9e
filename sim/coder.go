package sim

import (
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"hidp/sim/node"
	"hidp/strategies/plan"
)

// coder writes values to data or, when reading, sets them from it: one method per type serves both directions, so that what is
// written is what is read. The data it reads have passed a checksum; a length beyond their end is a bug nevertheless reported.
type coder struct {
	data    []byte
	at      int
	reading bool
	err     error
}

// errShort is what reading beyond the end of the data comes to.
var errShort = fmt.Errorf("the data end early")

func (c *coder) int(v int64) int64 {
	if !c.reading {
		c.data = binary.AppendVarint(c.data, v)
		return v
	}
	v, n := binary.Varint(c.data[c.at:])
	if n <= 0 {
		c.err = errShort
		return 0
	}
	c.at += n
	return v
}

// length codes the length of a list whose elements take a byte or more each.
func (c *coder) length(n int) int {
	n = int(c.int(int64(n)))
	if c.reading && (n < 0 || n > len(c.data)-c.at) {
		c.err = errShort
		return 0
	}
	return n
}

func (c *coder) bytes(b []byte) []byte {
	n := c.length(len(b))
	if !c.reading {
		c.data = append(c.data, b...)
		return b
	}
	c.at += n
	return bytes.Clone(c.data[c.at-n : c.at])
}

// all codes the values behind pointers.
func (c *coder) all(values ...any) {
	for _, v := range values {
		switch p := v.(type) {
		case *int:
			*p = int(c.int(int64(*p)))
		case *int32:
			*p = int32(c.int(int64(*p)))
		case *int64:
			*p = c.int(*p)
		case *uint32:
			*p = uint32(c.int(int64(*p)))
		case *uint64:
			*p = uint64(c.int(int64(*p)))
		case *time.Duration:
			*p = time.Duration(c.int(int64(*p)))
		case *node.Handle:
			*p = node.Handle(c.int(int64(*p)))
		case *node.Phase:
			*p = node.Phase(c.int(int64(*p)))
		case *stage:
			*p = stage(c.int(int64(*p)))
		case *bool:
			*p = c.int(map[bool]int64{true: 1}[*p]) == 1
		case *float64:
			*p = math.Float64frombits(uint64(c.int(int64(math.Float64bits(*p)))))
		case *string:
			*p = string(c.bytes([]byte(*p)))
		case *[]int32:
			list(c, p, func(c *coder, x *int32) { c.all(x) })
		case *[]time.Duration:
			list(c, p, func(c *coder, x *time.Duration) { *x = time.Duration(c.int(int64(*x))) })
		case *[]node.Handle:
			list(c, p, func(c *coder, x *node.Handle) { c.all(x) })
		default:
			panic(fmt.Sprintf("sim: no code for %T", v))
		}
	}
}

// list codes the elements of a list one by one.
func list[T any](c *coder, p *[]T, each func(*coder, *T)) {
	n := c.length(len(*p))
	if c.reading {
		*p = (*p)[:0]
		if n > 0 {
			*p = make([]T, n)
		}
	}
	for i := range *p {
		if each(c, &(*p)[i]); c.err != nil {
			return
		}
	}
}

// gob codes plain data with exported fields.
func (c *coder) gob(v any) {
	var b bytes.Buffer
	if !c.reading {
		if err := gob.NewEncoder(&b).Encode(v); err != nil {
			panic("sim: " + err.Error())
		}
	}
	if data := c.bytes(b.Bytes()); c.reading && c.err == nil {
		c.err = gob.NewDecoder(bytes.NewReader(data)).Decode(v)
	}
}

// plan codes a plan as JSON, which tells an empty list from none.
func (c *coder) plan(p **plan.Plan) {
	var data []byte
	if !c.reading {
		data, _ = json.Marshal(*p) // numbers and words: it cannot fail
	}
	if data = c.bytes(data); c.reading && c.err == nil {
		*p = new(plan.Plan)
		c.err = json.Unmarshal(data, *p)
	}
}
