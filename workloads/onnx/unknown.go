package onnx

import (
	"fmt"
	"slices"
	"strings"
)

// unknownOperator is what becomes of nodes whose operator is not in the table: they are executed whole, if the file states what
// they produce.
func unknownOperator() operator { return operator{0, inferStated, computesUnknown, false} }

// inferStated takes the shapes of a node's outputs from what the file says of tensors.
func inferStated(c *call) (shapes, error) {
	var dims shapes
	for i, name := range c.out {
		p, ok := c.stated[name]
		if name == "" || !ok {
			dims = append(dims, []int64{})
			continue
		}
		d, err := c.definite(p)
		if err != nil {
			return nil, err
		}
		dims = append(dims, d)
		if i == 0 {
			c.kind = p.Type
		} else {
			c.more = append(c.more, p.Type)
		}
	}
	return dims, nil
}

// definite returns the dimensions that the file states for a tensor, with the open ones that have the name of an input's dimension.
func (im *importer) definite(p *Port) ([]int64, error) {
	dims := slices.Clone(p.Dims)
	for i, d := range dims {
		if d >= 0 {
			continue
		}
		n, known := im.named[p.Params[i]]
		if !known {
			return nil, fmt.Errorf("is of an operator that is not known, and the file leaves dimension %d of its output %s open", i+1, quote(p.Name))
		}
		dims[i] = n
	}
	return dims, nil
}

func computesUnknown(c *call, dims shapes) error {
	c.m.assume("%v: its operator is not known; it is executed whole, with the dimensions %v that the file states and without multiply-accumulates", c.node.Node, dims[0])
	return computes(c, dims)
}

// refusal says why a node of an unknown operator cannot be executed whole, or nothing.
func (im *importer) refusal(n *node) string {
	if slices.ContainsFunc(n.Attrs, func(a Attr) bool { return a.HasGraph }) {
		return "it has graphs of its own"
	}
	if strings.HasPrefix(n.OpType, "Random") || n.OpType == "Bernoulli" || n.OpType == "Multinomial" {
		return "it draws random numbers, so that nobody can compute its answer again"
	}
	for _, name := range n.out {
		p := im.stated[name]
		switch {
		case name == "":
		case p == nil || !p.Shaped || p.Type.Bytes() == 0:
			return "the file does not state the shape of its output " + quote(name) + ", with which it could be executed whole"
		case im.reshaped != "":
			return "the shapes that the file states for its outputs do not hold, for " + im.reshaped
		}
	}
	return ""
}

// stateShapes gathers what the file says of tensors, and which dimensions have names.
func (im *importer) stateShapes(written []Port) {
	m := im.m
	im.stated, im.named = map[string]*Port{}, map[string]int64{}
	for _, ports := range [][]Port{m.stated, m.Outputs} {
		for i := range ports {
			im.stated[ports[i].Name] = &ports[i]
		}
	}
	for i := range m.Inputs {
		for k, d := range m.Inputs[i].Dims {
			if i >= len(written) || k >= len(written[i].Dims) {
				im.reshaped = "an input has other dimensions than in the file"
				continue
			}
			was := written[i].Dims[k]
			switch {
			case was < 0 && written[i].Params[k] != "":
				im.named[written[i].Params[k]] = d
			case was >= 0 && was != d:
				im.reshaped = fmt.Sprintf("dimension %d of input %s is %d instead of %d", k+1, quote(m.Inputs[i].Name), d, was)
			}
		}
	}
}
