package onnx

import (
	"fmt"
	"slices"
)

// call is one node about to be imported.
type call struct {
	*importer
	*node
	args []*value   // its inputs, nil where left out
	kind DataType   // of its outputs
	more []DataType // of the outputs after the first, where they differ from that
}

// kindOf returns the element type of the i-th output.
func (c *call) kindOf(i int) DataType {
	if i > 0 && i <= len(c.more) {
		return c.more[i-1]
	}
	return c.kind
}

// fixed reports whether all arguments from the i-th on are constant or left out, so that the others are all the data there is.
func (c *call) fixed(i int) bool {
	return !slices.ContainsFunc(c.args[min(i, len(c.args)):], func(v *value) bool { return v != nil && !v.constant })
}

// used reports whether anybody reads more than the shape of the i-th output.
func (c *call) used(i int) bool { return i < len(c.out) && c.out[i] != "" && c.uses[c.out[i]] > 0 }

// set names the i-th output.
func (c *call) set(i int, v *value) {
	if i < len(c.out) && c.out[i] != "" {
		c.values[c.out[i]] = v
	}
}

// attr returns the attribute called name.
func (n *Node) attr(name string) (*Attr, bool) {
	for i := range n.Attrs {
		if n.Attrs[i].Name == name {
			return &n.Attrs[i], true
		}
	}
	return nil, false
}

// int returns an integer attribute or its default.
func (n *Node) int(name string, otherwise int64) int64 {
	if a, ok := n.attr(name); ok {
		return a.I
	}
	return otherwise
}

// text returns a string attribute or its default.
func (n *Node) text(name, otherwise string) string {
	if a, ok := n.attr(name); ok {
		return a.S
	}
	return otherwise
}

// has reports whether argument i is given.
func (c *call) has(i int) bool { return i < len(c.args) && c.args[i] != nil }

// list returns the numbers that are attribute name or, in later operator sets, input i. ok is false if they are not given.
func (c *call) list(name string, i int) (list []int64, ok bool, err error) {
	if a, there := c.attr(name); there {
		return a.Ints, true, nil
	}
	if i < 0 || !c.has(i) {
		return nil, false, nil
	}
	numbers, err := c.numbers(i)
	for _, x := range numbers {
		list = append(list, toInt(x))
	}
	return list, true, err
}

// numbers returns the values of input i, which must be a known constant.
func (c *call) numbers(i int) ([]float64, error) {
	v := c.args[i]
	if !v.constant || !v.known {
		return nil, fmt.Errorf("its input %s decides about shapes, but its values are not known before the network runs", quote(v.name))
	}
	return v.list, nil
}

// toInt converts a number of a shape; the largest integers mean "to the end" and are cut to what all arithmetic can take.
func toInt(x float64) int64 {
	const most = 1 << 40
	if !(x > -most) { // also not a number
		return -most
	}
	return int64(min(x, most))
}
