package onnx

import (
	"fmt"
	"io"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// decode reads the structure of a model of size bytes. Field numbers are those of onnx.proto (github.com/onnx/onnx).
func decode(file io.ReaderAt, size int64) (*Model, error) {
	c := newCursor(file, size)
	m := &Model{Opset: -1, Domains: map[string]int64{}}
	graphs := 0
	err := c.message(size, func(f field) (bool, error) {
		var err error
		switch f.number {
		case 1:
			m.IRVersion, err = c.integer(f)
		case 2:
			m.Producer, err = c.text(f)
		case 7:
			graphs++
			err = c.graph(f, m)
		case 8:
			err = c.opset(f, m.Domains)
		case 25:
			var fn function
			if fn, err = c.function(f); err == nil {
				m.functions = append(m.functions, fn)
			}
		default:
			return false, nil
		}
		return true, err
	})
	if err != nil {
		return nil, fmt.Errorf("%w (at byte %d)", err, c.at)
	}
	if graphs != 1 {
		return nil, fmt.Errorf("has %d graphs instead of one: this is no ONNX file", graphs)
	}
	if version, there := m.Domains[""]; there {
		m.Opset = version
	}
	m.memory = c.memory
	return m, nil
}

// nameNodes gives every node an ID: its name if only it has it, else its first output.
func nameNodes(nodes []Node) {
	names := map[string]int{}
	for i := range nodes {
		names[nodes[i].Name]++
	}
	for i := range nodes {
		n := &nodes[i]
		n.ID = n.Name
		if n.Name != "" && names[n.Name] == 1 {
			continue
		}
		for _, out := range n.Outputs {
			if out != "" {
				n.ID = out
				break
			}
		}
		if n.ID == "" || names[n.ID] > 0 {
			n.ID = fmt.Sprintf("%s#%d", n.ID, i)
		}
	}
}

func (c *cursor) submessage(f field, on func(f field) (bool, error)) error {
	if f.kind != protowire.BytesType {
		return errMalformed
	}
	return c.message(f.length, on)
}

// opset reads the version of an operator set into versions, by its domain.
func (c *cursor) opset(f field, versions map[string]int64) error {
	domain, version := "", int64(0)
	err := c.submessage(f, func(f field) (bool, error) {
		var err error
		switch f.number {
		case 1:
			domain, err = c.text(f)
		case 2:
			version, err = c.integer(f)
		default:
			return false, nil
		}
		return true, err
	})
	if domain == "ai.onnx" {
		domain = ""
	}
	versions[domain] = version
	return err
}

func (c *cursor) graph(f field, m *Model) error {
	return c.submessage(f, func(f field) (bool, error) {
		var err error
		switch f.number {
		case 1:
			var n Node
			if n, err = c.node(f); err == nil {
				m.Nodes = append(m.Nodes, n)
			}
		case 5:
			var t Tensor
			if t, err = c.tensor(f); err == nil {
				m.Weights = append(m.Weights, t)
			}
		case 11:
			m.Inputs, err = c.port(f, m.Inputs)
		case 12:
			m.Outputs, err = c.port(f, m.Outputs)
		case 13:
			m.stated, err = c.port(f, m.stated)
		case 15:
			err = fmt.Errorf("sparse initialisers are not supported")
		default:
			return false, nil
		}
		return true, err
	})
}

func (c *cursor) node(f field) (Node, error) {
	n := Node{Source: Span{c.at, f.length}}
	err := c.keep(256)
	if err != nil {
		return n, err
	}
	err = c.submessage(f, func(f field) (bool, error) {
		var err error
		switch f.number {
		case 1:
			err = c.texts(f, &n.Inputs)
		case 2:
			err = c.texts(f, &n.Outputs)
		case 3:
			n.Name, err = c.text(f)
		case 4:
			n.OpType, err = c.text(f)
		case 5:
			var a Attr
			if a, err = c.attr(f); err == nil {
				n.Attrs = append(n.Attrs, a)
			}
		case 7:
			n.Domain, err = c.text(f)
			if n.Domain == "ai.onnx" {
				n.Domain = ""
			}
		default:
			return false, nil
		}
		return true, err
	})
	if err != nil && n.OpType != "" {
		err = fmt.Errorf("node %s (%s): %w", quote(n.Name), clip(n.OpType), err)
	}
	return n, err
}

func (c *cursor) texts(f field, list *[]string) error {
	s, err := c.text(f)
	*list = append(*list, s)
	return err
}

func (c *cursor) attr(f field) (Attr, error) {
	a := Attr{source: Span{c.at, f.length}}
	if err := c.keep(256); err != nil {
		return a, err
	}
	err := c.submessage(f, func(f field) (bool, error) {
		var err error
		switch f.number {
		case 1:
			a.Name, err = c.text(f)
		case 2:
			var v float32
			v, err = c.float(f.kind)
			a.F = v
		case 3:
			a.I, err = c.integer(f)
		case 4:
			if f.length > maxName {
				return false, nil // some other operator's program text
			}
			a.S, err = c.text(f)
		case 5:
			var t Tensor
			t, err = c.tensor(f)
			a.Tensor = &t
		case 6, 11:
			a.HasGraph, a.graph = true, Span{c.at, f.length}
			return false, nil
		case 7:
			err = c.repeat(f, func() error {
				v, err := c.float(protowire.Fixed32Type)
				a.Floats = append(a.Floats, v)
				return first(err, c.keep(4))
			})
		case 8:
			err = c.repeat(f, func() error {
				v, err := c.varint()
				a.Ints = append(a.Ints, int64(v))
				return first(err, c.keep(8))
			})
		case 20:
			a.kind, err = c.integer(f)
		case 21:
			a.ref, err = c.text(f)
		default:
			return false, nil
		}
		return true, err
	})
	return a, err
}

// first returns the first error that is one.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *cursor) float(kind protowire.Type) (float32, error) {
	if kind != protowire.Fixed32Type {
		return 0, errMalformed
	}
	v, err := c.fixed32()
	return math.Float32frombits(v), err
}

// port appends an input or output to ports.
func (c *cursor) port(f field, ports []Port) ([]Port, error) {
	var p Port
	if err := c.keep(128); err != nil {
		return nil, err
	}
	err := c.submessage(f, func(f field) (bool, error) {
		var err error
		switch f.number {
		case 1:
			p.Name, err = c.text(f)
		case 2: // TypeProto; 1 is its tensor type: other types are left unshaped
			err = c.submessage(f, func(f field) (bool, error) {
				if f.number != 1 {
					return false, nil
				}
				return true, c.tensorType(f, &p)
			})
		default:
			return false, nil
		}
		return true, err
	})
	return append(ports, p), err
}

func (c *cursor) tensorType(f field, p *Port) error {
	return c.submessage(f, func(f field) (bool, error) {
		switch f.number {
		case 1:
			v, err := c.integer(f)
			p.Type = DataType(v)
			return true, err
		case 2:
			p.Shaped = true
			return true, c.submessage(f, func(f field) (bool, error) {
				if f.number != 1 {
					return false, nil
				}
				return true, c.dimension(f, p)
			})
		}
		return false, nil
	})
}

func (c *cursor) dimension(f field, p *Port) error {
	if len(p.Dims) == maxRank {
		return fmt.Errorf("tensor %s has more than %d dimensions", quote(p.Name), maxRank)
	}
	size, name := int64(-1), ""
	err := c.submessage(f, func(f field) (bool, error) {
		var err error
		switch f.number {
		case 1:
			size, err = c.integer(f)
		case 2:
			name, err = c.text(f)
		default:
			return false, nil
		}
		return true, err
	})
	if size < 1 { // some exporters write 0 or -1 for what is not fixed
		size = -1
	}
	p.Dims, p.Params = append(p.Dims, size), append(p.Params, name)
	return err
}
