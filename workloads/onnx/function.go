package onnx

import (
	"fmt"
	"io"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// function is an operator that a model defines itself (FunctionProto): nodes in place of which it stands.
type function struct {
	domain, name, overload string
	inputs, outputs        []string
	nodes                  []Node
	defaults               []Attr // of its attributes that have one
	domains                map[string]int64
}

// function reads a FunctionProto.
func (c *cursor) function(f field) (function, error) {
	fn := function{domains: map[string]int64{}}
	if err := c.keep(256); err != nil {
		return fn, err
	}
	err := c.submessage(f, func(f field) (bool, error) {
		var err error
		switch f.number {
		case 1:
			fn.name, err = c.text(f)
		case 4:
			err = c.texts(f, &fn.inputs)
		case 5:
			err = c.texts(f, &fn.outputs)
		case 7:
			var n Node
			n, err = c.node(f)
			fn.nodes = append(fn.nodes, n)
		case 9:
			err = c.opset(f, fn.domains)
		case 10:
			fn.domain, err = c.text(f)
		case 11:
			var a Attr
			a, err = c.attr(f)
			fn.defaults = append(fn.defaults, a)
		case 13:
			fn.overload, err = c.text(f)
		default:
			return false, nil
		}
		return true, err
	})
	if fn.domain == "ai.onnx" {
		fn.domain = ""
	}
	return fn, err
}

const (
	maxDepth  = 32      // of functions and branches in each other
	maxInline = 1 << 18 // nodes that functions and branches become, and
	maxNames  = 1 << 25 // the bytes of their names
)

// inliner puts the nodes of functions, and of branches that are known to be taken, in place of the nodes that call them.
type inliner struct {
	m     *Model
	used  map[string]bool // names of tensors and nodes
	nodes int             // made so far
	bytes int             // of names made so far
}

func newInliner(m *Model) *inliner {
	in := &inliner{m: m, used: map[string]bool{}}
	for i := range m.Nodes {
		for _, name := range m.Nodes[i].Outputs {
			in.used[name] = true
		}
		in.used[m.Nodes[i].Name] = true
	}
	for i := range m.Weights {
		in.used[m.Weights[i].Name] = true
	}
	for i := range m.Inputs {
		in.used[m.Inputs[i].Name] = true
	}
	return in
}

// inlineFunctions replaces the nodes that call the model's own functions.
func inlineFunctions(m *Model) error {
	if len(m.functions) == 0 {
		return nil
	}
	in := newInliner(m)
	var nodes []Node
	for i := range m.Nodes {
		made, err := in.expand(&m.Nodes[i], 0)
		if err != nil {
			return err
		}
		nodes = append(nodes, made...)
	}
	m.Nodes = nodes
	return nil
}

// find returns the function that n calls, or nil.
func (in *inliner) find(n *Node) *function {
	for i := range in.m.functions {
		if fn := &in.m.functions[i]; fn.name == n.OpType && fn.domain == n.Domain {
			return fn
		}
	}
	return nil
}

// expand returns the nodes that n stands for: n itself, unless it calls a function.
func (in *inliner) expand(n *Node, depth int) ([]Node, error) {
	fn := in.find(n)
	if fn == nil {
		return []Node{*n}, nil
	}
	if err := in.callable(fn, n, depth); err != nil {
		return nil, fmt.Errorf("%v: %w", n, err)
	}
	s := in.scope(n)
	for i, name := range fn.inputs {
		s.names[name] = ""
		if i < len(n.Inputs) {
			s.names[name] = n.Inputs[i]
		}
	}
	s.attrs = slices.Concat(n.Attrs, fn.defaults)
	return s.body(fn.nodes, fn.outputs, n.Outputs, depth)
}

// callable reports why function fn cannot be put in place of n, or nil.
func (in *inliner) callable(fn *function, n *Node, depth int) error {
	switch {
	case depth == maxDepth:
		return fmt.Errorf("its functions call each other more than %d deep", maxDepth)
	case fn.overload != "":
		return fmt.Errorf("its function has the overload %s, which is not supported", quote(fn.overload))
	case len(n.Inputs) > len(fn.inputs) || len(n.Outputs) > len(fn.outputs):
		return fmt.Errorf("has %d inputs and %d outputs, but its function %d and %d", len(n.Inputs), len(n.Outputs), len(fn.inputs), len(fn.outputs))
	}
	for domain, version := range fn.domains {
		have, there := in.m.Domains[domain]
		if !there {
			in.m.Domains[domain] = version
		} else if have != version && domain == "" {
			return fmt.Errorf("its function uses ONNX operator set %d, the model %d: functions of another operator set are not supported", version, have)
		}
	}
	return nil
}

// scope is the naming of one call of a function or one branch.
type scope struct {
	in     *inliner
	prefix string
	names  map[string]string // of the body's tensors and those around it, in the model
	attrs  []Attr            // that the body may refer to
}

func (in *inliner) scope(n *Node) *scope {
	prefix := n.Name
	if prefix == "" && len(n.Outputs) > 0 {
		prefix = n.Outputs[0]
	}
	return &scope{in: in, prefix: prefix, names: map[string]string{}}
}

// unique returns a name for something of the body.
func (s *scope) unique(name string) string {
	name = s.prefix + "/" + name
	for k, base := 1, name; s.in.used[name]; k++ {
		name = fmt.Sprintf("%s@%d", base, k)
	}
	s.in.used[name] = true
	s.in.bytes += len(name)
	return name
}

// body returns nodes as nodes of the model, with the outputs called inner under the names in outer.
func (s *scope) body(nodes []Node, inner, outer []string, depth int) ([]Node, error) {
	own := map[string]bool{}
	for i := range nodes {
		for _, name := range nodes[i].Outputs {
			if name != "" {
				own[name] = true
				delete(s.names, name)
			}
		}
	}
	var all, tail []Node
	for i, name := range outer {
		if name == "" {
			continue
		}
		if _, taken := s.names[inner[i]]; own[inner[i]] && !taken {
			s.names[inner[i]] = name
		} else { // one of the body's inputs, or an output asked for twice
			tail = append(tail, Node{Name: s.unique(name), OpType: "Identity", Inputs: []string{s.outer(inner[i])}, Outputs: []string{name}})
		}
	}
	for i := range nodes {
		for _, name := range nodes[i].Outputs {
			if _, named := s.names[name]; name != "" && !named {
				s.names[name] = s.unique(name)
			}
		}
	}
	for i := range nodes {
		n, err := s.node(&nodes[i])
		if err != nil {
			return nil, err
		}
		made, err := s.in.expand(&n, depth+1)
		if err != nil {
			return nil, err
		}
		all = append(all, made...)
	}
	return append(all, tail...), nil
}

// outer returns what a tensor of the body is called in the model.
func (s *scope) outer(name string) string {
	if to, known := s.names[name]; known {
		return to
	}
	return name
}

// node returns a node of the body as one of the model.
func (s *scope) node(n *Node) (Node, error) {
	if s.in.nodes++; s.in.nodes > maxInline || s.in.bytes > maxNames {
		return Node{}, fmt.Errorf("%v: functions and branches become more than the %d nodes supported", n, maxInline)
	}
	out := *n
	out.Inputs, out.Outputs, out.scope = slices.Clone(n.Inputs), slices.Clone(n.Outputs), s
	for _, names := range [][]string{out.Inputs, out.Outputs} {
		for i, name := range names {
			names[i] = s.outer(name)
		}
	}
	if n.Name != "" {
		out.Name = s.unique(n.Name)
	}
	s.bind(&out)
	return out, nil
}

// bind gives a node the attributes that it takes from the function's caller.
func (s *scope) bind(n *Node) {
	var attrs, bound []Attr
	for _, a := range n.Attrs {
		if a.ref == "" {
			attrs = append(attrs, a)
			continue
		}
		k := slices.IndexFunc(s.attrs, func(from Attr) bool { return from.Name == a.ref })
		if k < 0 {
			continue // the caller leaves it out, and so does the node
		}
		from := s.attrs[k]
		from.Name = a.Name
		attrs, bound = append(attrs, from), append(bound, from)
	}
	n.Attrs, n.bound = attrs, bound
}

// NodeBytes returns node n as a message (NodeProto) as it is in the model's file; the inputs, outputs and name in it need not be n's.
func (m *Model) NodeBytes(file io.ReaderAt, n *Node) ([]byte, error) {
	if n.Source.Length == 0 {
		return encodeNode(n), nil
	}
	source := make([]byte, n.Source.Length)
	if _, err := file.ReadAt(source, n.Source.Offset); err != nil {
		return nil, err
	}
	var b []byte
	for len(source) > 0 {
		number, kind, k := protowire.ConsumeField(source)
		if k < 0 {
			return nil, errMalformed
		}
		if number != 5 || kind != protowire.BytesType || len(attrText(source[:k], 21)) == 0 {
			b = append(b, source[:k]...)
		}
		source = source[k:]
	}
	for _, a := range n.bound {
		raw := make([]byte, a.source.Length)
		if _, err := file.ReadAt(raw, a.source.Offset); err != nil {
			return nil, err
		}
		b = messageField(b, 5, renamed(raw, a.Name))
	}
	return b, nil
}

// renamed returns an attribute (AttributeProto) under another name.
func renamed(raw []byte, name string) []byte {
	b := textField(nil, 1, name)
	for len(raw) > 0 {
		number, _, k := protowire.ConsumeField(raw)
		if k < 0 {
			break
		}
		if number != 1 && number != 21 {
			b = append(b, raw[:k]...)
		}
		raw = raw[k:]
	}
	return b
}
